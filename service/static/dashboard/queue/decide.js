/**
 * Decisions: the next card is painted at once, the answer is awaited behind it. What fails comes
 * back on top with words; what the network swallows is kept and sent later; `u` takes back.
 */

import { ApiError, ask } from '../api.js'
import { announce } from '../dom.js'
import { page, say } from '../page.js'
import { reasonName } from './cards.js'
import { noticeOf } from './notices.js'
import { painted } from './soon.js'
import { Steps } from './steps.js'

/** What is needed now and then. */
const answers = () => import('./answers.js')
const DECISIONS = '/v1/moderation/decisions'
const KEPT_MAX = 20
const AGAIN_MS = 5_000
const LATER = new Set([0, 429, 503, 504])

/** @typedef {{ wishes: any[], items: Map<string, any>, ended?: Promise<void> }} Batch */

export class Decider extends EventTarget {
  #desk
  #steps = new Steps()
  /** @type {Batch[]} */
  #kept = []
  /** Those without an answer so far. @type {Set<Batch>} */
  #open = new Set()
  #timer = 0
  done = 0
  last = ''

  /** @param {import('./desk.js').Desk} desk */
  constructor(desk) {
    super()
    this.#desk = desk
    addEventListener('online', () => this.#sendKept())
    addEventListener('beforeunload', (event) => {
      if (this.#open.size) event.preventDefault()
    })
  }

  get kept() {
    return this.#kept.reduce((sum, each) => sum + each.wishes.length, 0)
  }

  /** How many decisions the service has not answered. */
  get unanswered() {
    return [...this.#open].reduce((sum, each) => sum + each.wishes.length, 0)
  }

  /** Whether a comment is decided, and the service has not said so yet. @param {string} id */
  holds(id) {
    return [...this.#open].some((each) => each.items.has(id))
  }

  get undoable() {
    return this.#steps.any
  }

  /**
   * @param {any[]} items
   * @param {'approve' | 'reject' | 'escalate'} action
   * @param {{ reason?: string, note?: string, override?: boolean }} [how]
   */
  decide(items, action, { reason, note, override = false } = {}) {
    if (this.kept + items.length > KEPT_MAX && this.#kept.length) return this.say(say('offline_full'))
    const apart = items.filter((each) => verbOf(each, action) === null)
    const wishes = items.filter((each) => !apart.includes(each)).map((item) => ({
      comment_id: item.comment.id,
      revision: item.comment.revision,
      action: verbOf(item, action),
      decision_id: crypto.randomUUID(),
      override: override || Boolean(item.override),
      ...(action === 'reject' ? { reason } : {}),
      ...(note ? { note } : {}),
    }))
    for (const item of items) item.notice = null
    this.#desk.take(items.map((each) => each.comment.id))
    this.done += items.length
    this.say(told(items, action, reason, this.#desk.total))
    if (apart.length) this.#answer(apart, action, { reason, note })
    if (!wishes.length) return
    const batch = { wishes, items: new Map(items.map((each) => [each.comment.id, each])) }
    this.#steps.push({ kind: 'decide', decisions: wishes.map(bare), batch })
    this.#send(batch)
  }

  /** Take the last decision back; again, the one before. */
  async undo() {
    const step = this.#steps.pop()
    if (!step) return this.say(say('nothing_to_undo'))
    if (step.kind !== 'decide') return this.#undoAnswer(step)
    const { batch } = step
    if (batch && this.#kept.includes(batch)) {
      this.#kept = this.#kept.filter((each) => each !== batch)
      this.#open.delete(batch)
      for (const item of batch.items.values()) this.#desk.put(item, { first: true })
    } else {
      await batch?.ended
      for (const each of step.decisions) if (!(await this.#reverse(each, batch))) return
    }
    this.#undone(step.decisions.map((each) => each.comment_id))
  }

  /** @param {string[]} ids @param {number} [counted] of them as decided */
  #undone(ids, counted = ids.length) {
    this.done = Math.max(0, this.done - counted)
    this.#desk.total += ids.length
    const [first] = ids
    if (first && this.#desk.item(first)) this.#desk.go(first)
    this.say(say('undone', { n: Math.max(counted, ids.length) }))
  }

  /** @param {Exclude<import('./steps.js').Step, { kind: 'decide' }>} step */
  async #undoAnswer(step) {
    try {
      if ('ended' in step) await step.ended
      await (await answers()).takenBack(step)
      if (step.kind === 'check') return this.#withdrawn(step.ids.length)
      const elsewhere = 'lane' in step && step.lane !== page.queue.lane
      const items = elsewhere ? [] : await itemsOf(step)
      for (const item of items) this.#desk.put({ ...item, lease: null, notice: null }, { first: true })
      if (elsewhere) return this.say(say('undone', { n: step.ids.length }))
      const apart = step.kind === 'later' || step.kind === 'hide'
      this.#undone(step.ids, apart ? 0 : step.kind === 'cluster' ? step.many : step.ids.length)
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      this.say(`${say('not_undone')} ${error.sentence}`)
    }
  }

  /** Whoever was told how it was decided does not see it again. @param {number} n */
  #withdrawn(n) {
    this.done = Math.max(0, this.done - n)
    this.say(say('withdrawn', { n }))
  }

  /** Something that was done beside the decisions and can be taken back. @param {import('./steps.js').Step} step */
  remember(step) {
    this.#steps.push(step)
    this.dispatchEvent(new Event('changed'))
  }

  /**
   * @param {{ comment_id: string, decision_id: string }} decision
   * @param {Batch | undefined} batch
   */
  async #reverse({ comment_id, decision_id }, batch) {
    try {
      await ask('POST', `${DECISIONS}/${decision_id}/reverse`, { comment_id })
      const item = batch?.items.get(comment_id) ?? (await found(comment_id))
      this.#desk.put({ ...item, lease: null, notice: null }, { first: true })
      return true
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      this.say(`${say('not_undone')} ${error.sentence}`)
      return false
    }
  }

  /** @param {Batch} batch */
  #send(batch) {
    this.#open.add(batch)
    batch.ended = this.#sent(batch).finally(() => {
      if (!this.#kept.includes(batch)) this.#open.delete(batch)
      this.dispatchEvent(new Event('changed'))
    })
    return batch.ended
  }

  /** @param {Batch} batch */
  async #sent(batch) {
    await painted()
    try {
      const { results } = await ask('POST', DECISIONS, { decisions: batch.wishes })
      this.#kept = this.#kept.filter((each) => each !== batch)
      results.forEach((/** @type {any} */ result, /** @type {number} */ n) =>
        this.#settle(result, batch.wishes[n], batch),
      )
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      if (LATER.has(error.status)) return this.#keep(batch)
      this.#kept = this.#kept.filter((each) => each !== batch)
      for (const item of batch.items.values()) this.comesBack(item, [error.sentence])
      this.#steps.forget(batch.wishes)
    }
  }

  /** @param {any} result @param {any} wish @param {Batch} batch */
  #settle(result, wish, batch) {
    const item = batch.items.get(result.comment_id)
    if (result.outcome === 'applied' || result.outcome === 'replayed') return
    this.#steps.forget([wish])
    if (result.outcome === 'not_found') return this.say(say('gone', { name: item.comment.author.name }))
    this.comesBack(item, noticeOf(result, wish, item, this))
  }

  /** @param {any} item @param {(Node | string)[]} notice */
  comesBack(item, notice) {
    item.notice = notice
    this.done = Math.max(0, this.done - 1)
    this.#desk.total++
    this.#desk.put(item, { first: true })
    if (this.#desk.current === null || this.#desk.ids.length === 1) this.#desk.go(item.comment.id)
    const words = notice.map((each) => (typeof each === 'string' ? each : '')).join(' ')
    this.say(say('came_back', { name: item.comment.author.name, why: words }))
  }

  /** Leave a comment to whoever has decided it. @param {any} item */
  drop(item) {
    this.#desk.take([item.comment.id])
  }

  /** Undo a colleague's decision, and decide. @param {any} item @param {any} theirs @param {any} wish */
  async insist(item, theirs, wish) {
    try {
      await ask('POST', `${DECISIONS}/${theirs.decision_id}/reverse`, { comment_id: item.comment.id })
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      return this.say(error.sentence)
    }
    const action = wish.action === 'remove' ? 'reject' : wish.action
    this.decide([item], action, { ...wish, override: true })
  }

  /**
   * Lanes and appeals have answers of their own (answers.js).
   * @param {any[]} items
   * @param {string} action
   * @param {{ reason?: string | undefined, note?: string | undefined }} how
   */
  async #answer(items, action, how) {
    /** @type {import('./steps.js').Step} */
    const step = { kind: kindOf(items[0]), ids: items.map((each) => each.comment.id), lane: page.queue.lane, items }
    const answer = answers().then((each) => each.answered(items, action, how))
    step.ended = answer.catch(() => undefined)
    this.#steps.push(step)
    try {
      const words = await answer
      if (words) this.say(words)
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      this.#steps.drop(step)
      for (const item of items) this.comesBack(item, [error.sentence])
    }
  }

  /** @param {Batch} batch */
  #keep(batch) {
    if (!this.#kept.includes(batch)) this.#kept.push(batch)
    announce(say('kept', { n: this.kept }))
    this.dispatchEvent(new Event('changed'))
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#sendKept(), AGAIN_MS)
  }

  async #sendKept() {
    for (const batch of [...this.#kept]) {
      await this.#send(batch)
      if (this.#kept.includes(batch)) return
    }
  }

  /** @param {string} words */
  say(words) {
    this.last = words
    this.dispatchEvent(new Event('changed'))
    painted().then(() => announce(words))
  }
}

/** @param {{ comment_id: string, decision_id: string }} wish */
const bare = ({ comment_id, decision_id }) => ({ comment_id, decision_id })

/**
 * What the service calls it; null where it is no decision.
 * @param {any} item
 * @param {string} action
 */
function verbOf(item, action) {
  if (item.appeal || page.queue.lane === 'check') return null
  if (item.comment.status !== 'approved') return action
  return action === 'reject' ? 'remove' : null
}

/** What an answer is, for whoever takes it back. @param {any} item @returns {'seen' | 'check' | 'appeal' | 'reports'} */
function kindOf(item) {
  if (page.queue.lane === 'new') return 'seen'
  if (page.queue.lane === 'check') return 'check'
  return item.appeal ? 'appeal' : 'reports'
}

/** @param {any[]} items @param {string} action @param {string | undefined} reason @param {number} left */
function told(items, action, reason, left) {
  const why = action === 'reject' && reason ? `: ${reasonName(reason)}` : ''
  return `${say(`did_${action}`, { n: items.length })}${why}. ${say('left', { n: left })}`
}

/** @param {Exclude<import('./steps.js').Step, { kind: 'decide' }>} step */
const itemsOf = async (step) => step.items ?? Promise.all(step.ids.map(found))

/** A comment that was on the desk before the page was loaded anew. @param {string} id */
async function found(id) {
  const { site, lane, sort } = page.queue
  const first = await ask('GET', `/v1/moderation/queue?${new URLSearchParams({ site, lane, sort, limit: '50' })}`)
  return first.items.find((/** @type {any} */ each) => each.comment.id === id) ?? described(id)
}

/** One that does not lie in this lane, as the queue would tell it. @param {string} id */
async function described(id) {
  const whole = await ask('GET', `/v1/moderation/comments/${id}`)
  const comment = whole.pending ?? whole.comment
  const due = new Date(Date.parse(comment.created_at) + 3_600_000).toISOString()
  const risk = Math.max(0, ...whole.why.map((/** @type {any} */ each) => each.score))
  return {
    ...whole,
    comment,
    article: { key: comment.article, url: null, title: null },
    priority: { risk, severity: 0, reach: 0, urgency: 0 },
    due_at: due,
    cluster: null,
    reports: [],
    appeal: null,
    suggested_reason: null,
  }
}
