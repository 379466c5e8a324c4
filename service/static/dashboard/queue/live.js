/** What comes in and goes while one works: heard at once where there is a stream, else asked for. */

import { ApiError, ask } from '../api.js'
import { announce, byId, element } from '../dom.js'
import { page, say } from '../page.js'
import { parse } from './filters.js'
import { afterPaint, painted } from './soon.js'
import { when } from './text.js'

const POLL_MS = 15_000
const QUIET_MS = 60_000
const GATHER_MS = 1_000
const LOW = 10
const SETTLES_MS = 10_000
const SIZE = 50
const AT_ONCE = 6

export class Live {
  #desk
  #decider
  #state = byId('live')
  #told = 0
  #asking = false
  #streams = false
  #timer = 0
  /** When each comment was decided here. */
  #known = new Map()

  /** @param {import('./desk.js').Desk} desk @param {import('./decide.js').Decider} decider */
  constructor(desk, decider) {
    this.#desk = desk
    this.#decider = decider
    desk.addEventListener('changed', afterPaint(() => this.fill()))
    decider.addEventListener('changed', () => this.#follow())
    setInterval(() => this.#poll(), POLL_MS)
    document.addEventListener('visibilitychange', () => document.hidden || this.#poll())
    addEventListener('offline', () => this.#show('offline'))
    this.#listen()
  }

  /** @param {string | null} cursor @param {number} limit */
  async #page(cursor, limit) {
    const { site, lane, sort } = page.queue
    const asked = new URLSearchParams({ site, lane, sort, limit: String(limit) })
    const { phrase } = parse(this.#desk.filter)
    if (phrase && (lane === 'held' || lane === 'all')) asked.set('q', phrase)
    if (cursor) asked.set('cursor', cursor)
    return ask('GET', `/v1/moderation/queue?${asked}`)
  }

  /** Fetch more while few cards are left. */
  async fill() {
    if (this.#asking || this.#desk.next === null || this.#desk.ids.length > LOW) return
    this.#asking = true
    try {
      for (let pages = 0; pages < 5 && this.#desk.next !== null && this.#desk.ids.length <= LOW; pages++) {
        const more = await this.#page(this.#desk.next, SIZE)
        this.#desk.next = more.next
        await this.#lay(more.items)
        this.#desk.dispatchEvent(new Event('filled'))
      }
      if (this.#desk.current === null && this.#desk.ids[0]) this.#desk.go(this.#desk.ids[0], { focus: false })
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      if (error.code === 'bad_cursor') this.#desk.next = null
      this.#show('offline')
    } finally {
      this.#asking = false
    }
  }

  /** A few at a time, so that keys are answered in between. @param {any[]} items */
  async #lay(items) {
    for (let start = 0; start < items.length; start += AT_ONCE) {
      if (start) await painted()
      for (const item of items.slice(start, start + AT_ONCE)) if (!this.#decided(item)) this.#desk.put(item)
    }
  }

  /** A page that was under way while one decided still has what was decided. @param {any} item */
  #decided(item) {
    const { id } = item.comment
    const at = this.#known.get(id)
    if (this.#decider.holds(id) || this.#desk.items.has(id)) return true
    return at !== undefined && performance.now() - at < SETTLES_MS
  }

  /** @param {string[]} ids */
  decided(ids) {
    const now = performance.now()
    for (const [id, at] of this.#known) if (now - at > SETTLES_MS) this.#known.delete(id)
    for (const id of ids) this.#known.set(id, now)
  }

  async #poll() {
    if (document.hidden || this.#asking) return
    try {
      const before = this.#decider.unanswered
      const first = await this.#page(null, SIZE)
      this.#show(this.#streams ? 'live' : 'polling')
      this.#take(first, before)
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      this.#show('offline')
    }
  }

  /** @param {any} first @param {number} unanswered decisions, when it was asked for */
  #take(first, unanswered) {
    const before = this.#desk.items.size
    for (const item of first.items) {
      const known = this.#desk.items.get(item.comment.id)
      if (!known && !this.#decided(item)) this.#desk.put(item)
      else if (known && !known.ours && !known.notice) this.#update(known, item)
    }
    if (first.next === null) {
      const there = new Set(first.items.map((/** @type {any} */ each) => each.comment.id))
      const gone = [...this.#desk.items].filter(([id, item]) => !there.has(id) && id !== this.#desk.current && !item.notice)
      if (gone.length) this.#desk.take(gone.map(([id]) => id))
      this.#desk.next = null
    }
    this.#desk.total = Math.max(this.#desk.ids.length, first.total - unanswered)
    this.#desk.dispatchEvent(new Event('filled'))
    if (this.#desk.current === null && this.#desk.ids[0]) this.#desk.go(this.#desk.ids[0], { focus: false })
    this.#tell(this.#desk.items.size - before)
  }

  /** @param {any} known @param {any} item */
  #update(known, item) {
    const same = known.lease?.by === item.lease?.by && known.comment.revision === item.comment.revision
    if (!same) this.#desk.put(Object.assign(known, item))
  }

  /** At most once a minute, and never while somebody writes. @param {number} more */
  #tell(more) {
    if (more < 1 || performance.now() - this.#told < QUIET_MS || document.activeElement?.matches('input, textarea'))
      return
    this.#told = performance.now()
    announce(say('came_in', { n: more }))
  }

  #listen() {
    const stream = new EventSource(`/v1/moderation/events?site=${page.queue.site}`)
    const on = (/** @type {string} */ kind, /** @type {(told: any) => void} */ heard) =>
      stream.addEventListener(kind, (event) => heard(JSON.parse(event.data)))
    stream.addEventListener('open', () => {
      this.#streams = true
      this.#show('live')
    })
    stream.addEventListener('error', () => {
      this.#streams = false
      this.#show(navigator.onLine ? 'polling' : 'offline')
    })
    on('claimed', (told) => this.#lease(told.comment_ids, told))
    on('released', (told) => this.#lease(told.comment_ids, null))
    on('decided', (told) => this.#decidedElsewhere(told))
    on('counts', (told) => this.#count(told))
    for (const kind of ['edited', 'reported', 'appeal', 'resync']) on(kind, () => this.#soon())
    for (const kind of ['alert', 'alerts_seen', 'resync'])
      on(kind, () => document.dispatchEvent(new Event('postbag:alerts')))
    on('degraded', () => this.#show('polling'))
    addEventListener('pagehide', () => stream.close())
  }

  /** Whether decisions get through says as much as the stream. */
  #follow() {
    const { state } = this.#state.dataset
    if (this.#decider.kept) this.#show('offline')
    else if (state === 'offline') this.#soon()
  }

  #soon() {
    this.#timer ||= setTimeout(() => {
      this.#timer = 0
      this.#poll()
    }, GATHER_MS)
  }

  /** @param {string[]} ids @param {{ by: string, until: string } | null} lease */
  #lease(ids, lease) {
    for (const id of ids) {
      const item = this.#desk.item(id)
      if (!item || item.ours || lease?.by === page.me.member.name) continue
      item.lease = lease
      this.#desk.put(item)
      if (lease && id === this.#desk.current) announce(say('lease_by', { name: lease.by }))
    }
  }

  /** @param {{ decisions: any[], by: { kind: string, name: string } }} told */
  #decidedElsewhere({ decisions, by }) {
    for (const each of decisions) {
      const item = this.#desk.item(each.comment_id)
      if (each.status === 'pending') this.#soon()
      if (!item || each.status === item.comment.status || item.notice) continue
      if (each.comment_id !== this.#desk.current) {
        this.#desk.take([each.comment_id])
        continue
      }
      item.notice = [
        say(`they_${each.action}`, { name: by.name || say('somebody'), when: when(new Date().toISOString()) }),
        element('button', { type: 'button', class: 'small', onclick: () => this.#desk.take([each.comment_id]) }, say('keep_theirs')),
      ]
      this.#desk.put(item)
    }
  }

  /** @param {Record<string, number>} counts */
  #count(counts) {
    const { lane } = page.queue
    // The pile of second looks is told for everybody; what one decided oneself is not for oneself.
    const grew = lane !== 'check' && (counts[lane] ?? 0) !== this.#desk.total
    for (const count of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('.q-count')))
      if (count.dataset.lane && count.dataset.lane in counts && count.dataset.lane !== 'check')
        count.textContent = new Intl.NumberFormat(page.lang).format(counts[count.dataset.lane] ?? 0)
    if (grew) this.#soon()
  }

  /** @param {'live' | 'polling' | 'offline'} state */
  #show(state) {
    this.#state.dataset.state = state
    this.#state.textContent = say(`state_${state}`)
  }
}
