/** Signing in: a passkey first, else a password, with a code where there is an authenticator. */

import { ApiError, ask } from './api.js'
import { byId } from './dom.js'
import { attempt, following, needed } from './entrance.js'
import { passkeysWork, usePasskey } from './passkeys.js'

const email = /** @type {HTMLInputElement} */ (byId('email'))
const password = /** @type {HTMLInputElement} */ (byId('password'))
const code = /** @type {HTMLInputElement} */ (byId('code'))
const form = byId('sign-in')

/** @param {any} credential */
async function present(credential) {
  await ask('POST', '/v1/session/passkey', { credential }, { entrance: true })
  location.assign(following())
}

async function byPasskey() {
  const { options } = await ask('POST', '/v1/session/passkey/options')
  await present(await usePasskey(options))
}

async function byPassword() {
  const wish = { email: needed('email').trim(), password: needed('password') }
  const said = code.value.trim()
  try {
    await ask('POST', '/v1/session', said ? { ...wish, code: said } : wish, { entrance: true })
  } catch (error) {
    askAgain(error)
    throw error
  }
  location.assign(following())
}

/** @param {unknown} error */
function askAgain(error) {
  if (!(error instanceof ApiError)) return
  if (error.code === 'code_needed' || error.code === 'wrong_code') {
    byId('with-code').hidden = false
    code.value = ''
    code.focus()
  } else if (error.code === 'wrong_password') {
    password.select()
    password.focus()
  }
}

form.addEventListener('submit', (event) => {
  event.preventDefault()
  attempt(/** @type {HTMLElement} */ (form.querySelector('button')), byPassword)
})

if (passkeysWork) {
  byId('with-passkey').hidden = false
  byId('passkey').addEventListener('click', (event) =>
    attempt(/** @type {HTMLElement} */ (event.currentTarget), byPasskey),
  )
} else email.focus()
