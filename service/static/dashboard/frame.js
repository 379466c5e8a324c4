/** What every page of the newsroom does: sign out, warn before a session ends, follow a link. */

import { ask, leave } from './api.js'
import { announce, element } from './dom.js'
import { page, say } from './page.js'

const WARNING_MS = 120_000

if (location.pathname !== '/moderate/arrival') follow()
addEventListener('hashchange', follow)

for (const button of document.querySelectorAll('[data-sign-out]'))
  button.addEventListener('click', async () => {
    await ask('DELETE', '/v1/session')
    location.assign('/moderate/sign-in')
  })

document.addEventListener('keydown', (event) => {
  const menu = /** @type {HTMLDetailsElement | null} */ (document.querySelector('.menu[open]'))
  if (event.key !== 'Escape' || !menu) return
  menu.open = false
  menu.querySelector('summary')?.focus()
})

if (page.me) watch(page.me.idle_until)
if (page.me?.member.roles.some(looksAfter)) import('./losses.js').then(({ tell }) => tell())

/** @param {{ role: string }} site */
function looksAfter({ role }) {
  return role === 'editor' || role === 'admin'
}

/**
 * Warn two minutes before the session ends; whatever the page asks meanwhile keeps it alive, so
 * the service is asked first.
 * @param {string} until
 */
function watch(until) {
  const rest = Date.parse(until) - Date.now() - WARNING_MS
  setTimeout(() => warn(until), Math.min(Math.max(rest, 0), 2 ** 31 - 1))
}

/** @param {string} until */
function warn(until) {
  if (Date.parse(until) - Date.now() > WARNING_MS + 1_000) return watch(until)
  const dialog = /** @type {HTMLDialogElement} */ (
    element(
      'dialog',
      { 'aria-labelledby': 'session-ends' },
      element('h2', { id: 'session-ends' }, say('session_ends')),
    )
  )
  const ending = setTimeout(leave, Math.max(Date.parse(until) - Date.now(), 0))
  const stay = async () => {
    const me = await ask('GET', '/v1/session')
    clearTimeout(ending)
    dialog.remove()
    watch(me.idle_until)
  }
  dialog.append(element('button', { type: 'button', class: 'primary', onclick: stay }, say('stay')))
  document.body.append(dialog)
  dialog.showModal()
  announce(say('session_ends'))
}

/** A one-time link leads to where it is used, whatever page it was opened on. */
function follow() {
  if (!location.hash.startsWith('#invitation=')) return
  if (location.pathname === '/moderate/arrival') location.reload()
  else location.replace(`/moderate/arrival${location.hash}`)
}
