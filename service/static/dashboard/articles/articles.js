/** The page of articles: each one's state and settings, and many closed at once. */

import { ask } from '../api.js'
import { done, filledIn, labelled, reloadSaying, sure } from '../asking.js'
import { byId, element } from '../dom.js'
import { Missing, attempt } from '../entrance.js'
import { page, say } from '../page.js'

/** @typedef {{ key: string, title: string, state: string, mode: string | null, close_at: string | null }} Known */

const { site, modes, known } = page.articles
/** @type {Map<string, Known>} */
const articles = new Map(known.map((/** @type {Known} */ each) => [each.key, each]))
const base = `/v1/sites/${encodeURIComponent(site)}`

for (const row of document.querySelectorAll('tr[data-key]')) {
  const key = /** @type {HTMLElement} */ (row).dataset.key ?? ''
  const chosen = select(row)
  const set = setter(row)
  chosen.addEventListener('change', () => (set.hidden = chosen.value === lookUp(key).state))
  set.addEventListener('click', () => attempt(set, () => setState(key, chosen)))
  const button = /** @type {HTMLElement} */ (row.querySelector('[data-change]'))
  button.addEventListener('click', () => attempt(button, () => change(key)))
}

byId('old').addEventListener('submit', (event) => {
  event.preventDefault()
  attempt(/** @type {HTMLElement} */ (byId('old').querySelector('button')), closeOld)
})

/**
 * @param {string} key
 * @param {Record<string, unknown>} changes
 */
async function put(key, changes) {
  const article = lookUp(key)
  const told = await ask('PUT', `${base}/articles/${encodeURIComponent(key)}`, changes)
  Object.assign(article, { state: told.state, mode: told.mode, close_at: told.close_at })
  for (const row of rows(key)) {
    select(row).value = told.state
    setter(row).hidden = true
  }
  return article
}

/** @param {string} key */
function lookUp(key) {
  return /** @type {Known} */ (articles.get(key))
}

/** @param {string} key */
function rows(key) {
  const all = [...document.querySelectorAll('tr[data-key]')]
  return all.filter((row) => /** @type {HTMLElement} */ (row).dataset.key === key)
}

/** @param {Element} row */
function select(row) {
  return /** @type {HTMLSelectElement} */ (row.querySelector('[data-state]'))
}

/** @param {Element} row */
function setter(row) {
  return /** @type {HTMLElement} */ (row.querySelector('[data-set]'))
}

/**
 * @param {string} key
 * @param {HTMLSelectElement} chosen
 */
async function setState(key, chosen) {
  const before = lookUp(key).state
  const article = await put(key, { state: chosen.value })
  chosen.focus()
  const undo = element('button', { type: 'button', class: 'small' }, say('undo'))
  undo.addEventListener('click', () =>
    attempt(undo, async () => {
      await put(key, { state: before })
      done(say(`article_set_${before}`, { title: article.title }))
      chosen.focus()
    }),
  )
  done(say(`article_set_${article.state}`, { title: article.title }), undo)
}

/** @param {string} key */
async function change(key) {
  const article = lookUp(key)
  const mode = element(
    'select',
    { id: 'article-mode', name: 'mode' },
    ...['', ...modes].map((/** @type {string} */ each) =>
      element('option', { value: each, selected: each === (article.mode ?? '') }, say(`mode_${each || 'site'}`)),
    ),
  )
  const at = element('input', {
    id: 'article-close',
    name: 'close_at',
    type: 'datetime-local',
    value: local(article.close_at),
  })
  const fields = [...labelled(say('mode'), mode), ...labelled(say('close_at'), at, say('close_at_hint'))]
  const said = await filledIn({ title: article.title, yes: say('save'), fields })
  if (!said) return
  const close = String(said.get('close_at') ?? '')
  await put(key, {
    mode: said.get('mode') || null,
    close_at: close ? new Date(close).toISOString() : null,
  })
  reloadSaying(say('article_changed', { title: article.title }))
}

/**
 * A time as a field of a form has it: without a zone, by the clock of whoever looks.
 * @param {string | null} stamp
 */
function local(stamp) {
  if (!stamp) return ''
  const at = new Date(stamp)
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

async function closeOld() {
  const field = /** @type {HTMLInputElement} */ (byId('older-than'))
  if (!field.value || !field.validity.valid) throw new Missing(field)
  const days = field.valueAsNumber
  const dry = await ask('POST', `${base}/closures`, { older_than_days: days, dry_run: true })
  if (!dry.remaining) return done(say('close_old_none'))
  const question = {
    title: say('close_old_title'),
    text: say('close_old_sure', { n: dry.remaining }),
    yes: say('close_old_do'),
    danger: true,
  }
  if (!(await sure(question))) return
  let closed = 0
  for (;;) {
    const told = await ask('POST', `${base}/closures`, { older_than_days: days })
    closed += told.closed
    if (!told.closed || !told.remaining) break
    done(say('close_old_going', { n: told.remaining }))
  }
  reloadSaying(say('close_old_done', { n: closed }))
}
