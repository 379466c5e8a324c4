/** One-press filters: what the comments on the desk are here for; and the filter as the address. */

import { byId, element } from '../dom.js'
import { page, say } from '../page.js'
import { matches, parse, reasonsOf, termsOf, toggled } from './filters.js'

const MAX = 12
const numbers = new Intl.NumberFormat(page.lang)
const CONDITION = /^-?(rule|author|lang|risk|age|article|reason):/

/** @param {import('./desk.js').Desk} desk */
export function paintChips(desk) {
  const chosen = termsOf(desk.filter)
  /** @type {Map<string, { label: string, count: number }>} */
  const counts = new Map()
  const add = (/** @type {string} */ condition, /** @type {string} */ label) => {
    const known = counts.get(condition) ?? { label, count: 0 }
    counts.set(condition, { label, count: known.count + 1 })
  }
  for (const item of desk.items.values()) {
    if (!matches(item, desk.filter)) continue
    for (const rule of reasonsOf(item)) add(`rule:${rule}`, rule)
    if (item.author.approved === 0) add('author:new', say('new_author'))
    for (const { reason } of item.reports) add(`reason:${reason}`, page.words[`reason_${reason}`] ?? reason)
  }
  for (const condition of chosen.filter((each) => CONDITION.test(each)))
    if (!counts.has(condition)) counts.set(condition, { label: condition, count: 0 })
  const most = [...counts].sort((a, b) => b[1].count - a[1].count).slice(0, MAX)
  byId('chips').replaceChildren(...most.map(([condition, known]) => chip(desk, condition, known)))
}

/** @param {import('./desk.js').Desk} desk @param {string} condition @param {{ label: string, count: number }} known */
function chip(desk, condition, { label, count }) {
  return element(
    'button',
    {
      type: 'button',
      class: 'q-chip',
      'data-condition': condition,
      'aria-pressed': String(termsOf(desk.filter).includes(condition)),
      onclick: () => filter(desk, toggled(desk.filter, condition)),
    },
    element('bdi', {}, label),
    ` ${numbers.format(count)}`,
  )
}

/** @param {import('./desk.js').Desk} desk @param {string} line */
export function filter(desk, line) {
  const other = parse(line).phrase !== parse(desk.filter).phrase
  const field = /** @type {HTMLInputElement} */ (byId('filter'))
  field.value = line
  const here = new URL(location.href)
  if (line) here.searchParams.set('filter', line)
  else here.searchParams.delete('filter')
  if (other) return location.assign(here)
  desk.sift(line)
  if (!desk.ids.includes(desk.current ?? '')) desk.go(desk.ids[0] ?? null, { focus: false })
  history.replaceState(null, '', here)
}
