import { ar } from './words/ar.js'
import { en } from './words/en.js'
import { fr } from './words/fr.js'

const CATALOGUES = { ar, en, fr }

/** A unit's name, its length and how long it is used, in seconds. @type {[any, number, number][]} */
const UNITS = [
  ['second', 1000, 60],
  ['minute', 60, 3600],
  ['hour', 3600, 86_400],
  ['day', 86_400, 2_592_000],
  ['month', 2_629_800, 31_536_000],
]

/** The words of one language, and how it writes numbers and times. */
export class Words {
  /** @param {string} tag BCP 47, `ar-u-nu-latn` for instance. */
  constructor(tag) {
    const name = tag.toLowerCase().split('-')[0]
    this.name = name in CATALOGUES ? name : 'en'
    this.tag = name === this.name ? tag : 'en'
    this.dir = this.name === 'ar' ? 'rtl' : 'ltr'
    this.catalogue = CATALOGUES[this.name]
    this.plurals = new Intl.PluralRules(this.tag)
    this.numbers = new Intl.NumberFormat(this.tag)
    this.spans = new Intl.RelativeTimeFormat(this.tag, { numeric: 'auto' })
    this.dates = new Intl.DateTimeFormat(this.tag, { dateStyle: 'long', timeStyle: 'short' })
  }

  /** Say within what time something usually happens; never below 3, as two of a thing has a case of its own. */
  usually(/** @type {number | null} */ minutes) {
    if (!minutes) return ''
    const [n, unit] = minutes > 180 ? [Math.ceil(minutes / 60), 'hour'] : [Math.max(minutes, 3), 'minute']
    return ` ${this.say('usually', { r: n.toLocaleString(this.tag, { style: 'unit', unit, unitDisplay: 'long' }) })}`
  }

  /**
   * Say something. `{n}` is a number and picks the plural form, `{u}` a name, `{r}` a sentence.
   * @param {string} key
   * @param {{n?: number, u?: string, r?: string}} [values]
   * @returns {string}
   */
  say(key, values = {}) {
    let form = this.catalogue[key]
    if (typeof form === 'object') form = form[this.plurals.select(values.n ?? 0)] ?? form.other
    return form.replace(/\{([nur])\}/g, (_, name) =>
      name === 'n' ? this.numbers.format(values.n ?? 0) : `\u2068${values[name] ?? ''}\u2069`,
    )
  }

  /** Say how long ago something was, within a year; then its date. */
  ago(/** @type {string} */ at) {
    const seconds = (Date.parse(at) - Date.now()) / 1000
    const [unit, length] = UNITS.find(([, , most]) => -seconds < most) ?? []
    return unit ? this.spans.format(Math.min(Math.trunc(seconds / length), 0), unit) : this.dates.format(new Date(at))
  }
}
