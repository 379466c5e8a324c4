/** A dialog in which somebody proves once more who they are. */

import { ApiError, ask } from './api.js'
import { element } from './dom.js'
import { page, say } from './page.js'
import { Cancelled, passkeysWork, usePasskey } from './passkeys.js'

/** @returns {Promise<boolean>} whether they did */
export async function prove() {
  const proofs = await ask('GET', '/v1/session/proofs')
  return new Promise((resolve) => new ProofDialog(proofs, resolve).show())
}

class ProofDialog {
  #proofs
  #resolve
  #problem = element('p', { class: 'notice error', role: 'alert', hidden: true })
  #password = field('proof-password', { type: 'password', autocomplete: 'current-password' })
  #code = field('proof-code', { autocomplete: 'one-time-code', spellcheck: 'false', maxlength: 40 })
  #dialog

  /**
   * @param {{ password_changed_at: string | null, authenticator_since: string | null, passkeys: number }} proofs
   * @param {(done: boolean) => void} resolve
   */
  constructor(proofs, resolve) {
    this.#proofs = proofs
    this.#resolve = resolve
    this.#dialog = /** @type {HTMLDialogElement} */ (
      element(
        'dialog',
        { 'aria-labelledby': 'proof-title', onclose: () => this.#end(false) },
        element('h2', { id: 'proof-title' }, say('prove_title')),
        element('p', { class: 'hint' }, say('prove_hint')),
        this.#problem,
        ...this.#ways(),
      )
    )
  }

  show() {
    document.body.append(this.#dialog)
    this.#dialog.showModal()
  }

  #ways() {
    const ways = []
    if (this.#proofs.passkeys && passkeysWork) {
      const way = { type: 'button', class: 'wide primary', onclick: () => this.#try(byPasskey) }
      ways.push(element('button', way, say('use_passkey')))
    }
    const buttons = element(
      'div',
      { class: 'row' },
      element('button', { type: 'button', onclick: () => this.#dialog.close() }, say('cancel')),
    )
    if (!this.#proofs.password_changed_at) return [...ways, buttons]
    buttons.append(element('button', { class: 'primary' }, say('continue')))
    const whose = { hidden: true, autocomplete: 'username', value: page.me.member.email }
    const fields = [
      element('input', whose), // for the browser's own list of passwords
      element('label', { for: 'proof-password' }, say('password')),
      this.#password,
    ]
    if (this.#proofs.authenticator_since)
      fields.push(element('label', { for: 'proof-code' }, say('code')), this.#code)
    const onsubmit = (/** @type {Event} */ event) => {
      event.preventDefault()
      this.#try(() => this.#byPassword())
    }
    return [...ways, element('form', { class: 'stack', novalidate: true, onsubmit }, ...fields, buttons)]
  }

  async #byPassword() {
    const code = this.#code.value.trim()
    await ask(
      'POST',
      '/v1/session/proof',
      { password: this.#password.value, ...(code ? { code } : {}) },
      { entrance: true },
    )
  }

  /** @param {() => Promise<void>} way */
  async #try(way) {
    try {
      await way()
    } catch (error) {
      if (!(error instanceof ApiError || error instanceof Cancelled)) throw error
      const wrong = error instanceof ApiError && error.code === 'wrong_password'
      this.#problem.textContent = wrong ? say('problem_wrong_password_again') : error.sentence
      this.#problem.hidden = false
      return
    }
    this.#end(true)
  }

  /** @param {boolean} done */
  #end(done) {
    this.#dialog.remove()
    this.#resolve(done)
  }
}

async function byPasskey() {
  const { options } = await ask('POST', '/v1/session/passkey/options')
  const credential = await usePasskey(options)
  await ask('POST', '/v1/session/proof', { credential }, { entrance: true })
}

/**
 * @param {string} id
 * @param {Record<string, unknown>} attributes
 */
function field(id, attributes) {
  return /** @type {HTMLInputElement} */ (element('input', { id, ...attributes }))
}
