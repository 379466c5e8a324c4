/** What the server told this page's modules, and the words of its language. */

/** @type {{ lang: string, words: Record<string, any>, me: any, [more: string]: any }} */
export const page = JSON.parse(
  /** @type {HTMLMetaElement} */ (document.querySelector('meta[name="postbag:page"]')).content,
)

const plurals = new Intl.PluralRules(page.lang)
const numbers = new Intl.NumberFormat(page.lang)

/**
 * A phrase with its values; `n` chooses among the forms of a plural.
 * @param {string} phrase
 * @param {Record<string, unknown>} [values]
 */
export function say(phrase, values = {}) {
  let said = page.words[phrase]
  if (said === undefined) throw new Error(`No phrase ${phrase}`)
  if (typeof said !== 'string') said = said[plurals.select(Number(values.n))] ?? said.other
  return said.replace(/\{(\w+)\}/g, (/** @type {string} */ _, /** @type {string} */ name) =>
    typeof values[name] === 'number' ? numbers.format(values[name]) : String(values[name]),
  )
}

/** @param {string} phrase */
export const knows = (phrase) => phrase in page.words
