/** The form of a word list: one entry a line; and its way into effect, where live rules name it. */

import { ask } from '../api.js'
import { reloadSaying } from '../asking.js'
import { byId } from '../dom.js'
import { Missing, attempt, needed } from '../entrance.js'
import { page, say } from '../page.js'
import { follow } from './going.js'

/** @type {{ site: string, name: string, version: number, going: string | null }} */
const words = page.words_of
const base = `/v1/sites/${encodeURIComponent(words.site)}`
const where = `${base}/word-lists/${encodeURIComponent(words.name)}`
const read = words.version ? { headers: { 'If-Match': `"${words.version}"` } } : {}

on('words-form', async (form) => {
  const said = new FormData(form)
  const list = {
    title: said.get('title'),
    langs: said.getAll('langs'),
    words: String(said.get('words')).split('\n'),
    comment: said.get('comment'),
  }
  const kept = await ask('PUT', where, list, read)
  reloadSaying(say(kept.waits ? 'words_kept' : 'words_saved', { n: kept.words.length }))
})

on('words-run', async () => {
  const days = /** @type {HTMLInputElement} */ (byId('run-days'))
  if (!days.value || !days.validity.valid) throw new Missing(days)
  const { items } = await ask('POST', `${where}/dry-runs`, { version: words.version, days: days.valueAsNumber })
  await follow(base, items.at(-1).id) // one after the other: the last is done when all are
})

for (const button of document.querySelectorAll('[data-act]')) {
  const act = /** @type {HTMLElement} */ (button).dataset.act ?? ''
  button.addEventListener('click', () =>
    attempt(/** @type {HTMLElement} */ (button), async () => {
      const comment = needed('effect-comment')
      if (act === 'live') await ask('POST', `${where}/live`, { version: words.version, comment }, read)
      else await ask('POST', `${where}/roll-back`, { comment })
      reloadSaying(say(act === 'live' ? 'words_live' : 'words_back'))
    }),
  )
}

if (words.going) void follow(base, words.going)

/**
 * @param {string} id of a form that may not be there
 * @param {(form: HTMLFormElement) => Promise<void>} work
 */
function on(id, work) {
  const form = /** @type {HTMLFormElement | null} */ (document.getElementById(id))
  form?.addEventListener('submit', (event) => {
    event.preventDefault()
    attempt(/** @type {HTMLElement} */ (form.querySelector('button')), () => work(form))
  })
}
