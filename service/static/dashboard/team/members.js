/** The team: who is in, what they may do, and links that let people in once. */

import { ask } from '../api.js'
import { done, reloadSaying, shownCode, sure } from '../asking.js'
import { byId, element } from '../dom.js'
import { Missing, attempt } from '../entrance.js'
import { page, say } from '../page.js'

/** @typedef {{ id: string, email: string, name: string, role: string }} Known */

const { site, members } = page.team
const whose = `?site=${encodeURIComponent(site)}`

for (const row of document.querySelectorAll('tr[data-member]')) {
  const id = /** @type {HTMLElement} */ (row).dataset.member
  const member = /** @type {Known} */ (members.find((/** @type {Known} */ each) => each.id === id))
  const select = /** @type {HTMLSelectElement | null} */ (row.querySelector('[data-role]'))
  const set = /** @type {HTMLElement | null} */ (row.querySelector('[data-set-role]'))
  if (select && set) {
    select.addEventListener('change', () => (set.hidden = select.value === member.role))
    set.addEventListener('click', () => attempt(set, () => change(member, select, set)))
  }
  press(row, '[data-link]', () => invite(member.email, member.role))
  press(row, '[data-remove]', () => remove(member))
}

byId('invite').addEventListener('submit', (event) => {
  event.preventDefault()
  const form = /** @type {HTMLFormElement} */ (byId('invite'))
  const email = /** @type {HTMLInputElement} */ (form.elements.namedItem('email'))
  const role = /** @type {HTMLSelectElement} */ (form.elements.namedItem('role'))
  attempt(/** @type {HTMLElement} */ (form.querySelector('button')), async () => {
    if (!email.value.trim()) throw new Missing(email)
    await invite(email.value, role.value)
    form.reset()
  })
})

/**
 * @param {Element} row
 * @param {string} css
 * @param {() => Promise<void>} work
 */
function press(row, css, work) {
  const button = /** @type {HTMLElement | null} */ (row.querySelector(css))
  button?.addEventListener('click', () => attempt(button, work))
}

/**
 * @param {Known} member
 * @param {HTMLSelectElement} select
 * @param {HTMLElement} set
 */
async function change(member, select, set) {
  const told = await ask('PATCH', `/v1/members/${member.id}${whose}`, { role: select.value })
  member.role = told.role
  select.value = told.role
  set.hidden = true
  select.focus()
  done(say('role_changed', { name: member.name, role: say(`role_${told.role}`) }))
}

/** @param {Known} member */
async function remove(member) {
  const question = {
    title: say('remove_title', { name: member.name }),
    text: say('remove_sure', { site }),
    yes: say('remove_do'),
    danger: true,
  }
  if (!(await sure(question))) return
  await ask('DELETE', `/v1/members/${member.id}${whose}`)
  reloadSaying(say('removed', { name: member.name, site }))
}

/**
 * Let somebody in; their link is shown until the page is left.
 * @param {string} email
 * @param {string} role
 */
async function invite(email, role) {
  const { token } = await ask('POST', `/v1/members${whose}`, { email, role })
  if (token === null) return reloadSaying(say('invited_known', { email, role: say(`role_${role}`) }))
  const link = new URL(`/moderate/#invitation=${token}`, location.href).href
  const shown = byId('invited')
  const title = element('p', { tabindex: -1 }, element('strong', {}, say('invited_title', { email })))
  shown.replaceChildren(
    element('div', { class: 'notice' }, title, element('p', {}, say('invited_once')), shownCode(link)),
  )
  shown.hidden = false
  title.focus()
}
