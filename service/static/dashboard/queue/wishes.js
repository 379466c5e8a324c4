/** How somebody likes to work: keys, comfort. The service keeps it, so it is the same in any browser. */

import { ApiError, ask } from '../api.js'
import { announce } from '../dom.js'
import { page } from '../page.js'

const GATHER_MS = 400

/**
 * @typedef {{ keyboard: 'on' | 'off' | 'alt', keys: Record<string, string>, mask: boolean,
 *   mask_all: boolean, size: 'usual' | 'large' | 'larger', density: 'airy' | 'dense', calm: boolean,
 *   still: boolean, rest_after: number, languages: string[] }} Wishes
 * @type {Wishes}
 */
export const wishes = page.queue.wishes

let timer = 0

/** @param {Partial<Wishes>} changed */
export function wish(changed) {
  Object.assign(wishes, changed)
  clearTimeout(timer)
  timer = setTimeout(keep, GATHER_MS)
}

async function keep() {
  timer = 0
  try {
    await ask('PUT', '/v1/session/wishes', wishes)
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    announce(error.sentence)
  }
}

addEventListener('pagehide', () => {
  if (!timer) return
  clearTimeout(timer)
  fetch('/v1/session/wishes', {
    method: 'PUT',
    keepalive: true,
    credentials: 'same-origin',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(wishes),
  }).catch(() => undefined)
})
