/** Keys of the site's back ends: made, replaced and ended. Secrets are shown once. */

import { ask } from '../api.js'
import { filledIn, handOver, labelled, reloadSaying, sure } from '../asking.js'
import { byId, element } from '../dom.js'
import { Missing, attempt } from '../entrance.js'
import { page, say } from '../page.js'

const DAY_MS = 86_400_000
const OVERLAPS = [0, 1, 24, 168] // hours
const keys = `/v1/sites/${encodeURIComponent(page.team.site)}/keys`

for (const row of document.querySelectorAll('tr[data-api-key]')) {
  const { apiKey: id = '', name = '' } = /** @type {HTMLElement} */ (row).dataset
  const rotating = /** @type {HTMLElement} */ (row.querySelector('[data-rotate]'))
  rotating.addEventListener('click', () => attempt(rotating, () => rotate(id, name)))
  const revoking = /** @type {HTMLElement} */ (row.querySelector('[data-revoke]'))
  revoking.addEventListener('click', () => attempt(revoking, () => revoke(id, name)))
}

byId('new-key').addEventListener('submit', (event) => {
  event.preventDefault()
  const form = /** @type {HTMLFormElement} */ (byId('new-key'))
  attempt(/** @type {HTMLElement} */ (form.querySelector('button')), () => make(form))
})

/** @param {HTMLFormElement} form */
async function make(form) {
  const said = new FormData(form)
  const scopes = said.getAll('scopes')
  if (!scopes.length) throw new Missing(/** @type {HTMLInputElement} */ (form.querySelector('[name=scopes]')))
  const days = Number(said.get('days'))
  const made = await ask('POST', keys, {
    name: String(said.get('name')).trim(),
    scopes,
    expires_at: days ? new Date(Date.now() + days * DAY_MS).toISOString() : null,
  })
  form.reset()
  await tell(made)
}

/**
 * @param {string} id
 * @param {string} name
 */
async function rotate(id, name) {
  const overlap = element(
    'select',
    { id: 'overlap', name: 'overlap' },
    ...OVERLAPS.map((each) => element('option', { value: each, selected: each === 24 }, say('overlap_hours', { n: each }))),
  )
  const fields = [element('p', {}, say('rotate_hint')), ...labelled(say('overlap'), overlap)]
  const said = await filledIn({ title: say('rotate_title', { name }), yes: say('rotate_do'), fields })
  if (!said) return
  await tell(await ask('POST', `${keys}/${encodeURIComponent(id)}/rotate`, { overlap_hours: Number(said.get('overlap')) }))
}

/**
 * @param {string} id
 * @param {string} name
 */
async function revoke(id, name) {
  const question = {
    title: say('revoke_title', { name }),
    text: say('revoke_sure'),
    yes: say('revoke_do'),
    danger: true,
  }
  if (!(await sure(question))) return
  await ask('DELETE', `${keys}/${encodeURIComponent(id)}`)
  reloadSaying(say('revoked', { name }))
}

/** @param {{ key: string, name: string, key_id: string }} made */
async function tell(made) {
  await handOver({ title: say('key_made'), text: say('key_once'), secret: made.key })
  reloadSaying(say('key_there', { name: made.name || made.key_id }))
}
