/** What can be taken back, the last first: twenty steps, also after a reload. */

import { page } from '../page.js'
import { afterPaint } from './soon.js'

const MAX = 20
const PLACE = `postbag-undo-${page.queue.site}`

/**
 * @typedef {{ comment_id: string, decision_id: string }} Decided
 * @typedef {{ kind: 'decide', decisions: Decided[], batch?: import('./decide.js').Batch }
 *   | { kind: 'seen' | 'reports' | 'appeal' | 'check', ids: string[], lane: string, items?: any[], ended?: Promise<unknown> }
 *   | { kind: 'hide', ids: string[], items?: any[] }
 *   | { kind: 'later', ids: string[], items?: any[] }
 *   | { kind: 'cluster', ids: string[], many: number, cluster: string, operation: string, items?: any[] }} Step
 */

export class Steps {
  /** @type {Step[]} */
  #steps = remembered()
  #keep = afterPaint(() => this.#write())

  constructor() {
    addEventListener('pagehide', () => this.#write())
  }

  get any() {
    return this.#steps.length > 0
  }

  /** @param {Step} step */
  push(step) {
    this.#steps.push(step)
    this.#steps.splice(0, this.#steps.length - MAX)
    this.#keep()
  }

  pop() {
    const step = this.#steps.pop()
    this.#keep()
    return step
  }

  /** An answer that was not given after all. @param {Step} step */
  drop(step) {
    this.#steps = this.#steps.filter((each) => each !== step)
    this.#keep()
  }

  /** Decisions that were not made after all. @param {Decided[]} decisions */
  forget(decisions) {
    const gone = new Set(decisions.map((each) => each.decision_id))
    for (const step of this.#steps)
      if (step.kind === 'decide') step.decisions = step.decisions.filter((each) => !gone.has(each.decision_id))
    this.#steps = this.#steps.filter((each) => each.kind !== 'decide' || each.decisions.length)
    this.#keep()
  }

  #write() {
    const plain = this.#steps.map((each) => ({ ...each, batch: undefined, items: undefined, ended: undefined }))
    try {
      sessionStorage.setItem(PLACE, JSON.stringify(plain))
    } catch {
      /* a browser that keeps nothing takes back only until the page is left */
    }
  }
}

/** @returns {Step[]} */
function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem(PLACE) ?? '[]').filter((/** @type {Step} */ each) => each.kind)
  } catch {
    return []
  }
}
