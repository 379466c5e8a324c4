/** The list of origins whose pages may show comments: each one is looked at as it is written. */

import { byId, element } from '../dom.js'
import { page, say } from '../page.js'

const ORIGIN = /^https?:\/\/[a-z0-9.-]+(:[0-9]{1,5})?$/
const list = /** @type {HTMLElement} */ (byId('origins').querySelector('.origins'))

byId('add-origin').addEventListener('click', () => {
  const line = made()
  list.append(line)
  line.querySelector('input')?.focus()
})
list.addEventListener('click', (event) => {
  const line = /** @type {Element} */ (event.target).closest('[data-drop]')?.closest('li')
  if (!line) return
  line.remove()
  byId('add-origin').focus()
  byId('settings').dispatchEvent(new Event('change'))
})
list.addEventListener('input', (event) => look(/** @type {HTMLInputElement} */ (event.target)))
list.addEventListener('focusout', (event) => {
  const field = /** @type {HTMLInputElement} */ (event.target)
  if (field.name !== 'origins') return
  field.value = settled(field.value)
  look(field)
})
for (const field of fields()) look(field)

/** The origins that are there. */
export function originsOf() {
  return [...new Set(fields().map((field) => settled(field.value)).filter(Boolean))]
}

/** Whether each is one; the first that is none gets the focus. */
export function checkOrigins() {
  const wrong = fields().find((field) => field.value.trim() && !ORIGIN.test(settled(field.value)))
  wrong?.focus()
  return !wrong
}

function fields() {
  return /** @type {HTMLInputElement[]} */ ([...list.querySelectorAll('input')])
}

/**
 * An address as its origin: what stands behind it is no part of it.
 * @param {string} said
 */
function settled(said) {
  const text = said.trim().toLowerCase()
  if (!text) return ''
  const whole = text.includes('://') ? text : `https://${text}`
  const found = /^https?:\/\/[^/?#]+/.exec(whole)
  return found ? found[0] : text
}

/**
 * Say beside it what is thought of one.
 * @param {HTMLInputElement} field
 */
function look(field) {
  const told = /** @type {HTMLElement} */ (field.closest('li')?.querySelector('.said'))
  const origin = settled(field.value)
  const kind = !origin ? '' : !ORIGIN.test(origin) ? 'bad' : origin.startsWith('http:') ? 'open' : 'good'
  told.className = `said ${kind}`
  if (kind === 'bad') field.setAttribute('aria-invalid', 'true')
  else field.removeAttribute('aria-invalid')
  told.textContent = kind ? say(`origin_${kind}`, { origin, own: page.sites.base }) : ''
}

function made() {
  const field = element('input', {
    name: 'origins',
    inputmode: 'url',
    dir: 'ltr',
    spellcheck: 'false',
    autocapitalize: 'none',
    autocomplete: 'off',
    placeholder: 'https://daily.example',
    'aria-label': say('origin_new'),
  })
  const drop = element('button', { type: 'button', class: 'small', 'data-drop': true }, say('drop'))
  return element('li', {}, field, drop, element('span', { class: 'said' }))
}
