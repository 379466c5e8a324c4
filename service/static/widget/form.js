import { h, recall } from './dom.js'

let made = 0

/**
 * The form for one text: a new comment, a reply (`parent`), or an edit (`edits`).
 * Here it is only built; `act/composer.js` attends to it as soon as somebody comes near.
 */
export class Form {
  /** @type {any} */ name = null
  /** @type {any} */ email = null

  /**
   * @param {any} thread
   * @param {{label: string, button: string, text?: string, place?: string, parent?: any, edits?: any}} what
   *     `place` tells its draft from others of the article.
   */
  constructor(thread, { label, button, text, place = '', parent, edits }) {
    this.thread = thread
    this.parent = parent
    this.edits = edits
    const { identity } = thread
    const id = `field-${(made += 1)}`
    this.draft = edits ? null : `${identity.key}:${thread.article}:${place}`
    this.text = h('textarea', { class: 'field', part: 'textarea', id, name: 'body', rows: 3, 'aria-describedby': `${id}-error` })
    this.text.value = text || (recall(this.draft)?.text ?? '')
    this.error = h('p', { class: 'error', id: `${id}-error`, role: 'alert' })
    this.submit = h('button', { class: 'submit' }, button)
    this.row = h('div', { class: 'row' }, this.submit)
    this.node = h(
      'form',
      {
        class: 'composer',
        novalidate: true,
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault()
          thread.act('submit', this)
        },
        onfocusin: () => thread.act('attend', this),
      },
      h('label', { class: 'label', for: id }, label),
      this.text,
      this.error,
      !edits && this.#who(id),
      this.row,
    )
    if (!edits && !parent) this.#hint()
  }

  #who(/** @type {string} */ id) {
    const { identity, words, signOut } = this.thread
    const leave = signOut && [' · ', h('a', { href: signOut }, words.say('signOut'))]
    if (identity.signedIn) return identity.name && h('p', { class: 'hint' }, words.say('signedIn', { u: identity.name }), leave)
    const field = (/** @type {'name' | 'email'} */ name, /** @type {any} */ more) => {
      const input = (this[name] = h('input', { class: 'field', id: `${id}-${name}`, name, 'aria-describedby': `${id}-error`, ...more }))
      input.value = identity.guest[name] ?? ''
      return h('div', null, h('label', { class: 'label', for: input.id }, words.say(name)), input)
    }
    return h('div', { class: 'who' }, field('name', { autocomplete: 'nickname', maxlength: 80 }), field('email', { autocomplete: 'email', type: 'email' }))
  }

  #hint() {
    const { rules, words, page } = this.thread
    const link = rules && [h('a', { href: rules }, words.say('rules')), ' · ']
    this.row.append(h('p', { class: 'hint' }, link, words.say('checked'), words.usually(page.site.usual_minutes), ' ', h('bdi', { class: 'marks' }, words.say('marks'))))
  }
}
