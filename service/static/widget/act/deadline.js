import { h } from '../dom.js'

export const MINUTE = 60_000

/** How many minutes are left, the last one begun. */
export const minutes = (/** @type {string} */ until) => Math.ceil((Date.parse(until) - Date.now()) / MINUTE)

/** Put beside an edit how long it can still be saved. */
export const limit = (/** @type {any} */ words, /** @type {any} */ entry) => {
  const { form, comment } = entry
  const id = `${form.text.id}-time`
  form.time = h('p', { class: 'hint', id })
  form.row.append(form.time)
  form.text.setAttribute('aria-describedby', `${form.error.id} ${id}`)
  extend(words, entry, { editor: null, editable_until: comment.editable_until })
}

/** Take note that it can be saved for longer, and of the proof to send with it. */
export const extend = (/** @type {any} */ words, /** @type {any} */ entry, /** @type {any} */ { editor, editable_until: until }) => {
  const { form } = entry
  if (!form?.time) return
  Object.assign(form, { editor, until })
  remind(words, entry)
  setTimeout(() => form === entry.form && remind(words, entry), Date.parse(until) - Date.now() + 100)
}

/** Say how long is left, and once aloud when it is over; the text stays. */
export const remind = (/** @type {any} */ words, /** @type {any} */ { form: { time, until } }) => {
  const left = minutes(until)
  if (left > 0) time.textContent = words.say('editLeft', { n: left })
  else if (time.role !== 'alert') {
    time.role = 'alert'
    time.textContent = `${words.say('edit_window_over')} ${words.say('kept')}`
  }
}
