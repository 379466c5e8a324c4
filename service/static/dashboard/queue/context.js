/** Beside the current comment: its article, the thread around it, its author, edits, signals, log. */

import { ApiError, ask } from '../api.js'
import { byId, element } from '../dom.js'
import { page, say } from '../page.js'
import { hidesWhole, reasonName } from './cards.js'
import { afterPaint } from './soon.js'
import { maskedWhole, textOf, when } from './text.js'
import { wishes } from './wishes.js'

const AFTER_MS = 250
const THREAD_MAX = 20
const numbers = new Intl.NumberFormat(page.lang, { maximumFractionDigits: 2 })

export class Context {
  #desk
  #place = byId('context')
  #body = byId('context-body')
  #timer = 0
  #asking = new AbortController()
  #whole = false
  /** @type {string | undefined} */
  #shown

  /** @param {import('./desk.js').Desk} desk */
  constructor(desk) {
    this.#desk = desk
    desk.addEventListener('current', afterPaint(() => this.#wait()))
    byId('context-close').addEventListener('click', () => this.show(false))
  }

  /** As a sheet, where there is no room beside. */
  show(on = !this.#place.classList.contains('q-open')) {
    this.#place.classList.toggle('q-open', on)
    if (on) byId('context-close').focus()
    else this.#desk.card()?.querySelector('.q-card')?.focus()
  }

  get isOpen() {
    return this.#place.classList.contains('q-open')
  }

  again() {
    this.#paint(this.#desk.item())
    this.#wait()
  }

  /** @param {number} by */
  walk(by) {
    const places = /** @type {HTMLElement[]} */ ([...this.#body.querySelectorAll('.q-thread [tabindex]')])
    const at = places.indexOf(/** @type {HTMLElement} */ (document.activeElement))
    const start = at < 0 ? places.findIndex((each) => each.matches('.q-this')) : at
    places[Math.min(Math.max(start + by, 0), places.length - 1)]?.focus()
  }

  async thread() {
    this.#whole = !this.#whole
    this.again()
  }

  #wait() {
    clearTimeout(this.#timer)
    this.#asking.abort()
    const item = this.#desk.item()
    this.#place.classList.toggle('q-open', this.isOpen && item?.comment.id === this.#shown)
    this.#shown = item?.comment.id
    this.#paint(item)
    if (item) this.#timer = setTimeout(() => this.#ask(item), AFTER_MS)
  }

  /** @param {any} item */
  async #ask(item) {
    this.#asking = new AbortController()
    const { signal } = this.#asking
    const { site } = page.queue
    const quiet = (/** @type {unknown} */ error) => {
      if (error instanceof ApiError || (error instanceof DOMException && error.name === 'AbortError')) return null
      throw error
    }
    const { id, parent_id: parent, article } = item.comment
    const public_ = `/v1/sites/${site}`
    const around = parent
      ? ask('GET', `${public_}/comments/${parent}`, undefined, { signal }).catch(quiet)
      : null
    const limit = this.#whole ? THREAD_MAX : 3
    const others = ask(
      'GET',
      `${public_}/articles/${encodeURIComponent(article)}/comments?sort=newest&limit=${limit}${parent ? `&parent=${parent}` : ''}`,
      undefined,
      { signal },
    ).catch(quiet)
    const record = item.author.ref
      ? ask('GET', `${public_}/readers/${item.author.ref}`, undefined, { signal }).catch(quiet)
      : null
    // Whoever looks a second time is not told what was decided.
    const whole =
      page.queue.lane === 'check'
        ? null
        : await ask('GET', `/v1/moderation/comments/${id}`, undefined, { signal }).catch(quiet)
    const found = { whole, line: await around, others: await others, record: await record }
    if (!signal.aborted && this.#desk.current === id) this.#paint(item, found)
  }

  /** @param {any} item @param {any} [found] */
  #paint(item, found) {
    this.#place.hidden = !item
    if (!item) return this.#body.replaceChildren()
    const focused = this.#body.contains(document.activeElement)
    if (focused && !found) byId('context').focus()
    this.#body.replaceChildren(
      section('article', ...this.#article(item, found)),
      section('thread_around', thread(item, found)),
      ...(page.queue.lane === 'check' ? [] : [section('author', ...author(item, found)), section('signals', signals(item))]),
      ...(found?.whole ? [...edits(item, found.whole), log(found.whole)] : []),
      ...(page.queue.lane === 'check' ? [element('p', { class: 'hint' }, say('blind'))] : [order()]),
    )
  }

  /** @param {any} item @param {any} found */
  #article(item, found) {
    const { title, key, views_per_hour: views } = item.article
    const lines = [element('p', {}, element('bdi', {}, title ?? key))]
    const facts = []
    if (views) facts.push(say('views', { n: Math.round(views) }))
    const known = found?.others?.article
    if (known) facts.push(say('comments_there', { n: known.count }), say(`article_${known.state}`))
    if (facts.length) lines.push(element('p', { class: 'hint' }, facts.join(' · ')))
    return lines
  }
}

/** @param {string} title @param {...Node} content */
function section(title, ...content) {
  return element('section', {}, element('h3', {}, say(title)), ...content)
}

/** @param {any} item @param {any} found */
function thread(item, found) {
  const before = found?.line
    ? [...found.line.ancestors, found.line.comment]
    : item.parent
      ? [item.parent]
      : []
  const beside = (found?.others?.comments ?? []).filter((/** @type {any} */ each) => each.id !== item.comment.id)
  const shown = (/** @type {any} */ each, more = '') =>
    element(
      'li',
      { tabindex: -1, class: more },
      element('strong', {}, element('bdi', {}, each.author.name || '–')),
      ...(each.status === 'pending' && !more ? [' ', element('span', { class: 'badge' }, say('waits'))] : []),
      element('p', { dir: 'auto', lang: each.lang }, more && hidesWhole(item) ? maskedWhole() : textOf(each.text ?? say('text_gone'), more ? item.why : [], wishes.mask)),
    )
  const list = element('ol', { class: 'q-thread' })
  list.append(...before.map((each) => shown(each)), shown(item.comment, 'q-this'), ...beside.map((/** @type {any} */ each) => shown(each)))
  return list
}

/** @param {any} item @param {any} found */
function author(item, found) {
  const { ref, approved, rejected, first_seen: first, banned_until: banned } = item.author
  const all = approved + rejected
  const share = all ? new Intl.NumberFormat(page.lang, { style: 'percent' }).format(rejected / all) : ''
  const lines = [
    element('p', {}, element('bdi', {}, ref ? element('a', { href: `/moderate/authors/${ref}?site=${page.queue.site}` }, item.comment.author.name) : item.comment.author.name)),
    element(
      'p',
      { class: 'hint' },
      [say('record', { approved, rejected }), share && say('share', { share }), first && say('since', { when: when(first) })]
        .filter(Boolean)
        .join(' · '),
    ),
  ]
  if (banned) lines.push(element('p', { class: 'q-late' }, say('banned')))
  const record = found?.record
  if (record) {
    lines.push(element('p', { class: 'hint' }, say('waiting_too', { n: record.waiting })))
    for (const [kind, said] of [['note_by', record.notes ?? []], ['warned_by', record.warnings ?? []]])
      for (const each of said)
        lines.push(element('p', { class: 'q-note' }, `${say(kind, { name: each.by.name, when: when(each.at) })} `, element('bdi', {}, each.text)))
  }
  return lines
}

/** @param {any} item */
function signals(item) {
  if (!item.why.length) return element('p', { class: 'hint' }, say('no_signals'))
  return element(
    'ul',
    { class: 'plain' },
    ...item.why.map((/** @type {any} */ each) =>
      element(
        'li',
        {},
        element('span', { class: 'q-rule', dir: 'ltr' }, `${each.rule} ${each.version}`),
        ` ${each.label} · ${numbers.format(each.score)}`,
      ),
    ),
  )
}

/** Why this order, in full. */
function order() {
  return element('details', {}, element('summary', {}, say('why_order')), element('p', { class: 'hint' }, say('order')))
}

/** @param {any} item @param {any} whole */
function edits(item, whole) {
  const before = whole.revisions.map((/** @type {any} */ each) => ({ text: each.text, at: each.replaced_at }))
  if (whole.pending) before.push({ text: whole.comment.text, at: null })
  if (!before.length) return []
  return [
    section(
      'edits',
      element(
        'ol',
        { class: 'q-thread' },
        ...before.map((/** @type {any} */ each) =>
          element(
            'li',
            {},
            element('span', { class: 'hint' }, each.at ? say('replaced', { when: when(each.at) }) : say('public_now')),
            element('p', { dir: 'auto' }, each.text ?? ''),
          ),
        ),
      ),
    ),
  ]
}

/** @param {any} whole */
function log(whole) {
  if (!whole.decisions.length) return section('log', element('p', { class: 'hint' }, say('no_decisions')))
  return section(
    'log',
    element(
      'ol',
      { class: 'q-thread' },
      ...whole.decisions.map((/** @type {any} */ each) => {
        const values = { name: each.by.name || say('somebody'), when: when(each.at) }
        const why = each.reason ? `: ${reasonName(each.reason)}` : ''
        return element('li', {}, `${say(`they_${each.action}`, values)}${why}`, ...(each.note ? [element('p', { dir: 'auto' }, each.note)] : []))
      }),
    ),
  )
}
