/** Everything of an author that waits is rejected behind the page, which says how far it is. */

import { ask } from '../api.js'
import { byId } from '../dom.js'
import { say } from '../page.js'

const AGAIN_MS = 400

/**
 * @param {string} site
 * @param {string} ref
 * @param {string} reason
 * @returns {Promise<string>} its id
 */
export async function start(site, ref, reason) {
  const body = { reason, operation_id: crypto.randomUUID() }
  return (await ask('POST', `/v1/sites/${site}/readers/${ref}/rejections`, body)).id
}

/**
 * Ask how far it is until it is at its end.
 * @param {string} site
 * @param {string} id
 * @param {(said: string, seen: any) => void} tell
 */
export async function follow(site, id, tell) {
  const bar = /** @type {HTMLProgressElement} */ (byId('done-progress'))
  for (;;) {
    const seen = await ask('GET', `/v1/sites/${site}/rejections/${id}`)
    const { state, total, rejected, skipped, restored } = seen
    const under = state === 'running' || state === 'undoing'
    bar.hidden = !under
    bar.max = Math.max(total, 1)
    bar.value = state === 'running' ? rejected + skipped : restored
    if (state === 'running') tell(say('author_sweeping', { n: rejected, total }), seen)
    if (state === 'done') tell(say('author_swept', { n: rejected, total, skipped }), seen)
    if (state === 'undoing') tell(say('author_unsweeping', { n: restored, total: rejected }), { rejected: 0 })
    if (state === 'undone') tell(say('author_unswept', { n: restored, total: rejected }), { rejected: 0 })
    if (!under) return
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
  }
}

/**
 * @param {string} site
 * @param {string} id
 * @param {(said: string) => void} tell
 */
export async function undone(site, id, tell) {
  await ask('POST', `/v1/sites/${site}/rejections/${id}/undo`)
  await follow(site, id, tell)
}
