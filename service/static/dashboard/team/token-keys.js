/** Keys with which the site signs its readers in. */

import { ask } from '../api.js'
import { reloadSaying, sure } from '../asking.js'
import { byId } from '../dom.js'
import { Missing, attempt } from '../entrance.js'
import { page, say } from '../page.js'

const SECRET_BYTES = 48
const keys = `/v1/sites/${encodeURIComponent(page.team.site)}/token-keys`
const form = /** @type {HTMLFormElement} */ (byId('new-token-key'))

for (const row of document.querySelectorAll('tr[data-kid]')) {
  const { kid = '' } = /** @type {HTMLElement} */ (row).dataset
  const button = /** @type {HTMLElement} */ (row.querySelector('[data-revoke]'))
  button.addEventListener('click', () => attempt(button, () => revoke(kid)))
}

form.addEventListener('submit', (event) => {
  event.preventDefault()
  attempt(/** @type {HTMLElement} */ (form.querySelector(':scope > button')), add)
})

byId('make-secret').addEventListener('click', () => {
  const bytes = crypto.getRandomValues(new Uint8Array(SECRET_BYTES))
  const field = /** @type {HTMLTextAreaElement} */ (byId('token-key'))
  field.value = btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_')
  const algorithm = /** @type {HTMLSelectElement} */ (byId('algorithm'))
  algorithm.value = 'HS256'
  field.focus()
  field.select()
})

async function add() {
  for (const name of ['kid', 'issuer', 'key']) {
    const field = /** @type {HTMLInputElement} */ (form.elements.namedItem(name))
    if (!field.value.trim()) throw new Missing(field)
  }
  const said = Object.fromEntries(new FormData(form))
  await ask('POST', keys, said)
  form.reset()
  reloadSaying(say('token_key_added', { kid: String(said.kid) }))
}

/** @param {string} kid */
async function revoke(kid) {
  const question = {
    title: say('revoke_title', { name: kid }),
    text: say('token_key_sure'),
    yes: say('revoke_do'),
    danger: true,
  }
  if (!(await sure(question))) return
  await ask('DELETE', `${keys}/${encodeURIComponent(kid)}`)
  reloadSaying(say('revoked', { name: kid }))
}
