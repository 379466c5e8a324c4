/** The form of a site's settings: only what was changed is sent, and nobody is overwritten unasked. */

import { ApiError, ask } from '../api.js'
import { done, reloadSaying } from '../asking.js'
import { byId } from '../dom.js'
import { attempt } from '../entrance.js'
import { page, say } from '../page.js'
import { differs, offer } from './meanwhile.js'
import { checkOrigins, originsOf } from './origins.js'

/** @typedef {Record<string, any>} Settings */

const NUMBERS = ['due_minutes', 'body_max_chars', 'edit_window_seconds', 'reports_threshold', 'rejected_text_days', 'pending_max']
const FLAGS = ['guests_allowed', 'votes_allowed', 'reports_hide']
const COLUMNS = ['languages', 'reasons', 'reason_texts', 'house_rules'] // what the page is built of

const where = `/v1/sites/${encodeURIComponent(page.sites.site)}/settings`
const form = /** @type {HTMLFormElement} */ (byId('settings'))
/** @type {Settings} */
let base = page.sites.settings
let leaving = false

form.addEventListener('submit', (event) => {
  event.preventDefault()
  attempt(/** @type {HTMLElement} */ (form.querySelector('.save button')), () => save())
})
for (const kind of ['input', 'change'])
  form.addEventListener(kind, () => (byId('unsaved').hidden = !Object.keys(changes()).length))
addEventListener('beforeunload', (event) => {
  if (!leaving && Object.keys(changes()).length) event.preventDefault()
})

/** What the form says. @returns {Settings} */
function said() {
  const value = (/** @type {string} */ name) => /** @type {HTMLInputElement} */ (form.elements.namedItem(name))
  /** @type {Settings} */
  const wish = { name: value('name').value.trim(), mode: new FormData(form).get('mode') }
  for (const name of NUMBERS) wish[name] = value(name).valueAsNumber
  for (const name of FLAGS) wish[name] = value(name).checked
  wish.origins = originsOf()
  for (const name of ['languages', 'reasons']) wish[name] = value(name).value.split(/[\s,،]+/).filter(Boolean)
  wish.house_rules = {}
  for (const field of fields('house_rules')) {
    const lang = field.dataset.lang ?? ''
    if (field.value.trim()) wish.house_rules[lang] = field.value
  }
  wish.reason_texts = {}
  for (const field of fields('reason_texts')) {
    const { lang = '', reason = '' } = field.dataset
    if (field.value.trim()) (wish.reason_texts[lang] ??= {})[reason] = field.value.trim()
  }
  return wish
}

/** @param {string} name */
function fields(name) {
  return /** @type {NodeListOf<HTMLInputElement>} */ (form.querySelectorAll(`[name=${name}]`))
}

/** What of it is not what was read. @returns {Settings} */
function changes() {
  return Object.fromEntries(Object.entries(said()).filter(([name, value]) => differs(base[name], value)))
}

/** Save what was changed, if nobody was faster; else tell what they changed, and ask. */
async function save(version = base.version) {
  const wish = changes()
  if (!checkOrigins()) return
  for (const name of NUMBERS) {
    const field = /** @type {HTMLInputElement} */ (form.elements.namedItem(name))
    if (!field.value || !field.validity.valid) throw unfit(field)
  }
  if (!Object.keys(wish).length) return done(say('nothing_changed'))
  const before = base
  try {
    base = await ask('PUT', where, { ...wish, version })
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'stale_settings') throw error
    return meet(wish)
  }
  byId('unsaved').hidden = true
  const rebuilds = version !== before.version || COLUMNS.some((name) => name in wish)
  if (!rebuilds) return done(say('saved'))
  leaving = true
  reloadSaying(say('saved'))
}

/** @param {Settings} wish */
async function meet(wish) {
  const now = await ask('GET', where)
  offer(base, wish, now, {
    keep: (button) => attempt(button, () => save(now.version)),
    drop: () => {
      leaving = true
      location.reload()
    },
  })
}

/** @param {HTMLInputElement} field */
function unfit(field) {
  const { min, max, name } = field
  const errors = [{ pointer: `/${name}`, code: 'between', detail: '' }]
  return new ApiError(422, { detail: say('number_between', { low: Number(min), high: Number(max) }), errors })
}
