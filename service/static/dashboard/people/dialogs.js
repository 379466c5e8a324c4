/** Dialogs of the pages of people: a question with fields, and buttons to go on or not. */

import { element } from '../dom.js'
import { page, say } from '../page.js'

let made = 0

/** @param {string} reason */
export const reasonName = (reason) => page.words[`reason_${reason}`] ?? reason

/**
 * Ask something; null when it is put away.
 * @template T
 * @param {string} title
 * @param {string} go what the button says
 * @param {Node[]} content
 * @param {() => T | string} answer what was said, or why it cannot be
 * @returns {Promise<T | null>}
 */
export function asked(title, go, content, answer) {
  return new Promise((resolve) => {
    const problem = element('p', { class: 'notice error', role: 'alert', hidden: true })
    const name = `p-dialog-${++made}`
    /** @type {T | null} */
    let said = null
    const onsubmit = (/** @type {Event} */ event) => {
      event.preventDefault()
      const found = answer()
      if (typeof found === 'string') {
        problem.textContent = found
        problem.hidden = false
        return
      }
      said = found
      dialog.close()
    }
    const onclose = () => {
      dialog.remove()
      resolve(said)
    }
    const dialog = /** @type {HTMLDialogElement} */ (
      element(
        'dialog',
        { class: 'p-dialog', 'aria-labelledby': name, onclose },
        element('h2', { id: name }, title),
        element(
          'form',
          { class: 'stack', novalidate: true, onsubmit },
          ...content,
          problem,
          element(
            'div',
            { class: 'row' },
            element('button', { type: 'button', onclick: () => dialog.close() }, say('cancel')),
            element('button', { class: 'primary' }, go),
          ),
        ),
      )
    )
    dialog.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) onsubmit(event)
    })
    document.body.append(dialog)
    dialog.showModal()
    const first = /** @type {HTMLElement | null} */ (dialog.querySelector('input, textarea, select'))
    first?.focus()
  })
}

/**
 * A field under its label.
 * @param {string} label
 * @param {string} id
 * @param {Record<string, unknown>} attributes
 * @param {string} [name] of the element
 */
export function field(label, id, attributes = {}, name = 'input') {
  const input = /** @type {HTMLInputElement} */ (element(name, { id, autocomplete: 'off', ...attributes }))
  return { input, nodes: [element('label', { for: id }, label), input] }
}

/**
 * A box to tick.
 * @param {string} label
 * @param {string} id
 */
export function tick(label, id) {
  const input = /** @type {HTMLInputElement} */ (element('input', { id, type: 'checkbox' }))
  return { input, node: element('label', { class: 'p-tick' }, input, ` ${label}`) }
}

/**
 * A choice of reasons.
 * @param {string} label
 * @param {string} id
 */
export function reasonChoice(label, id) {
  const options = page.place.reasons.map((/** @type {string} */ each) => element('option', { value: each }, reasonName(each)))
  const select = /** @type {HTMLSelectElement} */ (element('select', { id, autocomplete: 'off' }, ...options))
  return { select, nodes: [element('label', { for: id }, label), select] }
}

/**
 * Ask for words.
 * @param {string} title
 * @param {string} label
 * @param {number} max characters
 * @returns {Promise<string | null>}
 */
export async function askWords(title, label, max) {
  const { input, nodes } = field(label, 'p-words', { rows: 4, maxlength: max, required: true, dir: 'auto' }, 'textarea')
  return asked(title, say('people_send'), nodes, () => {
    const text = input.value.trim()
    return text ? { text } : say('failed')
  }).then((found) => found?.text ?? null)
}

/**
 * Ask why something is rejected; shows what authors will read.
 * @param {string} lang of the first comment
 * @returns {Promise<{ reason: string, note: string } | null>}
 */
export function askReason(lang) {
  const { select, nodes } = reasonChoice(say('people_reason'), 'p-reason')
  const note = field(say('people_colleagues'), 'p-note', { maxlength: 2000, dir: 'auto' })
  const shown = element('p', { class: 'p-told', dir: 'auto' })
  const tongue = (lang || page.place.languages[0]).split('-')[0]
  const texts = page.place.texts[tongue] ?? page.place.texts.en
  const paint = () => {
    shown.textContent = `${say('people_author_sees')} ${texts[select.value] ?? select.value}`
  }
  select.addEventListener('change', paint)
  paint()
  return asked(say('people_why'), say('people_decide'), [...nodes, shown, ...note.nodes], () => ({
    reason: select.value,
    note: note.input.value.trim(),
  }))
}

/** Before many are decided, the number is typed. @param {number} many @returns {Promise<boolean>} */
export async function askNumber(many) {
  const { input, nodes } = field(say('people_number'), 'p-number', { inputmode: 'numeric' })
  const found = await asked(
    say('people_many', { n: many }),
    say('people_decide'),
    nodes,
    () => (Number(input.value.trim()) === many ? { many } : say('people_many', { n: many })),
  )
  return found !== null
}
