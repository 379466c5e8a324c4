/** Answers that are no decisions: what was seen, a second look, an appeal, reports that are dismissed. */

import { ask } from '../api.js'
import { page, say } from '../page.js'
import { reasonName } from './cards.js'
import { when } from './text.js'
import { wake } from './snooze.js'

const COMMENTS = '/v1/moderation/comments'
const SEEN = '/v1/moderation/seen'
const AWAIT_MS = 300
const TRIES = 100

/**
 * @param {any[]} items of the lane that is shown
 * @param {string} action
 * @param {{ reason?: string | undefined, note?: string | undefined }} how
 * @returns {Promise<string>} what there is to say about it
 */
export async function answered(items, action, { reason, note = '' }) {
  if (page.queue.lane === 'new') {
    await ask('POST', SEEN, { comment_ids: items.map((each) => each.comment.id) })
    return ''
  }
  let words = ''
  for (const { comment, appeal } of items) {
    if (page.queue.lane === 'check') words = await checked(comment.id, action, reason)
    else if (appeal) await ask('POST', `/v1/moderation/appeals/${comment.id}`, { grant: action === 'approve', note })
    else await ask('DELETE', `${COMMENTS}/${comment.id}/reports`)
  }
  return words
}

/** @param {string} id @param {string} action @param {string | undefined} reason */
async function checked(id, action, reason) {
  const verdict = action === 'approve' ? 'approve' : 'reject'
  const told = await ask('POST', `/v1/moderation/checks/${id}`, { verdict, reason: reason ?? null })
  const { by, action: done, at, reason: why } = told.decision
  const theirs = say(`they_${done}`, { name: by.name || say('somebody'), when: when(at) })
  return `${say(told.agrees ? 'you_agree' : 'you_differ')} ${theirs}${why ? ` ${reasonName(why)}.` : ''}`
}

/** How each is taken back. @type {Record<string, (id: string) => Promise<any>>} */
const BACK = {
  check: (id) => ask('DELETE', `/v1/moderation/checks/${id}`),
  appeal: (id) => ask('POST', `/v1/moderation/appeals/${id}/reopen`),
  reports: (id) => ask('POST', `${COMMENTS}/${id}/reports/reopen`),
}

/**
 * Take an answer back.
 * @param {Exclude<import('./steps.js').Step, { kind: 'decide' }>} step
 */
export async function takenBack(step) {
  if (step.kind === 'later') return wake(step.ids)
  if (step.kind === 'seen') return ask('POST', SEEN, { comment_ids: step.ids, seen: false })
  if (step.kind === 'cluster') return clusterUndone(step)
  const back = BACK[step.kind]
  if (back) return Promise.all(step.ids.map(back))
  const wishes = await Promise.all(
    step.ids.map(async (id) => {
      const { comment } = await ask('GET', `${COMMENTS}/${id}`)
      return { comment_id: id, revision: comment.revision, action: 'approve', override: true }
    }),
  )
  return ask('POST', '/v1/moderation/decisions', { decisions: wishes })
}

/** @param {{ cluster: string, operation: string }} step */
async function clusterUndone({ cluster, operation }) {
  const place = `/v1/moderation/clusters/${cluster}/decisions/${operation}`
  let { state } = await ask('POST', `${place}/undo`)
  for (let tries = 0; state !== 'undone' && tries < TRIES; tries++) {
    await new Promise((done) => setTimeout(done, AWAIT_MS))
    state = (await ask('GET', place)).state
  }
}

/**
 * Take a public comment from its readers until somebody decides it again: the decision that made it
 * public is undone, so it waits.
 * @param {string} id
 * @returns {Promise<boolean>} whether it is hidden now
 */
export async function hidden(id) {
  const { decisions } = await ask('GET', `${COMMENTS}/${id}`)
  const last = decisions.at(-1)
  if (last?.action !== 'approve') return false
  const { comment } = await ask('POST', `/v1/moderation/decisions/${last.decision_id}/reverse`, { comment_id: id })
  return comment.status === 'pending'
}

/** @param {string} id @param {boolean} on */
export const featured = (id, on) => ask('PUT', `${COMMENTS}/${id}/featured`, { featured: on })
