/** What the pages of the entrance share: problems told beside their fields, and the way on. */

import { ApiError } from './api.js'
import { byId } from './dom.js'
import { say } from './page.js'
import { Cancelled } from './passkeys.js'

const OWN_PAGE = /^\/moderate\/(?!\/)[\w./?&=%:+-]*$/

/** Where to go on to: the page that led here, if it is one of ours. */
export function following() {
  const next = new URLSearchParams(location.search).get('next') ?? ''
  return OWN_PAGE.test(next) && !next.includes('//') ? next : '/moderate/'
}

/**
 * Do something and tell what goes wrong; no second time while it goes on.
 * @param {HTMLElement} button
 * @param {() => Promise<void>} work
 */
export async function attempt(button, work) {
  if (button.getAttribute('aria-disabled') === 'true') return
  button.setAttribute('aria-disabled', 'true')
  forget()
  try {
    await work()
  } catch (error) {
    tell(error)
  } finally {
    button.removeAttribute('aria-disabled')
  }
}

/**
 * Say what is wrong, and where.
 * @param {unknown} error
 */
export function tell(error) {
  if (!(error instanceof ApiError || error instanceof Cancelled || error instanceof Missing)) throw error
  const problem = byId('problem')
  problem.textContent = error.sentence
  problem.hidden = false
  const field = error instanceof Missing ? error.field : pointed(error)
  if (!field) return
  field.setAttribute('aria-invalid', 'true')
  field.focus()
}

/** A field that is needed is empty. */
export class Missing extends Error {
  /** @param {HTMLInputElement} field */
  constructor(field) {
    super(field.name)
    this.field = field
  }

  get sentence() {
    return say(`missing_${this.field.name}`)
  }
}

/**
 * The value of a field that has to have one.
 * @param {string} id
 */
export function needed(id) {
  const field = /** @type {HTMLInputElement} */ (byId(id))
  if (!field.value.trim()) throw new Missing(field)
  return field.value
}

function forget() {
  byId('problem').hidden = true
  for (const field of document.querySelectorAll('[aria-invalid]')) field.removeAttribute('aria-invalid')
}

/** @param {unknown} error */
function pointed(error) {
  if (!(error instanceof ApiError)) return null
  const name = error.errors[0]?.pointer.slice(1)
  return name ? /** @type {HTMLElement | null} */ (document.querySelector(`main [name="${name}"]`)) : null
}
