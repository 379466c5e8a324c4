/** Search: rows are selected and decided, searches are kept. */

import { ApiError, ask } from '../api.js'
import { announce, byId } from '../dom.js'
import { page, say } from '../page.js'
import { listen } from './keys.js'
import { Rows } from './rows.js'
import './taking.js'
import './times.js'

const SEARCHES = `/v1/sites/${page.place.site}/searches`
const line = /** @type {HTMLInputElement} */ (byId('filter'))
const rows = new Rows()

listen({
  ...rows.acts,
  filter: () => line.select(),
  go_queue: () => location.assign('/moderate/'),
  go_log: () => location.assign('/moderate/log'),
  go_account: () => location.assign('/moderate/me'),
})

if (location.hash === '#authors') {
  line.value ||= 'author:'
  line.focus()
}

document.getElementById('keep')?.addEventListener('submit', async (event) => {
  event.preventDefault()
  const name = /** @type {HTMLInputElement} */ (byId('keep-name'))
  const sort = /** @type {HTMLSelectElement} */ (byId('sort')).value
  await attempt(async () => {
    await ask('POST', SEARCHES, { name: name.value, q: line.defaultValue, sort })
    announce(say('search_kept_now'))
    location.reload()
  }, name)
})

for (const each of document.querySelectorAll('[data-forget]')) {
  const button = /** @type {HTMLElement} */ (each)
  button.addEventListener('click', () =>
    attempt(async () => {
      await ask('DELETE', `${SEARCHES}/${button.dataset.forget}`)
      button.closest('li')?.remove()
      announce(say('search_forgotten'))
      line.focus()
    }),
  )
}

/** @param {() => Promise<void>} work @param {HTMLInputElement} [field] */
async function attempt(work, field) {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    byId('outcome-words').textContent = error.sentence
    byId('outcome').hidden = false
    byId('undo').hidden = true
    field?.setAttribute('aria-invalid', 'true')
    field?.focus()
    announce(error.sentence)
  }
}

document.documentElement.dataset.ready = 'true'
