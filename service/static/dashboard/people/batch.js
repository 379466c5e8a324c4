/** Many decisions at once, and all of them taken back at once. */

import { ApiError, ask } from '../api.js'

const DECISIONS = '/v1/moderation/decisions'
const MOST = 200
const AT_ONCE = 4
const DONE = new Set(['applied', 'replayed'])

/**
 * @typedef {{ id: string, revision: number, status: string, lang: string }} Subject
 * @typedef {{ comment_id: string, decision_id: string }} Made
 * @typedef {{ made: Made[], statuses: Map<string, string>, skipped: number }} Outcome
 */

/** What the service calls it for a comment of this status; null where it means nothing. */
const VERBS = /** @type {Record<string, Record<string, string>>} */ ({
  approve: { pending: 'approve', removed: 'restore' },
  reject: { pending: 'reject', approved: 'remove' },
})

/**
 * @param {Subject[]} subjects
 * @param {'approve' | 'reject'} action
 * @param {{ reason?: string, note?: string }} [how]
 * @returns {Promise<Outcome>}
 * @throws {ApiError} when nothing was decided
 */
export async function decide(subjects, action, how = {}) {
  const wishes = subjects.flatMap(({ id, revision, status }) => {
    const verb = VERBS[action]?.[status]
    if (!verb) return []
    const wish = { comment_id: id, revision, action: verb, decision_id: crypto.randomUUID() }
    const reason = action === 'reject' ? { reason: how.reason } : {}
    return [{ ...wish, ...reason, ...(how.note ? { note: how.note } : {}) }]
  })
  /** @type {Outcome} */
  const outcome = { made: [], statuses: new Map(), skipped: subjects.length - wishes.length }
  for (let start = 0; start < wishes.length; start += MOST) {
    const piece = wishes.slice(start, start + MOST)
    const { results } = await ask('POST', DECISIONS, { decisions: piece })
    results.forEach((/** @type {any} */ result, /** @type {number} */ n) => {
      if (result.status) outcome.statuses.set(result.comment_id, result.status)
      if (DONE.has(result.outcome)) outcome.made.push(/** @type {any} */ (piece[n]))
      else outcome.skipped++
    })
  }
  return outcome
}

/**
 * Take decisions back; those that were decided again since stay.
 * @param {Made[]} made
 */
export async function reverse(made) {
  const waiting = [...made]
  /** @type {Map<string, any>} the comments as they are now */
  const comments = new Map()
  let kept = 0
  const work = async () => {
    for (let each = waiting.shift(); each; each = waiting.shift()) {
      try {
        const body = { comment_id: each.comment_id }
        const { comment } = await ask('POST', `${DECISIONS}/${each.decision_id}/reverse`, body)
        comments.set(each.comment_id, comment)
      } catch (error) {
        if (!(error instanceof ApiError)) throw error
        kept++
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return { comments, kept }
}
