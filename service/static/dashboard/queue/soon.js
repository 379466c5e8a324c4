/** The next card comes first: what can wait is done once the browser has painted it. */

const HIDDEN_MS = 100
/** A window that is covered paints nothing either, and does not say so. */
const COVERED_MS = 1_000

/** @type {(() => void)[]} */
const waiting = []

/** Once the browser has painted, or soon, where it paints nothing because nobody looks. */
export const painted = () =>
  new Promise((/** @type {(value?: undefined) => void} */ done) => {
    if (waiting.push(done) > 1) return
    let over = false
    const now = () => {
      if (over) return
      over = true
      for (const each of waiting.splice(0)) each()
    }
    requestAnimationFrame(() => setTimeout(now))
    setTimeout(now, document.hidden ? HIDDEN_MS : COVERED_MS)
  })

/**
 * Does something then, once, however often it was asked for before.
 * @param {() => void} work
 */
export function afterPaint(work) {
  let asked = false
  return async () => {
    if (asked) return
    asked = true
    await painted()
    asked = false
    work()
  }
}
