/** Keys by what stands on them, on any layout: the same rules as in the queue. */

import { page } from '../page.js'

const GO_MS = 1_500

/** @param {KeyboardEvent} event */
function keyOf(event) {
  if (event.defaultPrevented || event.isComposing || event.repeat) return null
  const { keyboard } = page.place
  if (keyboard === 'off' || event.altKey !== (keyboard === 'alt')) return null
  if (event.ctrlKey || event.metaKey || writes(event.target)) return null
  const { key, code } = event
  if (/^[a-z]$/i.test(key)) return shifted(key.toUpperCase(), event)
  if (key === '/') return key
  if (key.length !== 1 || key.charCodeAt(0) < 128) return null
  if (/^Key[A-Z]$/.test(code)) return shifted(code.slice(3), event)
  return code === 'Slash' && !event.shiftKey ? '/' : null
}

/** @param {string} letter @param {KeyboardEvent} event */
const shifted = (letter, event) => (event.shiftKey ? `Shift+${letter}` : letter.toLowerCase())

/** @param {EventTarget | null} target */
function writes(target) {
  return target instanceof HTMLElement && target.matches('input:not([type=checkbox]), textarea, select')
}

/** @param {Record<string, () => void>} acts by action */
export function listen(acts) {
  const actions = new Map(Object.entries(page.place.keys).map(([action, key]) => [key, action]))
  let went = -GO_MS
  document.addEventListener('keydown', (event) => {
    const key = keyOf(event)
    if (key === null || document.querySelector('dialog[open]')) return
    const said = event.timeStamp - went < GO_MS ? `g ${key}` : key
    went = said === 'g' ? event.timeStamp : -GO_MS
    const act = acts[actions.get(said) ?? '']
    if (!act) return
    event.preventDefault()
    act()
  })
}
