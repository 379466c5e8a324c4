/** A dry run under way: how far it is, until it ends, with a button that stops it. */

import { ApiError, ask } from '../api.js'
import { reloadSaying } from '../asking.js'
import { byId } from '../dom.js'
import { attempt } from '../entrance.js'
import { say } from '../page.js'

const PAUSE = 700

/**
 * Show a dry run until it ends, then its report.
 * @param {string} base
 * @param {string} id
 */
export async function follow(base, id) {
  const where = `${base}/dry-runs/${id}`
  const stop = document.getElementById('going-stop')
  if (stop) stop.onclick = () => void attempt(stop, () => ask('POST', `${where}/stop`).then(() => undefined))
  byId('going').hidden = false
  for (;;) {
    const run = await asked(where)
    if (run && show(run)) break
    await new Promise((resolve) => setTimeout(resolve, PAUSE))
  }
  const address = new URL(location.href)
  address.searchParams.set('run', id)
  history.replaceState(null, '', address)
  reloadSaying(say('dry_run_ended'))
}

/**
 * Ask how far it is; a connection that fails for a moment is nothing.
 * @param {string} where
 */
async function asked(where) {
  try {
    return await ask('GET', where)
  } catch (error) {
    if (error instanceof ApiError && (error.status === 0 || error.status >= 500)) return null
    throw error
  }
}

/**
 * @param {{ state: string, total: number, looked_at: number }} run
 * @returns {boolean} whether it has ended
 */
function show({ state, total, looked_at }) {
  const bar = /** @type {HTMLProgressElement} */ (byId('going-bar'))
  if (state === 'running' && total) {
    bar.max = total
    bar.value = looked_at
  } else bar.removeAttribute('value')
  byId('going-text').textContent =
    state === 'waiting' ? say('dry_run_waits') : say('dry_run_going', { n: total, done: looked_at })
  return !['waiting', 'running'].includes(state)
}
