/** The list of rules: a new word list is made here. */

import { ask } from '../api.js'
import { byId } from '../dom.js'
import { Missing, attempt } from '../entrance.js'

const form = byId('new-list')
form.addEventListener('submit', (event) => {
  event.preventDefault()
  attempt(/** @type {HTMLElement} */ (form.querySelector('button')), make)
})

async function make() {
  const name = /** @type {HTMLInputElement} */ (byId('list-name'))
  if (!name.value || !name.validity.valid) throw new Missing(name)
  const site = encodeURIComponent(form.dataset.site ?? '')
  await ask('PUT', `/v1/sites/${site}/word-lists/${encodeURIComponent(name.value)}`, { words: [] })
  location.assign(`/moderate/word-lists/${encodeURIComponent(name.value)}?site=${site}`)
}
