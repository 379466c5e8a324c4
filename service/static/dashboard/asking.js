/** Dialogs in which somebody says yes, fills something in, or takes a secret along. */

import { byId, element } from './dom.js'
import { say } from './page.js'

/**
 * Ask whether something shall be done.
 * @param {{ title: string, text: string, yes: string, danger?: boolean }} question
 * @returns {Promise<boolean>}
 */
export async function sure({ title, text, yes, danger = false }) {
  return (await filledIn({ title, yes, danger, fields: [element('p', {}, text)] })) !== null
}

/**
 * Let a form be filled in.
 * @param {{ title: string, yes: string, danger?: boolean, fields: HTMLElement[] }} form
 * @returns {Promise<FormData | null>} null when it was closed
 */
export function filledIn({ title, yes, danger = false, fields }) {
  return new Promise((resolve) => {
    const form = /** @type {HTMLFormElement} */ (
      element(
        'form',
        { class: 'stack', method: 'dialog' },
        ...fields,
        element(
          'div',
          { class: 'row' },
          element('button', { type: 'button', onclick: () => dialog.close() }, say('cancel')),
          element('button', { value: 'yes', class: danger ? 'danger' : 'primary' }, yes),
        ),
      )
    )
    const dialog = open(title, form)
    dialog.addEventListener('close', () => {
      const data = dialog.returnValue === 'yes' ? new FormData(form) : null
      dialog.remove()
      resolve(data)
    })
  })
}

/**
 * Show what is shown only once, to be taken along.
 * @param {{ title: string, text: string, secret: string }} told
 * @returns {Promise<void>}
 */
export function handOver({ title, text, secret }) {
  return new Promise((resolve) => {
    const dialog = open(
      title,
      element('p', {}, text),
      shownCode(secret),
      element(
        'div',
        { class: 'row' },
        element('button', { type: 'button', onclick: () => dialog.close() }, say('taken_along')),
      ),
    )
    dialog.addEventListener('close', () => {
      dialog.remove()
      resolve()
    })
  })
}

/**
 * A text with a button that copies it.
 * @param {string} text
 */
export function shownCode(text) {
  const code = element('code', { dir: 'ltr', tabindex: 0 }, text)
  return element('div', { class: 'secret' }, code, copier(() => text))
}

/**
 * A button that copies, and says so.
 * @param {() => string} text
 */
export function copier(text) {
  const button = element('button', { type: 'button' }, say('copy'))
  let turn = 0
  button.addEventListener('click', async () => {
    const mine = ++turn
    await navigator.clipboard.writeText(text())
    button.textContent = say('copied')
    setTimeout(() => mine === turn && (button.textContent = say('copy')), 2_000)
  })
  return button
}

/**
 * A labelled field, with its explanation below it.
 * @param {string} label
 * @param {HTMLElement} field has an id
 * @param {string} [hint]
 */
export function labelled(label, field, hint) {
  const parts = [element('label', { for: field.id }, label), field]
  if (!hint) return parts
  field.setAttribute('aria-describedby', `${field.id}-hint`)
  return [...parts, element('p', { id: `${field.id}-hint`, class: 'hint' }, hint)]
}

const KEPT = 'postbag:done'

/**
 * Say on the page what was done.
 * @param {string} text
 * @param {...HTMLElement} more
 */
export function done(text, ...more) {
  const told = byId('done')
  told.replaceChildren(element('span', {}, text), ...more)
  told.hidden = false
}

/**
 * Load the page again, as it is now, and say there what was done.
 * @param {string} text
 */
export function reloadSaying(text) {
  sessionStorage.setItem(KEPT, text)
  location.reload()
}

const kept = sessionStorage.getItem(KEPT)
if (kept !== null) {
  sessionStorage.removeItem(KEPT)
  done(kept)
}

/**
 * @param {string} title
 * @param {...HTMLElement} content
 */
function open(title, ...content) {
  const dialog = /** @type {HTMLDialogElement} */ (
    element('dialog', { class: 'wide', 'aria-labelledby': 'dialog-title' }, element('h2', { id: 'dialog-title' }, title), ...content)
  )
  document.body.append(dialog)
  dialog.showModal()
  return dialog
}
