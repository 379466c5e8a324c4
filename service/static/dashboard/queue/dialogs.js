/** Dialogs that are needed now and then: help, palette, a note, what can be done about an author. */

import { ApiError, ask } from '../api.js'
import { announce, element } from '../dom.js'
import { page, say } from '../page.js'
import { faceOf, keysOf, table } from './keys.js'
import { wishes } from './wishes.js'

const GROUPS = ['move', 'decide', 'many', 'look', 'go']
const DAY_MS = 86_400_000

/**
 * @param {string} title
 * @param {...Node} content
 */
export function dialog(title, ...content) {
  const made = /** @type {HTMLDialogElement} */ (
    element(
      'dialog',
      { class: 'q-dialog', 'aria-labelledby': 'q-title', onclose: () => made.remove() },
      element('h2', { id: 'q-title', tabindex: -1, autofocus: true }, title),
      ...content,
    )
  )
  document.body.append(made)
  made.showModal()
  return made
}

/** @param {string} action */
export const faces = (action) =>
  keysOf(action).flatMap((key, n) => [
    n ? ' ' : '',
    ...key.split(' ').flatMap((each) => [element('kbd', { dir: 'ltr' }, faceOf(each)), ' ']),
  ])

export const closing = () =>
  element(
    'div',
    { class: 'row' },
    element('button', { type: 'button', onclick: close }, say('close')),
  )

/** @param {Event} event */
export function close(event) {
  /** @type {HTMLElement} */ (event.currentTarget).closest('dialog')?.close()
}

export function help() {
  const groups = GROUPS.map((group) =>
    element(
      'section',
      {},
      element('h3', {}, say(`group_${group}`)),
      element(
        'table',
        {},
        element(
          'tbody',
          {},
          ...table
            .filter((each) => each.group === group)
            .map(({ action }) =>
              element('tr', {}, element('td', {}, ...faces(action)), element('td', {}, say(`key_${action}`))),
            ),
        ),
      ),
    ),
  )
  const off = wishes.keyboard === 'on' ? [] : [element('p', { class: 'notice' }, say(`keyboard_is_${wishes.keyboard}`))]
  dialog(say('help_title'), ...off, element('div', { class: 'q-help' }, ...groups), element('p', { class: 'hint' }, say('mask_hint')), closing()).classList.add('q-wide')
}

/** @param {(action: string) => void} act */
export function palette(act) {
  const find = /** @type {HTMLInputElement} */ (
    element('input', { id: 'q-command', autocomplete: 'off', role: 'combobox', 'aria-expanded': 'true', 'aria-controls': 'q-commands' })
  )
  const list = element('ul', { class: 'q-reasons', role: 'listbox', id: 'q-commands', 'aria-label': say('palette_title') })
  const made = dialog(say('palette_title'), element('label', { for: 'q-command' }, say('palette_find')), find, list)
  let at = 0
  const found = () =>
    table.filter(
      ({ action }) =>
        action !== 'palette' && say(`key_${action}`).toLocaleLowerCase().includes(find.value.trim().toLocaleLowerCase()),
    )
  const take = (/** @type {string | undefined} */ action) => {
    made.close()
    if (action) act(action)
  }
  const paint = () => {
    list.replaceChildren(
      ...found().map(({ action }, n) =>
        element(
          'li',
          { role: 'option', id: `q-do-${action}`, 'aria-selected': String(n === at), onclick: () => take(action) },
          element('span', {}, say(`key_${action}`)),
          element('span', { class: 'q-faces', 'aria-hidden': 'true' }, ...faces(action)),
        ),
      ),
    )
    list.children[at]?.scrollIntoView({ block: 'nearest' })
    find.setAttribute('aria-activedescendant', list.children[at]?.id ?? '')
  }
  find.addEventListener('input', () => {
    at = 0
    paint()
  })
  find.addEventListener('keydown', (event) => {
    if (event.isComposing) return
    if (event.key === 'Enter') take(found()[at]?.action)
    else if (event.key === 'ArrowDown') at = Math.min(at + 1, found().length - 1)
    else if (event.key === 'ArrowUp') at = Math.max(at - 1, 0)
    else return
    event.preventDefault()
    paint()
  })
  paint()
  find.focus()
}

/**
 * @param {string} title
 * @param {string} label
 * @returns {Promise<string | null>}
 */
export function askText(title, label) {
  return new Promise((resolve) => {
    const field = /** @type {HTMLTextAreaElement} */ (
      element('textarea', { id: 'q-words', rows: 3, maxlength: 2000, required: true })
    )
    const onsubmit = (/** @type {Event} */ event) => {
      event.preventDefault()
      resolve(field.value.trim() || null)
      made.close()
    }
    const made = dialog(
      title,
      element(
        'form',
        { class: 'stack', onsubmit },
        element('label', { for: 'q-words' }, label),
        field,
        element(
          'div',
          { class: 'row' },
          element('button', { type: 'button', onclick: close }, say('cancel')),
          element('button', { class: 'primary' }, say('send')),
        ),
      ),
    )
    made.addEventListener('close', () => resolve(null))
    field.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) onsubmit(event)
    })
    field.focus()
  })
}

/** @param {any} item @param {() => void} changed */
export async function note(item, changed) {
  if (!item.author.ref) return announce(say('nobody'))
  const text = await askText(say('key_note'), say('note_label', { name: item.comment.author.name }))
  if (text !== null) await about(item, 'POST', '/notes', { text }, 'noted', changed)
}

/** What can be done about an author; nothing of it by one key. @param {any} item @param {() => void} changed */
export function author(item, changed) {
  if (!item.author.ref) return announce(say('nobody'))
  const act = (/** @type {string} */ label, /** @type {() => Promise<unknown>} */ work) =>
    element('button', { type: 'button', class: 'wide', onclick: () => (made.close(), work()) }, say(label))
  const muted = () =>
    about(item, 'PUT', '', { ban: { until: new Date(Date.now() + DAY_MS - 60_000).toISOString(), reason: null } }, 'muted', changed)
  const warned = async () => {
    const text = await askText(say('warn'), say('warn_label'))
    if (text !== null) await about(item, 'POST', '/warnings', { text }, 'warned', changed)
  }
  const made = dialog(
    say('about_author', { name: item.comment.author.name }),
    act('warn', warned),
    act('mute', muted),
    ...(page.queue.senior
      ? [
          act('hold', () => about(item, 'PUT', '', { always_hold: true }, 'held', changed)),
          act('ban', () => about(item, 'PUT', '', { ban: { until: null, reason: null } }, 'now_banned', changed)),
          act('unban', () => about(item, 'PUT', '', { ban: null }, 'unbanned', changed)),
        ]
      : []),
    closing(),
  )
}

/**
 * @param {any} item
 * @param {string} method
 * @param {string} what
 * @param {object} body
 * @param {string} done
 * @param {() => void} changed
 */
async function about(item, method, what, body, done, changed) {
  try {
    await ask(method, `/v1/sites/${page.queue.site}/readers/${item.author.ref}${what}`, body)
    announce(say(done, { name: item.comment.author.name }))
    changed()
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    announce(error.sentence)
  }
}
