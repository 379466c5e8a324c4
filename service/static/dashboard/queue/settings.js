/** The dialog of one's own wishes: comfort, with a harmless text to try it on, and keys. */

import { element } from '../dom.js'
import { say } from '../page.js'
import { closing, dialog, faces } from './dialogs.js'
import { faceOf, keyOf, keysOf, table } from './keys.js'
import { maskedWhole, textOf } from './text.js'
import { wish, wishes } from './wishes.js'

const REST_CHOICES = [0, 10, 20, 30, 50]

/** @param {() => void} changed */
export function settings(changed) {
  const preview = element('div', { class: 'q-text q-preview', 'aria-live': 'polite' })
  const paint = () => preview.replaceChildren(element('p', {}, sample()), ...(wishes.mask_all ? [element('p', {}, maskedWhole())] : []))
  const set = (/** @type {Partial<import('./wishes.js').Wishes>} */ wanted) => {
    wish(wanted)
    changed()
    paint()
  }
  const tick = (/** @type {'mask' | 'mask_all' | 'calm' | 'still'} */ name) =>
    element(
      'label',
      { class: 'q-tick' },
      element('input', {
        type: 'checkbox',
        checked: wishes[name],
        onchange: (/** @type {Event} */ event) =>
          set({ [name]: /** @type {HTMLInputElement} */ (event.target).checked }),
      }),
      ` ${say(`wish_${name}`)}`,
    )
  paint()
  const made = dialog(
    say('settings'),
    element(
      'fieldset',
      {},
      element('legend', {}, say('comfort')),
      tick('mask'),
      tick('mask_all'),
      choice('size', ['usual', 'large', 'larger'], set),
      choice('density', ['airy', 'dense'], set),
      tick('calm'),
      tick('still'),
      rest(set),
      element('p', { class: 'hint' }, say('preview')),
      preview,
      element('p', { class: 'hint' }, say('mask_hint')),
    ),
    keyboard(set, () => {
      made.close()
      settings(changed)
    }),
    element('p', { class: 'hint' }, say('kept_for_you')),
    closing(),
  )
}

/** The harmless text with its one word that stands for a hard one. */
function sample() {
  const text = say('preview_text')
  const word = say('preview_word')
  const start = Array.from(text.slice(0, text.indexOf(word))).length
  const span = [start, start + Array.from(word).length]
  return textOf(text, [{ rule: 'insults', label: say('preview_label'), spans: [span] }], wishes.mask)
}

/**
 * @param {'size' | 'density'} name
 * @param {string[]} values
 * @param {(wanted: object) => void} set
 */
function choice(name, values, set) {
  const onchange = (/** @type {Event} */ event) =>
    set({ [name]: /** @type {HTMLSelectElement} */ (event.target).value })
  return element(
    'label',
    {},
    say(`wish_${name}`),
    element(
      'select',
      { onchange },
      ...values.map((value) => element('option', { value, selected: wishes[name] === value }, say(`${name}_${value}`))),
    ),
  )
}

/** @param {(wanted: object) => void} set */
function rest(set) {
  const onchange = (/** @type {Event} */ event) =>
    set({ rest_after: Number(/** @type {HTMLSelectElement} */ (event.target).value) })
  return element(
    'label',
    {},
    say('wish_rest'),
    element(
      'select',
      { onchange },
      ...REST_CHOICES.map((n) =>
        element('option', { value: n, selected: wishes.rest_after === n }, n ? say('rest_after', { n }) : say('rest_never')),
      ),
    ),
  )
}

/** @param {(wanted: object) => void} set @param {() => void} again */
function keyboard(set, again) {
  const modes = ['on', 'alt', 'off'].map((mode) =>
    element(
      'label',
      { class: 'q-tick' },
      element('input', {
        type: 'radio',
        name: 'keyboard',
        value: mode,
        checked: wishes.keyboard === mode,
        onchange: () => set({ keyboard: mode }),
      }),
      ` ${say(`keyboard_${mode}`)}`,
    ),
  )
  const problem = element('p', { class: 'notice error', role: 'alert', hidden: true })
  const rows = table.map(({ action }) => {
    const label = say('change_key', { action: say(`key_${action}`) })
    const button = element('button', { type: 'button', class: 'small', 'aria-label': label }, ...faces(action))
    button.addEventListener('keydown', (event) => remap(event, action, button, problem, set))
    return element('tr', {}, element('td', {}, say(`key_${action}`)), element('td', {}, button))
  })
  const usual = () => {
    set({ keys: {} })
    again()
  }
  return element(
    'fieldset',
    {},
    element('legend', {}, say('keyboard')),
    ...modes,
    element(
      'details',
      {},
      element('summary', {}, say('remap')),
      element('p', { class: 'hint' }, say('remap_hint')),
      problem,
      element('table', {}, element('tbody', {}, ...rows)),
      element('button', { type: 'button', class: 'small', onclick: usual }, say('usual_keys')),
    ),
  )
}

/**
 * A key that is pressed on an action's button becomes its key.
 * @param {KeyboardEvent} event
 * @param {string} action
 * @param {HTMLElement} button
 * @param {HTMLElement} problem
 * @param {(wanted: object) => void} set
 */
function remap(event, action, button, problem, set) {
  const key = keyOf(event)
  if (key === null || key === 'Enter' || key === 'Escape') return
  event.preventDefault()
  const taken = table.find((each) => each.action !== action && keysOf(each.action).includes(key))
  problem.hidden = !taken
  if (taken) {
    problem.textContent = say('key_taken', { key: faceOf(key), action: say(`key_${taken.action}`) })
    return
  }
  set({ keys: { ...wishes.keys, [action]: key } })
  button.replaceChildren(...faces(action))
}
