/** What rules want somebody told of at once: a line a rule above the queue, until it was seen. */

import { ApiError, ask } from '../api.js'
import { byId, element } from '../dom.js'
import { page, say } from '../page.js'
import { when } from './text.js'

const AGAIN_MS = 60_000
const GATHER_MS = 200
const { site } = page.queue
const asked = `site=${encodeURIComponent(site)}`
const lines = byId('alerts')
let timer = 0

document.addEventListener('postbag:alerts', () => {
  timer ||= setTimeout(look, GATHER_MS)
})
setInterval(() => document.hidden || look(), AGAIN_MS)
look()

async function look() {
  clearTimeout(timer)
  timer = 0
  try {
    show((await ask('GET', `/v1/moderation/alerts?${asked}`)).items)
  } catch (error) {
    // The line of the queue's state tells that nothing gets through.
    if (!(error instanceof ApiError)) throw error
  }
}

/**
 * Whoever works in a line keeps it; one that is told anew is read out, the others are not.
 * @param {any[]} items
 */
function show(items) {
  const before = new Map([...lines.children].map((line) => [/** @type {HTMLElement} */ (line).dataset.rule, line]))
  const after = items.map((item) => {
    const key = `${item.comments} ${item.latest_at}`
    const known = /** @type {HTMLElement | undefined} */ (before.get(item.rule))
    return known?.dataset.told === key ? known : lineOf(item, key)
  })
  for (const line of [...lines.children]) if (!after.includes(/** @type {HTMLElement} */ (line))) line.remove()
  after.forEach((line, at) => {
    if (lines.children[at] !== line) lines.insertBefore(line, lines.children[at] ?? null)
  })
}

/** @param {any} item @param {string} key */
function lineOf(item, key) {
  const seen = element('button', { type: 'button', class: 'small', onclick: () => see(item) }, say('alert_seen'))
  const open = element('a', { href: `/moderate/comments/${item.comment_id}?${asked}` }, say('alert_open'))
  return element(
    'div',
    { class: 'notice error q-alert', 'data-rule': item.rule, 'data-told': key },
    element('strong', {}, element('bdi', {}, item.label)),
    element('span', {}, say('alert_comments', { n: item.comments, when: when(item.latest_at) })),
    open,
    seen,
  )
}

/** @param {any} item */
async function see(item) {
  try {
    await ask('POST', `/v1/moderation/alerts/seen?${asked}`, { rule: item.rule, upto: item.latest_at })
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
  }
  await look()
}
