/** The dialog that asks why: a digit, or a few letters and Enter; the suggested reason is first. */

import { element } from '../dom.js'
import { page, say } from '../page.js'
import { reasonName } from './cards.js'
import { tongueOf } from './text.js'

/** Which reason a rule that matched speaks for. */
const SPEAKS_FOR = /** @type {Record<string, string>} */ ({
  insults: 'abuse',
  'insults-by-consonants': 'abuse',
  profanity: 'abuse',
  hate: 'hate',
  threats: 'harassment',
  'spam-words': 'spam',
  'many-links': 'advertising',
  'link-new-author': 'advertising',
  campaign: 'spam',
  repeat: 'duplicate',
  'personal-data': 'personal_data',
})

/** @param {any} item @returns {string} */
export function suggested(item) {
  if (item.suggested_reason) return item.suggested_reason
  const spoken = [...item.why].sort((a, b) => b.score - a.score).find(({ rule }) => SPEAKS_FOR[rule])
  return spoken ? SPEAKS_FOR[spoken.rule] ?? 'other' : 'abuse'
}

/**
 * @param {any[]} items
 * @returns {Promise<{ reason: string, note: string } | null>}
 */
export function askReason(items) {
  return new Promise((resolve) => new ReasonDialog(items, resolve).show())
}

class ReasonDialog {
  #resolve
  #items
  #first
  #order
  #at = 0
  #list = element('ol', { class: 'q-reasons', role: 'listbox', id: 'q-reasons', 'aria-label': say('reason') })
  #find = /** @type {HTMLInputElement} */ (
    element('input', {
      id: 'q-find',
      autofocus: true,
      autocomplete: 'off',
      role: 'combobox',
      'aria-expanded': 'true',
      'aria-controls': 'q-reasons',
      'aria-autocomplete': 'list',
    })
  )
  #note = /** @type {HTMLInputElement} */ (
    element('input', { id: 'q-note', autocomplete: 'off', maxlength: 2000 })
  )
  #shown = element('p', { class: 'q-told', dir: 'auto' })
  #dialog

  /** @param {any[]} items @param {(answer: { reason: string, note: string } | null) => void} resolve */
  constructor(items, resolve) {
    this.#resolve = resolve
    this.#items = items
    this.#first = suggested(items[0])
    const { reasons } = page.queue
    this.#order = [this.#first, ...reasons.filter((/** @type {string} */ each) => each !== this.#first)]
    const title = items.length > 1 ? say('reject_many', { n: items.length }) : say('why_reject')
    this.#dialog = /** @type {HTMLDialogElement} */ (
      element(
        'dialog',
        { class: 'q-dialog', 'aria-labelledby': 'q-why', onclose: () => this.#end(null) },
        element('h2', { id: 'q-why' }, title),
        element('label', { for: 'q-find' }, say('find_reason')),
        this.#find,
        this.#list,
        element('p', { class: 'hint' }, this.#told()),
        this.#shown,
        element('label', { for: 'q-note' }, say('note_optional')),
        this.#note,
        element(
          'div',
          { class: 'row' },
          element('button', { type: 'button', onclick: () => this.#dialog.close() }, say('cancel')),
          element('button', { type: 'button', class: 'primary', onclick: () => this.#take() }, say('reject_now')),
        ),
      )
    )
    this.#dialog.addEventListener('keydown', (event) => this.#press(event))
    this.#find.addEventListener('input', () => this.#paint())
  }

  show() {
    document.body.append(this.#dialog)
    this.#paint()
    this.#dialog.showModal()
  }

  get #lang() {
    const tag = this.#items[0].comment.lang ?? page.queue.languages[0]
    return tag.split('-')[0] in page.queue.texts ? tag.split('-')[0] : 'en'
  }

  #told() {
    return say('author_sees', { lang: tongueOf(this.#lang) })
  }

  get #found() {
    const wanted = this.#find.value.trim().toLocaleLowerCase()
    return this.#order.filter((each) => reasonName(each).toLocaleLowerCase().includes(wanted))
  }

  #paint() {
    this.#at = 0
    this.#list.replaceChildren(
      ...this.#found.map((reason) => {
        const digit = this.#order.indexOf(reason) + 1
        return element(
          'li',
          { role: 'option', id: `q-reason-${reason}`, 'data-reason': reason, onclick: () => this.#take(reason) },
          element('kbd', { 'aria-hidden': 'true', class: digit < 10 ? '' : 'q-none' }, String(digit)),
          element('span', {}, reasonName(reason)),
          ...(reason === this.#first ? [element('span', { class: 'badge' }, say('suggested'))] : []),
        )
      }),
    )
    this.#point()
  }

  #point() {
    const options = /** @type {HTMLElement[]} */ ([...this.#list.children])
    options.forEach((each, n) => each.setAttribute('aria-selected', String(n === this.#at)))
    const chosen = options[this.#at]
    this.#find.setAttribute('aria-activedescendant', chosen?.id ?? '')
    if (this.#dialog.open) chosen?.scrollIntoView({ block: 'nearest' })
    const reason = chosen?.dataset.reason ?? ''
    this.#shown.lang = this.#lang
    this.#shown.textContent = page.queue.texts[this.#lang][reason] ?? reason
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    if (event.isComposing || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return
    const many = this.#list.children.length
    if (event.target !== this.#find) {
      if (event.key === 'Enter' && event.target === this.#note) this.#take()
      return
    }
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      this.#at = (this.#at + (event.key === 'ArrowDown' ? 1 : many - 1)) % Math.max(many, 1)
      this.#point()
    } else if (event.key === 'Enter') this.#take()
    else if (this.#find.value === '' && /^(Digit|Numpad)[1-9]$/.test(event.code))
      this.#take(this.#order[Number(event.code.at(-1)) - 1])
    else if (this.#find.value === '' && (event.key === 'r' || (event.key > '~' && event.code === 'KeyR')))
      this.#take(this.#first)
    else return
    event.preventDefault()
  }

  /** @param {string | undefined} [reason] */
  #take(reason = this.#found[this.#at]) {
    if (reason) this.#end({ reason, note: this.#note.value.trim() })
  }

  /** @param {{ reason: string, note: string } | null} answer */
  #end(answer) {
    this.#resolve(answer)
    this.#dialog.remove()
  }
}
