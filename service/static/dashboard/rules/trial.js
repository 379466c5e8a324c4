/** What rules said about a typed text: each with the places it saw, marked. */

import { element } from '../dom.js'
import { say } from '../page.js'

/** @typedef {{ span: [number, number], text: string, via: string[] }} Place */
/** @typedef {{ rule: string, tried: boolean, state: string, action: string, label: string, places: Place[] }} Spoken */

/**
 * @param {string} text
 * @param {{ ruling: string, language: string, signals: Spoken[] }} trial
 */
export function showTrial(text, { ruling, language, signals }) {
  const mine = signals.filter((each) => each.tried)
  const shown = element('div')
  shown.append(element('p', { class: 'big' }, say(mine.length ? 'tried_hit' : 'tried_no_hit')))
  const items = signals.map((each) => line(text, each))
  if (items.length) shown.append(element('ul', { class: 'tried' }, ...items))
  shown.append(
    element('p', { class: 'hint' }, say('tried_ruling', { ruling: say(`ruling_${ruling}`), lang: language })),
  )
  return shown
}

/**
 * @param {string} text
 * @param {Spoken} spoken
 */
function line(text, { rule, tried, state, label, places }) {
  const name = tried ? say('tried_mine') : rule
  const item = element('li', { class: tried ? 'mine' : '' }, element('b', {}, element('bdi', {}, name)), ': ', element('bdi', {}, label))
  if (state === 'shadow') item.append(' ', element('span', { class: 'badge state-shadow' }, say('tried_shadow')))
  if (!places.length) return item
  item.append(element('p', { class: 'said', dir: 'auto' }, ...marked(text, places)))
  const ways = [...new Set(places.flatMap((each) => each.via))]
  if (ways.length)
    item.append(element('p', { class: 'hint' }, ways.map((each) => say(`via_${each}`)).join(' · ')))
  return item
}

/**
 * The text with its places marked; spans count code points, strings count units of UTF-16.
 * @param {string} text
 * @param {Place[]} places
 */
function marked(text, places) {
  const points = [...text]
  /** @type {(Node | string)[]} */
  const parts = []
  let at = 0
  for (const { span } of [...places].sort((one, other) => one.span[0] - other.span[0])) {
    const [start, end] = span
    if (start < at || end <= start) continue
    parts.push(points.slice(at, start).join(''), element('mark', {}, points.slice(start, end).join('')))
    at = end
  }
  return [...parts, points.slice(at).join('')]
}
