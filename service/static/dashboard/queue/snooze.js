/** What somebody puts off: it comes back in an hour, or when its author has edited it. Only ids are kept. */

import { page } from '../page.js'

const HOUR_MS = 3_600_000
const PLACE = `postbag-later-${page.queue.site}`

/** @type {Map<string, { until: number, revision: number }>} */
const asleep = new Map(kept())

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(PLACE) ?? '[]')
  } catch {
    return []
  }
}

function keep() {
  for (const [id, { until }] of asleep) if (until < Date.now()) asleep.delete(id)
  try {
    sessionStorage.setItem(PLACE, JSON.stringify([...asleep]))
  } catch {
    /* then until the page is left */
  }
}

/** @param {any} item */
export function putOff(item) {
  asleep.set(item.comment.id, { until: Date.now() + HOUR_MS, revision: item.comment.revision })
  keep()
}

/** @param {string[]} ids */
export function wake(ids) {
  for (const id of ids) asleep.delete(id)
  keep()
}

/** @param {any} item */
export function isAsleep(item) {
  const found = asleep.get(item.comment.id)
  return found !== undefined && found.until > Date.now() && found.revision === item.comment.revision
}

export const sleeping = () => [...asleep.keys()]
