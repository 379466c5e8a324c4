/**
 * Keys by what stands on them, whatever the layout; and which action a key means.
 *
 * The table itself is the server's (`page.queue.keys`), so help, palette, buttons and manual agree.
 */

import { page } from '../page.js'
import { wishes } from './wishes.js'

const NAMED = new Set(['?', '/', '[', ']'])
/** @type {Record<string, string>} */
const PLACES = { Slash: '/', BracketLeft: '[', BracketRight: ']' }
const FACES = /** @type {Record<string, string>} */ ({ ArrowDown: '↓', ArrowUp: '↑', Escape: 'Esc' })
const GO_MS = 1_500

/** @type {{ action: string, keys: string[], group: string, decides: boolean }[]} */
export const table = page.queue.keys

/**
 * The key in the terms of the table, or null for one that is not ours: with Ctrl or Meta, held
 * down, composing a letter, or in a field.
 * @param {KeyboardEvent} event
 */
export function keyOf(event) {
  if (event.defaultPrevented || event.isComposing || event.repeat) return null
  if ((event.ctrlKey || event.metaKey) && event.code === 'KeyK' && !event.altKey && !event.shiftKey)
    return 'Ctrl+K'
  if (event.ctrlKey || event.metaKey) return null
  const third = event.getModifierState('AltGraph') && NAMED.has(event.key)
  if (event.key === 'Escape') return 'Escape'
  if (writes(event.target)) return null
  const wanted = wishes.keyboard === 'alt'
  if (event.altKey !== wanted && !third) return null
  return named(event)
}

/** @param {KeyboardEvent} event */
function named(event) {
  const { key, code } = event
  if (/^[a-z]$/i.test(key)) return shifted(key.toUpperCase(), event)
  if (NAMED.has(key)) return key
  if (/^Digit\d$/.test(code)) return code.slice(5)
  if (/^(Enter|ArrowUp|ArrowDown)$/.test(key)) return event.shiftKey ? null : key
  if (key.length !== 1 || key.charCodeAt(0) < 128) return /^\d$/.test(key) ? key : null
  if (/^Key[A-Z]$/.test(code)) return shifted(code.slice(3), event)
  if (code === 'Slash' && event.shiftKey) return '?'
  return PLACES[code] ?? null
}

/**
 * @param {string} letter
 * @param {KeyboardEvent} event
 */
const shifted = (letter, event) => (event.shiftKey ? `Shift+${letter}` : letter.toLowerCase())

/** @param {EventTarget | null} target */
function writes(target) {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches('input:not([type=checkbox]), textarea, select'))
  )
}

/** What an action's first key is, as somebody has set it. @param {string} action */
export function keysOf(action) {
  const own = wishes.keys[action]
  return own ? [own] : table.find((each) => each.action === action)?.keys ?? []
}

/** What stands on it. @param {string} key */
export const faceOf = (key) => FACES[key] ?? key

/** Turns keys into actions; `g` waits for the key after it. */
export class Keyboard {
  #act
  /** When `g` was pressed. */
  #went = -GO_MS

  /** @param {(action: string, event: KeyboardEvent) => boolean} act returns whether it was meant */
  constructor(act) {
    this.#act = act
    document.addEventListener('keydown', (event) => this.#press(event))
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    const key = keyOf(event)
    if (key === null || document.querySelector('dialog[open]')) return
    if (wishes.keyboard === 'off' && key !== 'Escape') return
    const said = event.timeStamp - this.#went < GO_MS ? `g ${key}` : key
    this.#went = -GO_MS
    if (said === 'g') {
      this.#went = event.timeStamp
      return
    }
    const row = table.find((each) => keysOf(each.action).includes(said))
    if (row && this.#act(row.action, event)) event.preventDefault()
  }
}
