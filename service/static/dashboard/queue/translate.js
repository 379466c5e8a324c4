/**
 * A comment in one's own language, made by the browser itself (Translator API) and shown as well
 * as what was written; no text leaves the machine.
 */

import { announce, element } from '../dom.js'
import { page, say } from '../page.js'
import { tongueOf } from './text.js'

/** @type {Map<string, string>} */
const made = new Map()

/** @param {any} item */
export function mayTranslate(item) {
  const lang = (item.comment.lang ?? '').split('-')[0]
  return 'Translator' in globalThis && lang !== '' && lang !== page.lang
}

/**
 * Show the translation of a comment below it, or put it away.
 * @param {any} item
 * @param {HTMLElement} card
 */
export async function translate(item, card) {
  const shown = card.querySelector('.q-translated')
  if (shown) return shown.remove()
  if (!mayTranslate(item)) return announce(say('cannot_translate'))
  const { id, lang, text, revision } = item.comment
  const known = `${id} ${revision}`
  try {
    if (!made.has(known)) {
      const pair = { sourceLanguage: lang.split('-')[0], targetLanguage: page.lang }
      const translator = await /** @type {any} */ (globalThis).Translator.create(pair)
      made.clear()
      made.set(known, await translator.translate(text))
    }
  } catch {
    return announce(say('cannot_translate'))
  }
  card.querySelector('.q-translated')?.remove()
  card
    .querySelector('.q-text')
    ?.after(
      element(
        'div',
        { class: 'q-translated' },
        element('p', { class: 'hint' }, say('translated', { lang: tongueOf(lang) })),
        element('p', { lang: page.lang, dir: 'auto' }, made.get(known) ?? ''),
      ),
    )
  announce(made.get(known) ?? '')
}
