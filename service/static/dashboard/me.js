/** One's own account: passkeys, authenticator, password, sessions. */

import { ask } from './api.js'
import { byId, element } from './dom.js'
import { attempt, needed } from './entrance.js'
import { say } from './page.js'
import { makePasskey, passkeysNeedName, passkeysWork } from './passkeys.js'

const SVG = 'http://www.w3.org/2000/svg'
const QUIET = 4 // modules of white that a QR code needs around it

/**
 * Let each button that is there do something.
 * @param {string} selector
 * @param {(button: HTMLElement) => Promise<void>} work
 */
function press(selector, work) {
  for (const each of document.querySelectorAll(selector)) {
    const button = /** @type {HTMLElement} */ (each)
    button.addEventListener('click', () => attempt(button, () => work(button)))
  }
}

/**
 * @param {string} id
 * @param {() => Promise<void>} work
 */
function send(id, work) {
  const form = document.getElementById(id)
  form?.addEventListener('submit', (event) => {
    event.preventDefault()
    attempt(/** @type {HTMLElement} */ (form.querySelector('button')), work)
  })
}

const again = () => location.reload()

/** @param {{ recovery_codes: string[] }} told */
function showCodes({ recovery_codes: codes }) {
  byId('code-list').replaceChildren(...codes.map((code) => element('li', {}, code)))
  const shown = byId('codes')
  shown.hidden = false
  shown.focus()
}

/**
 * A QR code as a drawing.
 * @param {string[]} rows
 */
function drawing(rows) {
  const size = rows.length + 2 * QUIET
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('viewBox', `0 0 ${size} ${size}`)
  svg.setAttribute('role', 'img')
  svg.setAttribute('aria-label', say('picture'))
  svg.setAttribute('shape-rendering', 'crispEdges')
  const path = document.createElementNS(SVG, 'path')
  const dark = rows.flatMap((row, y) =>
    [...row].map((each, x) => (each === '1' ? `M${x + QUIET} ${y + QUIET}h1v1h-1z` : '')),
  )
  path.setAttribute('d', dark.join(''))
  svg.append(path)
  return svg
}

press('[data-remove-passkey]', async (button) => {
  await ask('DELETE', `/v1/session/passkeys/${button.dataset.removePasskey}`)
  again()
})
press('[data-end-session]', async (button) => {
  await ask('DELETE', `/v1/sessions/${button.dataset.endSession}`)
  again()
})
press('#end-others', async () => {
  await ask('DELETE', '/v1/sessions')
  again()
})
press('#begin-authenticator', async (button) => {
  const begun = await ask('POST', '/v1/session/authenticator')
  byId('picture').replaceChildren(drawing(begun.picture))
  byId('secret').textContent = begun.secret.replace(/(.{4})(?=.)/g, '$1 ')
  byId('authenticator').hidden = false
  button.hidden = true
  byId('first-code').focus()
})
press('#remove-authenticator', async () => {
  await ask('DELETE', '/v1/session/authenticator')
  again()
})
press('#new-codes', async () => showCodes(await ask('POST', '/v1/session/recovery-codes')))

send('authenticator', async () => {
  const code = needed('first-code')
  showCodes(await ask('PUT', '/v1/session/authenticator', { code }))
  byId('authenticator').hidden = true
})

const WISHES = '/v1/session/wishes'
const boxes = /** @type {HTMLInputElement[]} */ ([...byId('reads').querySelectorAll('input')])

ask('GET', WISHES).then(({ languages }) => {
  for (const each of boxes) each.checked = languages.includes(each.value)
})
send('reads', async () => {
  const languages = boxes.filter((each) => each.checked).map((each) => each.value)
  await ask('PUT', WISHES, { ...(await ask('GET', WISHES)), languages })
  const done = byId('done')
  done.textContent = say('reads_kept')
  done.hidden = false
  done.focus()
})
send('new-passkey', async () => {
  const name = needed('passkey-name')
  const { options } = await ask('POST', '/v1/session/passkeys/options')
  await ask('POST', '/v1/session/passkeys', { name, credential: await makePasskey(options) })
  again()
})
send('new-password', async () => {
  await ask('PUT', '/v1/session/password', { password: needed('password-field') })
  const field = /** @type {HTMLInputElement} */ (byId('password-field'))
  field.value = ''
  const done = byId('done')
  done.textContent = say('password_changed')
  done.hidden = false
  done.focus()
})

byId('new-passkey').hidden = !passkeysWork
if (!passkeysWork) {
  const hint = byId('no-passkeys-here')
  hint.textContent = passkeysNeedName() || hint.textContent
  hint.hidden = false
}
