import { h, press } from '../dom.js'

let asked = 0

/**
 * Ask in a modal dialog; Escape and Cancel close it, and focus returns to where it was, or goes
 * to what `send` returns.
 * @param {any} acts
 * @param {{title: string, submit: string, danger?: boolean, told?: boolean, intent?: string, content: any[], send: (form: FormData) => Promise<any>}} question
 *     `told`: nothing is asked. `intent`: what who may not do it signs in for.
 */
const ask = (acts, { title, submit, danger, told, intent, content, send }) => {
  const { words, thread } = acts
  const label = `dialog-${(asked += 1)}`
  const error = h('p', { class: 'error', role: 'alert' })
  const button = h('button', { class: danger ? 'submit danger' : 'submit' }, submit)
  const close = () => dialog.close()
  const sent = async (/** @type {any} */ event) => {
    event.preventDefault()
    const wrong = event.target.querySelector(':invalid:not(fieldset)')
    if (wrong) {
      error.textContent = words.say(wrong.value && wrong.type === 'email' ? 'badEmail' : 'required')
      wrong.focus()
      return
    }
    button.setAttribute('aria-disabled', 'true')
    try {
      const next = await send(new FormData(event.target))
      close()
      next?.focus()
    } catch (/** @type {any} */ failure) {
      acts.failed(failure, intent)
      error.textContent = acts.sentence(failure)
    }
    button.removeAttribute('aria-disabled')
  }
  const dialog = h(
    'dialog',
    { class: 'dialog', 'aria-labelledby': label, onclose: () => dialog.remove() },
    h(
      'form',
      { novalidate: true, onsubmit: sent },
      h(`h${thread.heading}`, { id: label, class: 'title' }, title),
      content,
      error,
      h('div', { class: 'row' }, !told && press('action', words.say('cancel'), close), button),
    ),
  )
  thread.section.append(dialog)
  dialog.showModal()
}

const field = (/** @type {string} */ label, /** @type {any} */ properties, tag = 'input') =>
  h('label', { class: 'label' }, label, h(tag, { class: 'field', ...properties }))

const REASONS = ['abuse', 'hate', 'spam', 'false_information', 'off_topic', 'illegal']

/** Report a comment; an illegal one by a notice (DSA, Article 16). */
export const report = (/** @type {any} */ acts, /** @type {any} */ entry) => {
  const { thread, words } = acts
  const more = h('div', { class: 'fields' })
  const choose = (/** @type {string} */ reason) => {
    const isNotice = reason === 'illegal'
    const why = field(words.say(isNotice ? 'illegalWhy' : 'reportMore'), { name: 'text', rows: 3, maxlength: 2000, required: isNotice }, 'textarea')
    if (!isNotice) return more.replaceChildren(why)
    const name = field(words.say('name'), { name: 'name', autocomplete: 'name', required: true, value: thread.identity.guest.name })
    const email = field(words.say('yourEmail'), { name: 'email', type: 'email', autocomplete: 'email', required: true, value: thread.identity.guest.email })
    const tick = (/** @type {string} */ key, /** @type {any} */ how) => h('label', { class: 'choice' }, h('input', { type: 'checkbox', ...how }), words.say(key))
    const named = (/** @type {any} */ { target }) => [name, email].forEach((each) => (each.lastChild.required = !target.checked))
    return more.replaceChildren(why, tick('minors', { name: 'minors', onchange: named }), name, email, tick('faith', { required: true }))
  }
  const choice = (/** @type {string} */ reason) =>
    h('label', { class: 'choice' }, h('input', { type: 'radio', name: 'reason', value: reason, required: true, onchange: () => choose(reason) }), words.say(reason))
  choose('')
  ask(acts, {
    title: words.say('report'),
    intent: 'report',
    submit: words.say('submit'),
    content: [h('fieldset', null, h('legend', { class: 'label' }, words.say('reportWhy')), REASONS.map(choice)), more],
    send: async (form) => {
      const notice = form.has('email') && { name: form.get('name') || null, email: form.get('email') || null, good_faith: true, about_minors: form.has('minors') }
      const { id } = await acts.comment('POST', entry.comment.id, '/reports', { reason: form.get('reason'), text: form.get('text'), ...(notice && { notice }) })
      entry.reported = true
      entry.paint()
      acts.reported()
      thread.fire('reported', { id: entry.comment.id })
      const button = entry.article.querySelector('[data-act=reported]')
      return notice ? { focus: () => number(acts, id, button) } : button
    },
  })
}

/** Tell the number of a notice; who gave it may have to name it later. */
const number = (/** @type {any} */ acts, /** @type {string} */ id, /** @type {HTMLElement} */ button) => {
  const { words } = acts
  const content = [h('p', null, words.say('noticeNumber', { r: id }))]
  ask(acts, { title: words.say('thanks'), submit: words.say('close'), told: true, content, send: async () => button })
}

/** Ask once before a text is erased. */
export const erase = (/** @type {any} */ acts, /** @type {() => Promise<any>} */ send) => {
  const { words } = acts
  ask(acts, { title: words.say('deleteTitle'), submit: words.say('delete'), danger: true, content: [h('p', null, words.say('deleteText'))], send })
}

/** Ask for a review of a decision. */
export const appeal = (/** @type {any} */ acts, /** @type {(text: string) => Promise<any>} */ send) => {
  const { words } = acts
  const why = field(words.say('appealWhy'), { name: 'text', rows: 4, maxlength: 2000, required: true }, 'textarea')
  ask(acts, { title: words.say('appeal'), submit: words.say('submit'), content: [why], send: (form) => send(String(form.get('text'))) })
}
