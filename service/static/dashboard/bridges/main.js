/** Bridges to other systems: set up, tried and ended. Secrets are shown once. */

import { ask } from '../api.js'
import { handOver, reloadSaying, sure } from '../asking.js'
import { byId } from '../dom.js'
import { attempt, needed } from '../entrance.js'
import { page, say } from '../page.js'

const bridges = `/v1/sites/${encodeURIComponent(page.bridges.site)}/bridges`

for (const button of document.querySelectorAll('[data-end]')) {
  const { end: bridge = '' } = /** @type {HTMLElement} */ (button).dataset
  button.addEventListener('click', () => attempt(/** @type {HTMLElement} */ (button), () => end(bridge)))
}

sent('check', saveCheck)
sent('coral', saveCoral)
sent('try', tryCheck)

const maker = byId('new-key')
maker.addEventListener('click', () => attempt(maker, makeKey))

/**
 * @param {string} id of a form, if the page has it
 * @param {(form: HTMLFormElement) => Promise<void>} work
 */
function sent(id, work) {
  const form = /** @type {HTMLFormElement | null} */ (document.getElementById(id))
  form?.addEventListener('submit', (event) => {
    event.preventDefault()
    attempt(/** @type {HTMLElement} */ (form.querySelector('button')), () => work(form))
  })
}

/** @param {HTMLFormElement} form */
async function saveCheck(form) {
  const url = needed('url').trim()
  const said = new FormData(form)
  const saved = await ask('PUT', `${bridges}/check`, {
    url,
    timeout_ms: Number(said.get('timeout_ms')),
    on_failure: said.get('on_failure'),
    new_secret: said.has('new_secret'),
  })
  if (saved.secret) await handOver({ title: say('check_secret'), text: say('check_secret_once'), secret: saved.secret })
  reloadSaying(say('check_saved'))
}

/** @param {HTMLFormElement} form */
async function saveCoral(form) {
  await ask('PUT', `${bridges}/coral`, { secret: needed('secret') })
  form.reset()
  reloadSaying(say('coral_saved'))
}

async function makeKey() {
  const made = await ask('POST', `${bridges}/perspective/keys`)
  await handOver({ title: say('perspective_key'), text: say('perspective_key_once'), secret: made.key })
  reloadSaying(say('perspective_saved'))
}

async function tryCheck() {
  const told = byId('tried')
  told.hidden = true
  const tried = await ask('POST', `${bridges}/check/try`, { text: needed('text') })
  const what = tried.outcome === 'answered' ? `tried_${tried.verdict}` : `tried_failed_${tried.outcome}`
  const parts = [say(what, { label: tried.label || '–' }), say('tried_took', { n: tried.milliseconds })]
  if (tried.score !== null) parts.splice(1, 0, say('tried_score', { score: tried.score }))
  told.textContent = parts.join(' ')
  told.hidden = false
}

/** @param {string} bridge */
async function end(bridge) {
  const question = { title: say('end_title'), text: say(`end_sure_${bridge}`), yes: say('end_do'), danger: true }
  if (!(await sure(question))) return
  await ask('DELETE', `${bridges}/${bridge}`)
  reloadSaying(say('ended'))
}
