/** The form of a word list: one entry a line. */

import { ask } from '../api.js'
import { reloadSaying } from '../asking.js'
import { byId } from '../dom.js'
import { attempt } from '../entrance.js'
import { page, say } from '../page.js'

/** @type {{ site: string, name: string, version: number }} */
const words = page.words_of
const form = /** @type {HTMLFormElement} */ (byId('words-form'))

form.addEventListener('submit', (event) => {
  event.preventDefault()
  attempt(/** @type {HTMLElement} */ (form.querySelector('button')), save)
})

async function save() {
  const said = new FormData(form)
  const list = {
    title: said.get('title'),
    langs: said.getAll('langs'),
    words: String(said.get('words')).split('\n'),
    comment: said.get('comment'),
  }
  const where = `/v1/sites/${encodeURIComponent(words.site)}/word-lists/${encodeURIComponent(words.name)}`
  const read = words.version ? { headers: { 'If-Match': `"${words.version}"` } } : {}
  const kept = await ask('PUT', where, list, read)
  reloadSaying(say('words_saved', { n: kept.words.length }))
}
