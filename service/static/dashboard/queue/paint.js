/** What stands around the cards: counts, the foot, the selection, the bottom bar, the keys' faces. */

import { byId } from '../dom.js'
import { page, say } from '../page.js'
import { labelOf } from './cards.js'
import { faceOf, keysOf } from './keys.js'
import { sleeping } from './snooze.js'
import { wishes } from './wishes.js'

const numbers = new Intl.NumberFormat(page.lang)

/** @param {import('./decide.js').Decider} decider */
export function paintFoot(decider) {
  byId('last').textContent = decider.last
  byId('undo').hidden = !decider.undoable
  byId('kept').textContent = decider.kept ? say('kept', { n: decider.kept }) : ''
  byId('done').textContent = decider.done ? say('done_now', { n: decider.done }) : ''
}

/** @param {import('./desk.js').Desk} desk */
export function paintCounts(desk) {
  const count = document.querySelector('.q-lanes [aria-current] .q-count')
  if (count) count.textContent = numbers.format(desk.total)
  const empty = desk.ids.length === 0
  const later = sleeping().length
  byId('empty').hidden = !empty
  byId('empty-words').textContent =
    later ? say('all_later', { n: later }) : say(desk.filter ? 'no_match' : `nothing_${page.queue.lane}`)
  byId('clear-filter').hidden = !desk.filter
  byId('wake').hidden = !later
  const check = document.getElementById('work-on-check')
  if (empty && !desk.filter) import('./pace.js').then((each) => each.tell())
  else byId('pace').hidden = true
  if (check) check.hidden = page.queue.lane === 'check' || Boolean(desk.filter)
}

/** @param {import('./desk.js').Desk} desk */
export function paintSelection(desk) {
  byId('selection').hidden = desk.selected.size === 0
  byId('selected').textContent = say('selected', { n: desk.selected.size })
}

/** @param {import('./desk.js').Desk} desk */
export function paintBottom(desk) {
  const item = desk.item()
  byId('bottom').hidden = !item
  const card = desk.card()
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('.q-more [data-act], #bottom [data-act]'))) {
    const { act: action = '' } = button.dataset
    const same = /** @type {HTMLElement | null | undefined} */ (card?.querySelector(`[data-act="${action}"]`))
    if (same) button.hidden = same.hidden
    const label = button.querySelector('.q-label')
    if (item && label && (action === 'approve' || action === 'reject')) label.textContent = labelOf(action, item)
  }
}

export function paintFaces() {
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-act]'))) faced(button)
}

/** @param {HTMLElement} button */
function faced(button) {
  const [key] = keysOf(button.dataset.act ?? '')
  const face = button.querySelector('kbd')
  if (!face || !key) return
  face.hidden = wishes.keyboard === 'off'
  face.textContent = faceOf(key)
  if (key === 'Ctrl+K') return
  if (wishes.keyboard === 'off') button.removeAttribute('aria-keyshortcuts')
  else button.setAttribute('aria-keyshortcuts', `${wishes.keyboard === 'alt' ? 'Alt+' : ''}${key}`)
}
