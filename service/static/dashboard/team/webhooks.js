/** Webhooks: where the site's own programs hear of what happens. Secrets are shown once. */

import { ask } from '../api.js'
import { done, filledIn, handOver, labelled, reloadSaying, sure } from '../asking.js'
import { byId, element } from '../dom.js'
import { attempt } from '../entrance.js'
import { page, say } from '../page.js'

/** @typedef {{ id: string, url: string, name: string, shown: string, events: string[] }} Known */

const OVERLAPS = [0, 1, 24, 168] // hours
const LOOKS = 30
const LOOK_MS = 500
const webhooks = `/v1/sites/${encodeURIComponent(page.team.site)}/webhooks`

for (const row of document.querySelectorAll('tr[data-webhook]')) {
  const id = /** @type {HTMLElement} */ (row).dataset.webhook
  const known = /** @type {Known} */ (page.team.webhooks.find((/** @type {Known} */ each) => each.id === id))
  press(row, '[data-test]', () => test(known))
  press(row, '[data-change]', () => change(known))
  press(row, '[data-rotate]', () => rotate(known))
  press(row, '[data-active]', (button) => activate(known, button.dataset.active === 'true'))
  press(row, '[data-delete]', () => remove(known))
}

byId('new-webhook').addEventListener('submit', (event) => {
  event.preventDefault()
  const form = /** @type {HTMLFormElement} */ (byId('new-webhook'))
  attempt(/** @type {HTMLElement} */ (form.querySelector(':scope > button')), () => make(form))
})

/**
 * @param {Element} row
 * @param {string} css
 * @param {(button: HTMLElement) => Promise<void>} work
 */
function press(row, css, work) {
  const button = /** @type {HTMLElement | null} */ (row.querySelector(css))
  button?.addEventListener('click', () => attempt(button, () => work(button)))
}

/** @param {HTMLFormElement} form */
async function make(form) {
  const said = new FormData(form)
  const made = await ask('POST', webhooks, {
    url: String(said.get('url')).trim(),
    name: String(said.get('name')).trim(),
    events: said.getAll('events'),
  })
  form.reset()
  await handOver({ title: say('webhook_made'), text: say('webhook_once'), secret: made.secret })
  reloadSaying(say('webhook_there', { name: made.name || new URL(made.url).hostname }))
}

/** @param {Known} known */
async function change(known) {
  const url = element('input', { id: 'changed-url', name: 'url', type: 'url', value: known.url, maxlength: 2000, dir: 'ltr', spellcheck: false })
  const name = element('input', { id: 'changed-name', name: 'name', value: known.name, maxlength: 80 })
  const boxes = [...document.querySelectorAll('#new-webhook .kinds label')].map((label) => {
    const copy = /** @type {HTMLElement} */ (label.cloneNode(true))
    const box = /** @type {HTMLInputElement} */ (copy.querySelector('input'))
    box.checked = known.events.includes(box.value)
    return copy
  })
  const events = element('fieldset', {}, element('legend', {}, say('webhook_events')), element('div', { class: 'choices kinds' }, ...boxes))
  const said = await filledIn({
    title: say('webhook_change_title', { name: known.shown }),
    yes: say('webhook_change_do'),
    fields: [...labelled(say('webhook_url'), url), ...labelled(say('webhook_name'), name), events],
  })
  if (!said) return
  await ask('PATCH', `${webhooks}/${known.id}`, {
    url: String(said.get('url')).trim(),
    name: String(said.get('name')).trim(),
    events: said.getAll('events'),
  })
  reloadSaying(say('webhook_changed', { name: known.shown }))
}

/** @param {Known} known */
async function rotate(known) {
  const overlap = element(
    'select',
    { id: 'overlap', name: 'overlap' },
    ...OVERLAPS.map((each) => element('option', { value: each, selected: each === 24 }, say('webhook_overlap_hours', { n: each }))),
  )
  const said = await filledIn({
    title: say('webhook_rotate_title', { name: known.shown }),
    yes: say('webhook_rotate_do'),
    fields: [element('p', {}, say('webhook_rotate_hint')), ...labelled(say('webhook_overlap'), overlap)],
  })
  if (!said) return
  const made = await ask('POST', `${webhooks}/${known.id}/rotate`, { overlap_hours: Number(said.get('overlap')) })
  await handOver({ title: say('webhook_rotated'), text: say('webhook_once'), secret: made.secret })
  reloadSaying(say('webhook_changed', { name: known.shown }))
}

/**
 * @param {Known} known
 * @param {boolean} active
 */
async function activate(known, active) {
  await ask('PATCH', `${webhooks}/${known.id}`, { active })
  reloadSaying(say(active ? 'webhook_begun' : 'webhook_paused', { name: known.shown }))
}

/** @param {Known} known */
async function remove(known) {
  const question = {
    title: say('webhook_delete_title', { name: known.shown }),
    text: say('webhook_delete_sure'),
    yes: say('webhook_delete_do'),
    danger: true,
  }
  if (!(await sure(question))) return
  await ask('DELETE', `${webhooks}/${known.id}`)
  reloadSaying(say('webhook_deleted', { name: known.shown }))
}

/**
 * Send a test, and say what came of it.
 * @param {Known} known
 */
async function test(known) {
  const sent = await ask('POST', `${webhooks}/${known.id}/test`)
  done(say('webhook_testing', { name: known.shown }))
  for (let look = 0; look < LOOKS; look++) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    const [tried] = (await ask('GET', `${webhooks}/${known.id}/deliveries/${sent.delivery_id}`)).attempts
    if (tried) return done(outcome(known, tried))
  }
  done(say('webhook_test_late', { name: known.shown }))
}

/**
 * @param {Known} known
 * @param {{ result: string, status: number | null, milliseconds: number }} tried
 */
function outcome(known, tried) {
  if (tried.result === 'delivered') return say('webhook_tested', { name: known.shown, ms: tried.milliseconds })
  const why = say(`webhook_result_${tried.result}`) + (tried.status ? ` (${tried.status})` : '')
  return say('webhook_test_failed', { name: known.shown, why })
}
