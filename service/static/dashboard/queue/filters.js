/** The filter line: words search the texts, conditions choose among what is there. */

const CONDITION = /^(rule|lang|author|risk):(\S+)$/

/** @param {string} line */
export function parse(line) {
  const words = line.split(/\s+/).filter(Boolean)
  return {
    phrase: words.filter((each) => !CONDITION.test(each)).join(' '),
    conditions: words.flatMap((each) => {
      const [, name = '', value = ''] = CONDITION.exec(each) ?? []
      return name ? [{ name, value }] : []
    }),
  }
}

/**
 * @param {any} item of the queue
 * @param {string} line
 */
export function matches(item, line) {
  return parse(line).conditions.every(({ name, value }) => {
    if (name === 'rule') return reasonsOf(item).includes(value)
    if (name === 'lang') return (item.comment.lang ?? '').split('-')[0] === value
    if (name === 'author') return (value === 'new') === isNew(item)
    const bound = Number(value.replace(/[<>=]/g, ''))
    return value.startsWith('<') ? item.priority.risk < bound : item.priority.risk > bound
  })
}

/** @param {any} item */
export const isNew = (item) => item.author.approved === 0

/** What a comment is here for: rules, and reasons of reports. @param {any} item */
export const reasonsOf = (item) => [...new Set(item.why.map((/** @type {any} */ each) => each.rule))]

/**
 * The line with a condition put in, or taken out where it stands already.
 * @param {string} line
 * @param {string} condition
 */
export function toggled(line, condition) {
  const words = line.split(/\s+/).filter(Boolean)
  const rest = words.filter((each) => each !== condition)
  return (rest.length < words.length ? rest : [...words, condition]).join(' ')
}
