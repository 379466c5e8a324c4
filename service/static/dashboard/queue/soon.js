/** The next card comes first: what can wait is done once the browser has painted it. */

const HIDDEN_MS = 100

/** Once the browser has painted, or soon, where it paints nothing because nobody looks. */
export const painted = () =>
  new Promise((/** @type {(value?: unknown) => void} */ done) => {
    requestAnimationFrame(() => setTimeout(done))
    setTimeout(done, HIDDEN_MS)
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
