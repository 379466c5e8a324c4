/** The dialog of a ban or a mute: how long, why, and what goes along with it. */

import { element } from '../dom.js'
import { say } from '../page.js'
import { asked, field, reasonChoice, tick } from './dialogs.js'

const DAY_MS = 86_400_000
const EARLIER_MS = 60_000 // of a mute, so that it is one by any clock
const REASON_MAX = 1_000

/**
 * @param {{ name: string, waiting: number, approved: number, elsewhere: number }} author
 * @param {string} site
 * @param {boolean} isMute
 * @returns {Promise<{ ban: { until: string | null, reason: string | null, everywhere: boolean }, reason: string,
 *   alsoWaiting: boolean, alsoPublic: boolean } | null>}
 */
export function askBan(author, site, isMute) {
  const name = author.name || '–'
  const length = lengths()
  const day = field(say('author_last_day'), 'p-day', { type: 'date', min: isoDay(Date.now() + DAY_MS) })
  const typed = field(say('author_type_name', { name }), 'p-typed', { dir: 'auto', spellcheck: 'false' })
  const told = field(say('author_reason'), 'p-told', { rows: 2, maxlength: REASON_MAX, dir: 'auto' }, 'textarea')
  const everywhere = tick(say('author_everywhere', { n: author.elsewhere }), 'p-everywhere')
  const waiting = tick(say('author_also_waiting', { n: author.waiting }), 'p-also-waiting')
  const published = tick(say('author_also_public'), 'p-also-public')
  const reason = reasonChoice(say('author_also_reason'), 'p-also-reason')
  const groups = {
    day: element('div', { class: 'stack' }, ...day.nodes),
    typed: element('div', { class: 'stack' }, ...typed.nodes),
    reason: element('div', { class: 'stack' }, ...reason.nodes),
  }
  const paint = () => {
    groups.day.hidden = isMute || length.value() !== 'day'
    groups.typed.hidden = isMute || length.value() !== 'good'
    groups.reason.hidden = !waiting.input.checked && !published.input.checked
  }
  for (const each of [length.node, waiting.node, published.node]) each.addEventListener('change', paint)
  paint()
  const answer = () => {
    const until = isMute ? new Date(Date.now() + DAY_MS - EARLIER_MS) : length.until(day.input.value)
    if (typeof until === 'string') return until
    if (until === null && typed.input.value.trim() !== name.trim()) {
      typed.input.setAttribute('aria-invalid', 'true')
      typed.input.focus()
      return say('author_name_differs')
    }
    return {
      ban: {
        until: until?.toISOString() ?? null,
        reason: told.input.value.trim() || null,
        everywhere: everywhere.input.checked,
      },
      reason: reason.select.value,
      alsoWaiting: waiting.input.checked,
      alsoPublic: published.input.checked,
    }
  }
  const content = [
    element('p', { class: 'hint' }, say('author_scope', { site })),
    ...(author.elsewhere && !isMute ? [everywhere.node] : []),
    ...(isMute ? [element('p', {}, say('author_day'))] : [length.node, groups.day]),
    ...told.nodes,
    ...(author.waiting ? [waiting.node] : []),
    ...(author.approved && !isMute ? [published.node] : []),
    groups.reason,
    groups.typed,
  ]
  const title = say(isMute ? 'author_mute_title' : 'author_ban_title', { name })
  return asked(title, say(isMute ? 'author_mute_now' : 'author_ban_now'), content, answer)
}

/** How long a ban may last. */
function lengths() {
  const choices = [
    ['1', say('author_day')],
    ['7', say('author_days', { n: 7 })],
    ['30', say('author_days', { n: 30 })],
    ['day', say('author_until_day')],
    ['good', say('author_for_good')],
  ]
  const boxes = choices.map(([value, label], n) => {
    const box = element('input', { type: 'radio', name: 'p-length', value, checked: n === 0 })
    return element('label', { class: 'p-tick' }, box, ` ${label}`)
  })
  const node = element('fieldset', { class: 'p-lengths' }, element('legend', {}, say('author_length')), ...boxes)
  const value = () => /** @type {HTMLInputElement} */ (node.querySelector(':checked')).value
  /** @param {string} day @returns {Date | null | string} */
  const until = (day) => {
    if (value() === 'good') return null
    if (value() !== 'day') return new Date(Date.now() + Number(value()) * DAY_MS - EARLIER_MS)
    const end = new Date(`${day}T23:59:59`)
    return Number.isNaN(end.getTime()) || end.getTime() < Date.now() ? say('author_day_needed') : end
  }
  return { node, value, until }
}

/** @param {number} moment */
function isoDay(moment) {
  const at = new Date(moment)
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0')
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
}
