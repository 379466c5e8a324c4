/**
 * What one likes of the looks of the page, and how many hard texts one has read: for oneself alone,
 * kept in this tab and told to nobody.
 */

import { byId, element } from '../dom.js'
import { page, say } from '../page.js'
import { wishes } from './wishes.js'

const HOUR_MS = 3_600_000
const PLACE = 'postbag-hard'
export const HARD_RISK = 0.9
const HARD_SEVERITY = 3
const MASKED = new Set(page.queue.masked)

/** Whether a text may weigh on who reads it. @param {any} item */
export function isHard(item) {
  const { risk, severity } = item.priority
  return risk >= HARD_RISK || severity >= HARD_SEVERITY || item.why.some((/** @type {any} */ each) => MASKED.has(each.rule))
}

export function dress() {
  const { classList } = document.documentElement
  classList.toggle('q-large', wishes.size === 'large')
  classList.toggle('q-larger', wishes.size === 'larger')
  classList.toggle('q-dense', wishes.density === 'dense')
  classList.toggle('q-calm', wishes.calm)
  classList.toggle('q-still', wishes.still)
}

export class Exposure {
  #desk
  /** @type {number[]} */
  #moments = kept()
  /** How many there were when a break was suggested. */
  #told = 0
  #seen = new Set()

  /** @param {import('./desk.js').Desk} desk */
  constructor(desk) {
    this.#desk = desk
    desk.addEventListener('current', () => this.#count())
    this.#paint()
  }

  #count() {
    const item = this.#desk.item()
    if (!item || this.#seen.has(item.comment.id) || !isHard(item)) return
    this.#seen.add(item.comment.id)
    if (this.#seen.size > 1_000) this.#seen.clear()
    const now = Date.now()
    this.#moments = [...this.#moments, now].filter((each) => each > now - HOUR_MS)
    try {
      sessionStorage.setItem(PLACE, JSON.stringify(this.#moments))
    } catch {
      /* then until the page is left */
    }
    this.#paint()
  }

  #paint() {
    const hour = Date.now() - HOUR_MS
    const many = this.#moments.filter((each) => each > hour).length
    byId('exposure').textContent = many ? say('hard_this_hour', { n: many }) : ''
    const wanted = wishes.rest_after > 0 && many >= wishes.rest_after
    if (!wanted) this.#told = 0
    else if (many >= this.#told + wishes.rest_after || this.#told === 0) {
      this.#told = many
      this.#suggest(many)
    }
  }

  /** @param {number} many */
  #suggest(many) {
    const place = byId('rest')
    const away = () => {
      place.hidden = true
    }
    const lighter = /** @type {HTMLAnchorElement | null} */ (document.querySelector('.q-lanes a[href*="lane=check"]'))
    place.replaceChildren(
      element('p', {}, say('rest', { n: many })),
      ...(lighter && page.queue.lane !== 'check' ? [element('a', { class: 'button', href: lighter.href }, say('lighter'))] : []),
      element('button', { type: 'button', class: 'small', onclick: away }, say('go_on')),
    )
    place.hidden = false
  }
}

/** @returns {number[]} */
function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(PLACE) ?? '[]')
  } catch {
    return []
  }
}
