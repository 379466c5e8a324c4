/** The page of one rule: written, tried on a text and on history, put into effect and back. */

import { ApiError, ask } from '../api.js'
import { reloadSaying } from '../asking.js'
import { announce, byId, element } from '../dom.js'
import { Missing, attempt, needed } from '../entrance.js'
import { page, say } from '../page.js'
import { follow } from './going.js'
import { showTrial } from './trial.js'

/** @type {{ site: string, id: string | null, revision: number | null, latest: number | null, going: string | null }} */
const rule = page.rule
const base = `/v1/sites/${encodeURIComponent(rule.site)}`
const text = /** @type {HTMLTextAreaElement} */ (byId('rule-text'))

/** @param {string} id */
const here = (id) => `${base}/rules/${encodeURIComponent(id)}`

/** What was read: the service refuses when it is another by now. */
const read = () => (rule.revision === null ? {} : { headers: { 'If-Match': `"${rule.revision}"` } })

on('editor', async () => {
  const id = rule.id ?? idOfNew()
  const comment = field('save-comment').value
  await faultsShown(() => ask('PUT', here(id), { text: text.value, comment }, read()))
  if (rule.id) return reloadSaying(say('rule_saved'))
  location.assign(`/moderate/rules/${encodeURIComponent(id)}?site=${encodeURIComponent(rule.site)}`)
})

on('try', async () => {
  const author = { approved: field('try-approved').valueAsNumber || 0 }
  const wish = { comment: needed('try-text'), text: text.value, author }
  const trial = await faultsShown(() => ask('POST', `${base}/rules/try`, wish))
  byId('tried').replaceChildren(showTrial(field('try-text').value, trial))
})

on('dry-run', async () => {
  const days = field('run-days')
  if (!days.value || !days.validity.valid) throw new Missing(days)
  const version = Number(field('run-version').value)
  const run = await ask('POST', `${here(String(rule.id))}/dry-runs`, { version, days: days.valueAsNumber })
  await follow(base, run.id)
})

for (const button of document.querySelectorAll('[data-act]')) {
  const act = /** @type {HTMLElement} */ (button).dataset.act ?? ''
  button.addEventListener('click', () =>
    attempt(/** @type {HTMLElement} */ (button), async () => {
      const comment = act === 'live' || act === 'roll-back' ? needed('effect-comment') : field('effect-comment').value
      const version = Number(field('effect-version').value)
      await ask('POST', `${here(String(rule.id))}/${act}`, said(act, comment, version), read())
      reloadSaying(say(`rule_done_${act.replace('-', '_')}`))
    }),
  )
}

if (rule.going) void follow(base, rule.going)

/**
 * What the service is told of an act.
 * @param {string} act
 * @param {string} comment
 * @param {number} version
 */
function said(act, comment, version) {
  if (act === 'off') return { comment }
  if (act === 'roll-back') return { comment, version: back(version) }
  if (act === 'shadow') return { comment, version }
  const floor = field('effect-floor')
  if (!floor.validity.valid) throw new Missing(floor)
  return { comment, version, precision_floor: floor.value ? floor.valueAsNumber / 100 : null }
}

/**
 * The version to go back to: the one chosen, unless that is the latest, which nobody chose.
 * @param {number} version
 */
function back(version) {
  return version === rule.latest ? null : version
}

/**
 * @param {string} id of a form that may not be there
 * @param {() => Promise<void>} work
 */
function on(id, work) {
  const form = document.getElementById(id)
  form?.addEventListener('submit', (event) => {
    event.preventDefault()
    attempt(/** @type {HTMLElement} */ (form.querySelector('button')), work)
  })
}

/** @param {string} id */
function field(id) {
  return /** @type {HTMLInputElement} */ (byId(id))
}

function idOfNew() {
  const id = field('rule-id')
  if (!id.value || !id.validity.valid) throw new Missing(id)
  return id.value
}

/**
 * Do something with the text; what is wrong in it is told at its lines.
 * @param {() => Promise<any>} work
 */
async function faultsShown(work) {
  const list = byId('faults')
  list.hidden = true
  text.removeAttribute('aria-invalid')
  try {
    return await work()
  } catch (error) {
    const faults = error instanceof ApiError ? error.errors.filter((each) => each.line !== undefined) : []
    if (!faults.length) throw error
    list.replaceChildren(...faults.map((each) => element('li', {}, faultButton(each))))
    list.hidden = false
    text.setAttribute('aria-invalid', 'true')
    announce(say('rule_faults', { n: faults.length }))
    goTo(Number(faults[0]?.line), Number(faults[0]?.column))
    throw error
  }
}

/** @param {{ detail: string, line?: number, column?: number }} fault */
function faultButton({ detail, line, column }) {
  const place = element('b', {}, say('rule_line', { line: Number(line), column: Number(column) }))
  const button = element('button', { type: 'button' }, place, ' ', element('span', { dir: 'auto' }, detail))
  button.addEventListener('click', () => goTo(Number(line), Number(column)))
  return button
}

/**
 * Put the caret where something is wrong.
 * @param {number} line from 1
 * @param {number} column from 1
 */
function goTo(line, column) {
  const lines = text.value.split('\n')
  const start = lines.slice(0, line - 1).join('\n').length + (line > 1 ? 1 : 0) + column - 1
  const end = lines.slice(0, line).join('\n').length
  text.focus()
  text.setSelectionRange(Math.min(start, end), end)
}
