/**
 * Whoever has looked at a comment for a second holds it, so that nobody else decides the same one;
 * it is given back when they look at another, hide the page or leave.
 */

import { ApiError, ask } from '../api.js'
import { page } from '../page.js'
import { afterPaint } from './soon.js'

const CLAIMS = '/v1/moderation/claims'
const AFTER_MS = 1_000
const RENEW_MS = 30_000
const IDLE_MS = 180_000

export class Leases {
  #desk
  /** @type {string | null} */
  held = null
  #timer = 0
  #moved = performance.now()

  /** @param {import('./desk.js').Desk} desk */
  constructor(desk) {
    this.#desk = desk
    desk.addEventListener('current', afterPaint(() => this.#wait()))
    for (const kind of ['keydown', 'pointerdown', 'pointermove', 'scroll'])
      addEventListener(kind, () => (this.#moved = performance.now()), { passive: true })
    document.addEventListener('visibilitychange', () => (document.hidden ? this.release() : this.#wait()))
    addEventListener('pagehide', () => this.release())
    setInterval(() => this.#renew(), RENEW_MS)
  }

  toggle() {
    const { current } = this.#desk
    if (this.held !== null && this.held === current) this.release()
    else this.#claim(current)
  }

  #wait() {
    clearTimeout(this.#timer)
    const { current } = this.#desk
    if (this.held !== null && this.held !== current) this.release()
    if (current !== null && !document.hidden) this.#timer = setTimeout(() => this.#claim(current), AFTER_MS)
  }

  /** @param {string | null} id */
  async #claim(id) {
    const item = this.#desk.item(id)
    if (!item || !page.queue.decides || id !== this.#desk.current) return
    try {
      const { site, lane } = page.queue
      const { items } = await ask('POST', CLAIMS, { site, lane, limit: 1, comment_ids: [id] })
      const got = items[0]
      if (!got) return
      item.lease = got.lease
      item.ours = true
      if (id === this.#desk.current) this.held = id
      else this.#giveBack([String(id)])
      if (this.#desk.item(id)) this.#desk.put(item)
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
    }
  }

  async #renew() {
    if (this.held === null || document.hidden || performance.now() - this.#moved > IDLE_MS) return
    try {
      const { lost } = await ask('POST', `${CLAIMS}/renew`, { comment_ids: [this.held] })
      if (lost.includes(this.held)) this.held = null
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
    }
  }

  release() {
    clearTimeout(this.#timer)
    if (this.held === null) return
    const item = this.#desk.item(this.held)
    if (item) Object.assign(item, { lease: null, ours: false })
    this.#giveBack([this.held])
    this.held = null
  }

  /** Also while the page is being left. @param {string[]} ids */
  #giveBack(ids) {
    fetch(`${CLAIMS}/release`, {
      method: 'POST',
      keepalive: true,
      credentials: 'same-origin',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ comment_ids: ids }),
    }).catch(() => undefined)
  }
}
