/** How somebody likes to work, kept on this device: keys, comfort. Never a word of a comment. */

const PLACE = 'postbag-queue'

/** @type {{ keyboard: 'on' | 'off' | 'alt', mask: boolean, large: boolean, keys: Record<string, string> }} */
const USUAL = { keyboard: 'on', mask: true, large: false, keys: {} }

function kept() {
  try {
    return JSON.parse(localStorage.getItem(PLACE) ?? '{}')
  } catch {
    return {}
  }
}

export const wishes = { ...USUAL, ...kept() }

/** @param {Partial<typeof USUAL>} changed */
export function wish(changed) {
  Object.assign(wishes, changed)
  try {
    localStorage.setItem(PLACE, JSON.stringify(wishes))
  } catch {
    /* a browser that keeps nothing goes by the page alone */
  }
}
