/** The page of models: another version to use, a new one, and whether rules may ask one and approve. */

import { ask } from '../api.js'
import { reloadSaying, sure } from '../asking.js'
import { attempt } from '../entrance.js'
import { page, say } from '../page.js'

const base = `/v1/sites/${encodeURIComponent(page.learning.site)}/models`

for (const section of document.querySelectorAll('section[data-model]')) {
  const model = /** @type {HTMLElement} */ (section).dataset.model ?? ''
  on(section, '[data-refit]', async () => {
    await ask('POST', `${base}/${model}/refit`)
    reloadSaying(say('learning_refit_asked'))
  })
  on(section, '[data-approval]', async (button) => {
    const approves = button.dataset.approval === 'on'
    if (approves && !(await agreed('learning_allow'))) return
    await ask('PUT', `${base}/${model}/approval`, { approves })
    reloadSaying(say(approves ? 'learning_allowed' : 'learning_forbidden'))
  })
  on(section, '[data-promote]', async (button) => {
    const row = /** @type {HTMLElement} */ (button.closest('tr'))
    if (!(await agreed('learning_promote'))) return
    await ask('POST', `${base}/${model}/promote`, { version: Number(row.dataset.version) })
    reloadSaying(say('learning_promoted'))
  })
}

/** @param {string} what */
function agreed(what) {
  return sure({ title: say(`${what}_title`), text: say(`${what}_text`), yes: say(`${what}_yes`) })
}

/**
 * @param {Element} section
 * @param {string} which
 * @param {(button: HTMLElement) => Promise<void>} act
 */
function on(section, which, act) {
  for (const each of section.querySelectorAll(which)) {
    const button = /** @type {HTMLElement} */ (each)
    button.addEventListener('click', () => attempt(button, () => act(button)))
  }
}
