/**
 * The end of a one-time link. Its token stands behind `#`, so it reaches no server's log; it is
 * sent in bodies alone, and the address loses it as soon as it is used up.
 */

import { ApiError, ask } from './api.js'
import { byId, element } from './dom.js'
import { attempt, needed, tell } from './entrance.js'
import { say } from './page.js'
import { makePasskey, passkeysWork } from './passkeys.js'

const token = new URLSearchParams(location.hash.slice(1)).get('invitation') ?? ''
const form = byId('arrival')
let isOwner = false

async function look() {
  if (!token) return end()
  try {
    show(await ask('POST', '/v1/invitations/look', { token }, { entrance: true }))
  } catch (error) {
    if (error instanceof ApiError && error.code === 'unknown_link') return end()
    tell(error)
  }
}

function end() {
  byId('void').hidden = false
}

/** @param {{ owner: boolean, email: string | null, name: string, roles: { site: string, role: string }[] }} invitee */
function show(invitee) {
  isOwner = invitee.owner
  byId('whom').textContent = isOwner ? say('owner') : say('invited', { email: invitee.email })
  byId('roles').append(
    ...invitee.roles.map(({ site, role }) =>
      element('li', {}, say('role_on', { role: say(`role_${role}`), site })),
    ),
  )
  const email = /** @type {HTMLInputElement} */ (byId('email'))
  if (!isOwner) email.value = invitee.email ?? '' // hidden, for the browser's own list of passwords
  byId('with-email').hidden = !isOwner
  const name = /** @type {HTMLInputElement} */ (byId('name'))
  name.value = invitee.name
  byId('with-passkey').hidden = !passkeysWork
  form.hidden = false
  ;(isOwner ? email : name).focus()
}

function wish() {
  return { token, ...(isOwner ? { email: needed('email').trim() } : {}), name: needed('name').trim() }
}

/** @param {Record<string, unknown>} proof */
async function arrive(proof) {
  await ask('POST', '/v1/invitations', { ...wish(), ...proof }, { entrance: true })
  history.replaceState(null, '', location.pathname)
  location.assign('/moderate/')
}

async function withPasskey() {
  const asked = await ask('POST', '/v1/invitations/passkey/options', wish(), { entrance: true })
  await arrive({ credential: await makePasskey(asked.options) })
}

byId('passkey').addEventListener('click', (event) =>
  attempt(/** @type {HTMLElement} */ (event.currentTarget), withPasskey),
)
form.addEventListener('submit', (event) => {
  event.preventDefault()
  const button = /** @type {HTMLElement} */ (form.querySelector('button:not([type])'))
  attempt(button, async () => {
    wish()
    await arrive({ password: needed('password') })
  })
})

await look()
