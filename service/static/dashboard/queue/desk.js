/** What lies on the desk: the cards in their order, the current one, the selected ones. */

import { byId } from '../dom.js'
import { page } from '../page.js'
import { aged, filled, newCard } from './cards.js'
import { matches } from './filters.js'
import { isAsleep } from './snooze.js'
import { afterPaint } from './soon.js'

const AGES_MS = 30_000

export class Desk extends EventTarget {
  /** @type {Map<string, any>} */
  items = new Map()
  selected = new Set()
  /** @type {string | null} */
  current = null
  /** When the current card became so; keys that decide wait a moment. */
  since = 0
  filter = page.queue.filter
  /** @type {string | null} */
  next = page.queue.page.next
  total = page.queue.page.total
  #list = byId('cards')
  /** @type {Map<string, HTMLElement>} */
  #cards = new Map()
  #revealed = ''
  #focus = afterPaint(() => {
    if (!document.querySelector('dialog[open]') && !written()) this.card()?.querySelector('.q-card')?.focus({ preventScroll: true })
  })

  constructor() {
    super()
    for (const card of /** @type {NodeListOf<HTMLElement>} */ (this.#list.querySelectorAll(':scope > li')))
      this.#cards.set(card.dataset.id ?? '', card)
    for (const item of page.queue.page.items) {
      const card = this.#cards.get(item.comment.id)
      this.items.set(item.comment.id, own(item))
      if (card) filled(card, item)
    }
    page.queue.page = null
    this.#sift()
    this.#list.addEventListener('focusin', (event) => this.#follow(event))
    this.#list.addEventListener('click', (event) => this.#follow(event))
    setInterval(() => this.#age(), AGES_MS)
  }

  get ids() {
    return [...this.items.keys()].filter((id) => !this.#cards.get(id)?.hidden)
  }

  /** @param {string | null} [id] */
  item(id = this.current) {
    return id === null ? undefined : this.items.get(id)
  }

  /** @param {string | null} [id] */
  card(id = this.current) {
    return id === null ? undefined : this.#cards.get(id)
  }

  /**
   * Put a comment on the desk; one that lies there already is only told anew.
   * @param {any} item
   * @param {{ first?: boolean }} [where]
   */
  put(item, { first = false } = {}) {
    const { id } = item.comment
    own(item)
    const known = this.#cards.get(id)
    const card = known ? filled(known, item, { revealed: this.#revealed === id }) : newCard(item)
    if (first) {
      this.items.delete(id)
      this.items = new Map([[id, item], ...this.items])
      this.#list.prepend(card)
    } else {
      this.items.set(id, item)
      if (!known) this.#list.append(card)
    }
    this.#cards.set(id, card)
    card.hidden = !first && !this.#shows(item)
  }

  /**
   * Take comments away; what follows the current one becomes current.
   * @param {string[]} ids
   */
  take(ids) {
    const gone = new Set(ids)
    const order = this.ids
    const at = order.indexOf(this.current ?? '')
    const following =
      order.slice(at).find((id) => !gone.has(id)) ?? order.slice(0, Math.max(at, 0)).reverse().find((id) => !gone.has(id))
    const holds = gone.has(this.current ?? '')
    const focused = holds && this.#list.contains(document.activeElement)
    if (holds) {
      this.current = null
      this.#revealed = ''
    }
    for (const id of ids) {
      this.items.delete(id)
      this.selected.delete(id)
      this.#cards.get(id)?.remove()
      this.#cards.delete(id)
    }
    this.total = Math.max(0, this.total - ids.length)
    // Looking for the focus makes browsers lay the page out: the next card is painted first.
    if (holds) this.go(following ?? null, { focus: false })
    if (holds && (focused || !document.querySelector('dialog[open]'))) {
      this.card()?.scrollIntoView({ block: 'nearest' })
      this.#focus()
    }
    this.#tell('changed')
  }

  /** @param {number} by */
  step(by) {
    const order = this.ids
    const at = order.indexOf(this.current ?? '')
    const id = order[Math.min(Math.max(at + by, 0), order.length - 1)]
    if (id !== undefined && id !== this.current) this.go(id)
    return id
  }

  /**
   * @param {string | null} id
   * @param {{ focus?: boolean }} [how]
   */
  go(id, { focus = true } = {}) {
    this.#leave()
    this.current = id
    this.since = performance.now()
    const card = this.card()
    if (card) {
      card.classList.add('q-current')
      card.setAttribute('aria-current', 'true')
      const inside = /** @type {HTMLElement} */ (card.querySelector('.q-card'))
      inside.tabIndex = 0
      if (focus && !card.contains(document.activeElement)) inside.focus({ preventScroll: true })
      if (focus) card.scrollIntoView({ block: 'nearest' })
    }
    this.#tell('current')
  }

  /** @param {string} id */
  toggle(id, on = !this.selected.has(id)) {
    if (on) this.selected.add(id)
    else this.selected.delete(id)
    const box = /** @type {HTMLInputElement | null} */ (this.#cards.get(id)?.querySelector('.q-select'))
    if (box) box.checked = on
    this.#cards.get(id)?.classList.toggle('q-selected', on)
    this.#tell('selection')
  }

  clear() {
    for (const id of [...this.selected]) this.toggle(id, false)
  }

  reveal() {
    const item = this.item()
    const card = this.card()
    if (!item || !card) return
    this.#revealed = this.#revealed === item.comment.id ? '' : item.comment.id
    filled(card, item, { revealed: this.#revealed !== '' })
  }

  /** Paint all cards anew. */
  repaint() {
    for (const [id, item] of this.items) this.put(item)
    this.#sift()
    this.#tell('changed')
  }

  /** @param {string} line */
  sift(line) {
    this.filter = line
    this.#sift()
    this.#tell('changed')
  }

  #sift() {
    for (const [id, item] of this.items) {
      const card = this.#cards.get(id)
      if (card) card.hidden = !this.#shows(item)
    }
  }

  /** @param {any} item */
  #shows(item) {
    return matches(item, this.filter) && !isAsleep(item)
  }

  #leave() {
    const card = this.card()
    if (!card) return
    card.classList.remove('q-current')
    card.removeAttribute('aria-current')
    const inside = /** @type {HTMLElement} */ (card.querySelector('.q-card'))
    inside.tabIndex = -1
    const item = this.item()
    if (item && this.#revealed === item.comment.id) {
      this.#revealed = ''
      filled(card, item)
    }
  }

  /** @param {Event} event */
  #follow(event) {
    const target = /** @type {HTMLElement} */ (event.target)
    const id = /** @type {HTMLElement | null} */ (target.closest('li[data-id]'))?.dataset.id
    if (id && id !== this.current) this.go(id, { focus: false })
  }

  #age() {
    if (document.hidden) return
    for (const [id, item] of this.items) {
      const card = this.#cards.get(id)
      if (card) aged(card, item)
    }
  }

  #tell(/** @type {string} */ what) {
    this.dispatchEvent(new Event(what))
  }
}

/** Whether somebody has begun to write meanwhile. */
const written = () => document.activeElement?.matches('input:not([type=checkbox]), textarea, select')

/** What one holds oneself, from before a reload, is nobody else's. @param {any} item */
function own(item) {
  if (!item.ours && item.lease?.by === page.me.member.name) item.lease = null
  return item
}
