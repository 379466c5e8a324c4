import { h, keep, press, recall } from '../dom.js'

const COUNTED = 200
const SPOKEN = [50, 0]

/** What is known of a form beside its fields. @type {WeakMap<any, any>} */
const kept = new WeakMap()

/**
 * Look after a form: keep its draft, count what is left, give it a way out.
 * @param {any} acts @param {any} form @param {() => void} [close]
 */
export const attend = (acts, form, close) => {
  if (kept.has(form)) return
  const state = { key: form.draft && recall(form.draft)?.key, wait: 0, busy: false, left: h('span', { class: 'left' }), close }
  kept.set(form, state)
  form.submit.after(...(close ? [press('action', acts.words.say('cancel'), close)] : []), state.left)
  form.text.addEventListener('input', () => typed(acts, form, state))
  form.text.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) submit(acts, form)
    if (event.key === 'Escape' && close && !form.text.value) close()
  })
  if (form.text.value) typed(acts, form, state, state.key)
}

const typed = (/** @type {any} */ acts, /** @type {any} */ form, /** @type {any} */ state, key = null) => {
  const left = acts.thread.page.site.body_max_chars - length(form)
  state.left.textContent = left > COUNTED ? '' : acts.words.say(left < 0 ? 'over' : 'left', { n: Math.abs(left) })
  if (SPOKEN.includes(left)) acts.announce(state.left.textContent)
  if (!state.wait) say(form)
  state.key = key
  draft(form, state)
}

const length = (/** @type {any} */ form) => [...form.text.value].length

const draft = (/** @type {any} */ form, /** @type {any} */ { key }) => {
  const text = form.text.value
  if (form.draft) keep(form.draft, text ? { text, key } : null)
}

/** Put a sentence under the field; without one, take it away. */
const say = (/** @type {any} */ form, sentence = '', /** @type {any} */ field = null) => {
  form.error.textContent = sentence
  for (const each of [form.text, form.name, form.email]) each?.removeAttribute('aria-invalid')
  field?.setAttribute('aria-invalid', 'true')
  field?.focus()
}

/** Send a form's text; a retry of the same text carries the same key. */
export const submit = async (/** @type {any} */ acts, /** @type {any} */ form) => {
  const state = kept.get(form)
  if (state.busy || state.wait || !isFit(acts, form)) return
  state.key ??= newKey()
  draft(form, state)
  if (!navigator.onLine) {
    whenOnline(acts, form)
    return
  }
  const { submit: button, text } = form
  state.busy = true
  button.setAttribute('aria-disabled', 'true')
  try {
    await acts.send(form, text.value, state.key)
    text.value = state.left.textContent = ''
    state.key = null
    say(form)
    draft(form, state)
  } catch (error) {
    await failed(acts, form, state, error)
  }
  state.busy = false
  if (!state.wait) button.removeAttribute('aria-disabled')
}

/** Check what can be known here; the server checks everything again. */
const isFit = (/** @type {any} */ { thread, words }, /** @type {any} */ form) => {
  const { text, name, email, parent } = form
  if (!text.value.trim()) say(form, words.say('required'), text)
  else if (length(form) > thread.page.site.body_max_chars) say(form, words.say('too_long'), text)
  else if (name && !name.value.trim()) say(form, words.say('noName'), name)
  else if (email && !email.validity.valid) say(form, words.say('badEmail'), email)
  else return thread.fire('before-submit', { text: text.value, parent: parent?.comment.id ?? null }, true)
  return false
}

const failed = async (/** @type {any} */ acts, /** @type {any} */ form, /** @type {any} */ state, /** @type {any} */ error) => {
  const { thread, words } = acts
  if (thread.signal.aborted) return
  acts.failed(error)
  const [wrong] = error.errors ?? []
  const field = /email/.test(wrong?.pointer) ? form.email : /name/.test(wrong?.pointer) ? form.name : form.text
  if (error.status === 429) pause(form, state, error.wait)
  if (error.code === 'stale_revision') acts.refreshMine().then(() => say(form, `${words.say('stale')} ${form.edits.comment.text}`))
  else if (error.code === 'offline' && !navigator.onLine) whenOnline(acts, form)
  else if (!(await acts.heed(error, form)) || thread.ban) say(form, acts.sentence(error, 'kept'), wrong && field)
}

/** Wait as long as the server asks; the sentence does not tick. */
const pause = (/** @type {any} */ form, /** @type {any} */ state, /** @type {number} */ seconds) => {
  state.wait = setTimeout(() => {
    state.wait = 0
    say(form)
    form.submit.removeAttribute('aria-disabled')
  }, seconds * 1000)
}

const whenOnline = (/** @type {any} */ { words, thread: { signal } }, /** @type {any} */ form) => {
  say(form, `${words.say('noNetwork')} ${words.say('kept')}`)
  addEventListener('online', () => say(form, words.say('online')), { once: true, signal })
}

/** A key for one submission; `crypto.randomUUID` would need a secure context. */
const newKey = () => crypto.getRandomValues(new Uint32Array(4)).join('-')
