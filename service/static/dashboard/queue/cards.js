/** Cards: the server paints the first ones, and a template of the same markup makes the others. */

import { byId, element } from '../dom.js'
import { page, say } from '../page.js'
import { HARD_RISK } from './comfort.js'
import { isNew } from './filters.js'
import { isPast, maskedWhole, textOf, tongueOf, when } from './text.js'
import { mayTranslate } from './translate.js'
import { wishes } from './wishes.js'

const template = /** @type {HTMLTemplateElement} */ (byId('card'))
const numbers = new Intl.NumberFormat(page.lang, { maximumFractionDigits: 2 })

/** @param {any} item */
export function newCard(item) {
  const made = /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true))
  return filled(made, item)
}

/**
 * @param {HTMLElement} card
 * @param {any} item
 * @param {{ revealed?: boolean }} [how]
 */
export function filled(card, item, { revealed = false } = {}) {
  const { comment, article, author, priority } = item
  card.dataset.id = comment.id
  const put = (/** @type {string} */ slot, /** @type {(Node | string)[]} */ ...content) => {
    const found = /** @type {HTMLElement} */ (card.querySelector(`[data-slot="${slot}"]`))
    found.replaceChildren(...content)
    found.hidden = content.every((each) => each === '')
    return found
  }
  for (const name of ['name', 'since', 'text']) {
    const found = card.querySelector(`[data-slot="${name}"]`)
    if (found) found.id = `${name}-${comment.id}`
  }
  const about = card.querySelector('.q-card')
  about?.setAttribute('aria-labelledby', `name-${comment.id} since-${comment.id}`)
  about?.setAttribute('aria-describedby', `text-${comment.id}`)
  put('name', comment.author.name)
  put('standing', ...(page.queue.lane === 'check' ? [''] : standing(author)))
  put('since', when(comment.created_at))
  const due = put('due', say(isPast(item.due_at) ? 'overdue' : 'due', { when: when(item.due_at) }))
  due.classList.toggle('q-late', isPast(item.due_at))
  put('article', where(article))
  put('reply', item.parent ? say('reply_to', { name: item.parent.author.name }) : '')
  put('lang', tongueOf(comment.lang))
  const whole = !revealed && hidesWhole(item)
  const text = put('text', whole ? maskedWhole() : textOf(comment.text ?? '', item.why, wishes.mask && !revealed))
  card.querySelector('.q-translated')?.remove()
  if (comment.lang) text.lang = comment.lang
  put('pair', isHardest(item) && page.queue.lane !== 'check' ? say('not_alone') : '')
  put('why', ...whys(item))
  put('reports', item.reports.length ? reported(item.reports) : '')
  put('appeal', item.appeal ? say('appeal_says', { text: item.appeal.text }) : '')
  put('risk', page.queue.lane === 'check' ? '' : factors(priority))
  put('cluster', item.cluster && item.cluster.size > 1 ? similar(item.cluster) : '')
  put('featured', comment.featured ? say('is_featured') : '')
  const facts = /** @type {HTMLElement} */ (card.querySelector('.q-facts'))
  facts.hidden = [...facts.children].every((each) => /** @type {HTMLElement} */ (each).hidden)
  put('lease', item.lease && !item.ours ? say('lease_by', { name: item.lease.by }) : '')
  put('notice', ...(item.notice ?? ['']))
  named(card, item)
  return card
}

/** A threat, somebody's address: nobody has to read it alone. @param {any} item */
const isHardest = (item) => item.priority.severity >= page.queue.hardest

/** Whether a text is masked whole until somebody wants to see it. @param {any} item */
export const hidesWhole = (item) => isHardest(item) || (wishes.mask_all && item.priority.risk >= HARD_RISK)

/** The numbers that time changes. @param {HTMLElement} card @param {any} item */
export function aged(card, item) {
  const since = card.querySelector('[data-slot="since"]')
  const due = card.querySelector('[data-slot="due"]')
  const late = isPast(item.due_at)
  if (since) since.textContent = when(item.comment.created_at)
  if (due) due.textContent = say(late ? 'overdue' : 'due', { when: when(item.due_at) })
  due?.classList.toggle('q-late', late)
}

/** What the buttons mean for this comment: a public one is kept or removed. */
function named(/** @type {HTMLElement} */ card, /** @type {any} */ item) {
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (card.querySelectorAll('[data-act]'))) {
    const action = button.dataset.act ?? ''
    const label = button.querySelector('.q-label')
    if (label && (action === 'approve' || action === 'reject')) label.textContent = labelOf(action, item)
    button.hidden = !means(action, item, card)
  }
}

/** Whether an action makes sense for a comment. @param {string} action @param {any} item @param {HTMLElement} card */
function means(action, item, card) {
  const checks = page.queue.lane === 'check'
  const shown = item.comment.status === 'approved' && !item.appeal && !checks
  if (action === 'escalate') return item.comment.status === 'pending' && !checks
  if (action === 'reveal') return card.querySelector('.q-text .q-mask') !== null
  if (action === 'spam') return item.appeal === null
  if (action === 'author') return !checks
  if (action === 'hide' || action === 'feature') return shown
  if (action === 'translate') return mayTranslate(item)
  return true
}

/** @param {string} action @param {any} item */
export function labelOf(action, item) {
  if (page.queue.lane === 'check') return say(`would_${action}`)
  if (item.appeal) return say(action === 'approve' ? 'act_grant' : 'act_deny')
  if (item.comment.status === 'approved') {
    const keeps = page.queue.lane === 'new' ? 'act_seen' : 'act_keep'
    return say(action === 'approve' ? keeps : 'act_remove')
  }
  return say(`act_${action}`)
}

function standing(/** @type {any} */ author) {
  const badges = []
  if (isNew({ author })) badges.push(badge(say('new_author')))
  else badges.push(badge(say('record', { approved: author.approved, rejected: author.rejected })))
  if (author.banned_until) badges.push(badge(say('banned'), 'q-bad'))
  return badges
}

const badge = (/** @type {string} */ text, more = '') => element('span', { class: `badge ${more}` }, text)

function where(/** @type {any} */ article) {
  const title = element('bdi', {}, article.title ?? article.key)
  if (!/^https?:/.test(article.url ?? '')) return title
  return element('a', { href: article.url, target: '_blank', rel: 'noopener noreferrer' }, title)
}

function whys(/** @type {any} */ item) {
  const known = new Set()
  const labels = []
  for (const { rule, label, score } of item.why) {
    if (known.has(label)) continue
    known.add(label)
    const shown = element('span', { class: 'q-score', title: say('score') }, numbers.format(score))
    shown.style.setProperty('--score', score)
    labels.push(element('li', {}, element('span', { class: 'q-rule', dir: 'ltr' }, rule), ` ${label} `, shown))
  }
  return labels.length ? labels : ['']
}

/** @param {{ size: number, waiting: number }} cluster */
function similar({ size, waiting }) {
  return element('button', { type: 'button', class: 'small', 'data-act': 'cluster' }, say('similar', { n: size, waiting }))
}

export function reported(/** @type {{ reason: string, count: number }[]} */ reports) {
  const count = reports.reduce((sum, each) => sum + each.count, 0)
  const list = reports.map((each) => `${reasonName(each.reason)} ${numbers.format(each.count)}`)
  return say('reported', { n: count, list: list.join(', ') })
}

/** @param {string} reason */
export const reasonName = (reason) => page.words[`reason_${reason}`] ?? reason

/** Why it stands where it stands, as far as there is something to say. */
function factors(/** @type {any} */ { risk, severity, reach, urgency }) {
  const known = Object.entries({ risk, severity, reach, urgency }).filter(([, value]) => value >= 0.005)
  return known.map(([name, value]) => say(`factor_${name}`, { value: numbers.format(value) })).join(' · ')
}
