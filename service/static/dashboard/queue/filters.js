/**
 * The filter line, which is also the address: words search the texts, conditions choose among
 * what is there. It is the language of the search page (search/language.py), and `risk`, `age`.
 */

const TERM = /-?[a-z]+:(?:"[^"]*"|\S+)|"[^"]*"|\S+/g
const CONDITION = /^(-?)(rule|lang|author|risk|age|article|reason|lane|site):(?!\/\/)(.+)$/
const UNITS = /** @type {Record<string, number>} */ ({ m: 60_000, h: 3_600_000, d: 86_400_000 })
const NEW = 'new'

/** @param {string} line */
export const termsOf = (line) => line.match(TERM) ?? []

/** @param {string} line */
export function parse(line) {
  const terms = termsOf(line)
  return {
    phrase: terms.filter((each) => !CONDITION.test(each)).map(bare).join(' '),
    conditions: terms.flatMap((each) => {
      const [, minus = '', name = '', value = ''] = CONDITION.exec(each) ?? []
      return name ? [{ name, value: bare(value), negated: minus === '-' }] : []
    }),
  }
}

/** @param {string} said */
const bare = (said) => said.replace(/^"|"$/g, '')

/** What each condition asks of a comment. @type {Record<string, (item: any, value: string) => boolean>} */
const ASKS = {
  rule: (item, value) => item.why.some((/** @type {any} */ each) => each.rule === value),
  lang: (item, value) => (item.comment.lang ?? '').split('-')[0] === value,
  author: (item, value) =>
    value === NEW ? isNew(item) : folded(item.comment.author.name).includes(folded(value)),
  article: (item, value) =>
    item.article.key === value || folded(item.article.title ?? '').includes(folded(value)),
  reason: (item, value) => item.reports.some((/** @type {any} */ each) => each.reason === value),
  risk: (item, value) => compared(item.priority.risk, value, Number),
  age: (item, value) => compared(Date.now() - Date.parse(item.comment.created_at), value, lengthOf),
  lane: () => true,
  site: () => true,
}

/**
 * @param {any} item of the queue
 * @param {string} line
 */
export function matches(item, line) {
  return parse(line).conditions.every(({ name, value, negated }) => {
    const ask = ASKS[name]
    return !ask || value.split(',').some((each) => ask(item, each)) !== negated
  })
}

/** @param {number} found @param {string} wanted @param {(said: string) => number} read */
function compared(found, wanted, read) {
  const bound = read(wanted.replace(/[<>=]/g, ''))
  return wanted.startsWith('<') ? found < bound : found > bound
}

/** "30m", "2h", "1d" in milliseconds. @param {string} said */
const lengthOf = (said) => Number.parseFloat(said) * (UNITS[said.at(-1) ?? ''] ?? UNITS.m ?? 0)

/** @param {string} said */
const folded = (said) => said.toLocaleLowerCase()

/** @param {any} item */
export const isNew = (item) => item.author.approved === 0

/** What a comment is here for. @param {any} item */
export const reasonsOf = (item) => [...new Set(item.why.map((/** @type {any} */ each) => each.rule))]

/**
 * The line with a condition put in, or taken out where it stands already.
 * @param {string} line
 * @param {string} condition
 */
export function toggled(line, condition) {
  const terms = termsOf(line)
  const rest = terms.filter((each) => each !== condition)
  return (rest.length < terms.length ? rest : [...terms, condition]).join(' ')
}
