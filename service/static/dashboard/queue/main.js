/** The queue: keys and buttons mean the same actions, and this is where they are done. */

import { ApiError } from '../api.js'
import { announce, byId, element } from '../dom.js'
import { page, say } from '../page.js'
import { paintChips } from './chips.js'
import { Exposure, dress } from './comfort.js'
import { Context } from './context.js'
import { Decider } from './decide.js'
import { Desk } from './desk.js'
import { Keyboard, table } from './keys.js'
import { Leases } from './leases.js'
import { Live } from './live.js'
import { paintBottom, paintCounts, paintFaces, paintFoot, paintSelection } from './paint.js'
import { askReason } from './reject.js'
import { putOff, sleeping, wake } from './snooze.js'
import { afterPaint } from './soon.js'
import { translate } from './translate.js'

const UNSEEN_MS = 250
const BULK_MAX = 200

const desk = new Desk()
const decider = new Decider(desk)
const leases = new Leases(desk)
const context = new Context(desk)
const live = new Live(desk, decider)
new Exposure(desk)
const queue = byId('queue')
const deciding = new Set(table.filter((each) => each.decides).map((each) => each.action))

/** @type {Record<string, () => unknown>} */
const acts = {
  next: () => desk.step(1),
  previous: () => desk.step(-1),
  open: () => zoom(true),
  focus: () => zoom(),
  back,
  approve: () => decide('approve'),
  reject: () => decide('reject'),
  spam: () => decide('spam'),
  escalate: () => decide('escalate'),
  undo: () => decider.undo(),
  hide,
  feature,
  later,
  claim: () => leases.toggle(),
  select: () => desk.current && desk.toggle(desk.current),
  extend_down: () => extend(1),
  extend_up: () => extend(-1),
  approve_all: () => decideAll('approve'),
  reject_all: () => decideAll('reject'),
  spam_all: () => decideAll('spam'),
  cluster,
  reveal: () => desk.reveal(),
  translate: () => translate(desk.item(), /** @type {HTMLElement} */ (desk.card())),
  thread_previous: () => context.walk(-1),
  thread_next: () => context.walk(1),
  thread: () => context.thread(),
  note: () => dialogs((each) => each.note(desk.item(), () => context.again())),
  author: () => dialogs((each) => each.author(desk.item(), () => context.again())),
  filter: () => byId('filter').focus(),
  palette: () => dialogs((each) => each.palette(act)),
  help: () => dialogs((each) => each.help()),
  settings: async () => (await import('./settings.js')).settings(refresh),
  context: () => context.show(),
  clear: () => desk.clear(),
}
const NEEDS_CARD = new Set(['approve', 'reject', 'spam', 'escalate', 'note', 'author', 'open', 'hide', 'feature', 'later', 'cluster', 'translate'])
for (const { action, path } of table) if (path) acts[action] = () => location.assign(path)
for (const n of [1, 2, 3, 4, 5, 6]) acts[`lane_${n}`] = () => lane(n - 1)
acts.go_account = () => location.assign('/moderate/me')

/** @param {string} action @returns {boolean} whether it was meant */
function act(action) {
  if (NEEDS_CARD.has(action) && !desk.item()) return false
  if ((deciding.has(action) || action === 'note' || action === 'author') && !page.queue.decides) {
    announce(say('only_looking'))
    return true
  }
  acts[action]?.()
  return true
}

new Keyboard((action, event) => {
  const target = /** @type {HTMLElement} */ (event.target)
  if (action === 'open' && event.key === 'Enter' && target.matches('button, a, summary, input')) return false
  if (/^Arrow/.test(event.key) && (queue.dataset.mode === 'focus' || target.matches('input, summary'))) return false
  if (deciding.has(action) && performance.now() - desk.since < UNSEEN_MS) {
    pulse()
    return true
  }
  return act(action)
})

document.addEventListener('click', (event) => {
  const button = /** @type {HTMLElement | null} */ (/** @type {HTMLElement} */ (event.target).closest('[data-act]'))
  const card = /** @type {HTMLElement | null} */ (button?.closest('li[data-id]'))
  if (!button) return
  if (card?.dataset.id && card.dataset.id !== desk.current) desk.go(card.dataset.id, { focus: false })
  act(button.dataset.act ?? '')
})
byId('cards').addEventListener('change', (event) => {
  const box = /** @type {HTMLInputElement} */ (event.target)
  const id = /** @type {HTMLElement | null} */ (box.closest('li[data-id]'))?.dataset.id
  if (id && box.matches('.q-select')) desk.toggle(id, box.checked)
})

/** @param {'approve' | 'reject' | 'spam' | 'escalate'} action */
async function decide(action) {
  const item = desk.item()
  if (item.lease && !item.ours && !item.override && Date.parse(item.lease.until) > Date.now()) return leased(item, action)
  await settle([item], action)
}

/** @param {any} item @param {'approve' | 'reject' | 'spam' | 'escalate'} action */
function leased(item, action) {
  const anyway = async () => {
    item.override = true
    await settle([item], action)
  }
  item.notice = [
    say('has_it_open', { name: item.lease.by }),
    element('button', { type: 'button', class: 'small', onclick: anyway }, say('decide_anyway')),
  ]
  desk.put(item)
  announce(say('has_it_open', { name: item.lease.by }))
}

/** @param {any[]} items @param {'approve' | 'reject' | 'spam' | 'escalate'} action */
async function settle(items, action) {
  if (action === 'approve') return decided(items, 'approve')
  if (action === 'spam') return decided(items, 'reject', { reason: 'spam' })
  if (action === 'escalate') {
    if (page.queue.lane === 'check' || items.some((each) => each.comment.status !== 'pending'))
      return announce(say('not_escalated'))
    const { askText } = await import('./dialogs.js')
    const note = await askText(say('act_escalate'), say('escalate_label'))
    return note === null ? desk.card()?.querySelector('.q-card')?.focus() : decided(items, 'escalate', { note })
  }
  if (items.every((each) => each.appeal)) return decided(items, 'reject')
  const answer = await askReason(items)
  if (answer) decided(items, 'reject', answer)
  else desk.card()?.querySelector('.q-card')?.focus()
}

/**
 * @param {any[]} items
 * @param {'approve' | 'reject' | 'escalate'} action
 * @param {{ reason?: string, note?: string }} [how]
 */
function decided(items, action, how) {
  const there = items.filter((each) => desk.item(each.comment.id))
  if (!there.length) return
  live.decided(there.map((each) => each.comment.id))
  decider.decide(there, action, how)
}

/** A public comment waits again, and its readers do not see it meanwhile. */
async function hide() {
  const item = desk.item()
  if (!isShown(item)) return announce(say('not_public'))
  const { id } = item.comment
  desk.take([id])
  live.decided([id])
  try {
    const { hidden } = await import('./answers.js')
    if (!(await hidden(id))) return decider.comesBack(item, [say('not_hidden')])
    decider.remember({ kind: 'hide', ids: [id], items: [item] })
    decider.say(say('did_hide', { name: item.comment.author.name }))
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    decider.comesBack(item, [error.sentence])
  }
}

async function feature() {
  const item = desk.item()
  if (!isShown(item)) return announce(say('not_public'))
  const on = !item.comment.featured
  try {
    await (await import('./answers.js')).featured(item.comment.id, on)
    item.comment.featured = on
    desk.put(item)
    decider.say(say(on ? 'did_feature' : 'did_unfeature', { name: item.comment.author.name }))
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    decider.say(error.sentence)
  }
}

/** @param {any} item */
const isShown = (item) => item.comment.status === 'approved' && page.queue.lane !== 'check'

/** In an hour, or when its author has edited it. */
function later() {
  const item = desk.item()
  putOff(item)
  desk.take([item.comment.id])
  decider.remember({ kind: 'later', ids: [item.comment.id], items: [item] })
  decider.say(say('did_later', { name: item.comment.author.name }))
}

async function cluster() {
  const item = desk.item()
  if (!item.cluster || item.cluster.size < 2) return announce(say('no_cluster'))
  const { openCluster } = await import('./cluster.js')
  await openCluster(item, { desk, decider, live })
}

/** @param {'approve' | 'reject' | 'spam'} action */
async function decideAll(action) {
  const items = desk.ids.filter((id) => desk.selected.has(id)).map((id) => desk.item(id)).slice(0, BULK_MAX)
  if (!items.length) return announce(say('nothing_selected'))
  await settle(items, action)
}

/** @param {number} by */
function extend(by) {
  if (desk.current) desk.toggle(desk.current, true)
  const id = desk.step(by)
  if (id) desk.toggle(id, true)
}

function back() {
  if (context.isOpen) context.show(false)
  else if (document.activeElement === byId('filter')) desk.card()?.querySelector('.q-card')?.focus()
  else if (desk.selected.size) desk.clear()
  else if (queue.dataset.mode === 'focus') zoom(false)
}

function zoom(on = queue.dataset.mode !== 'focus') {
  queue.dataset.mode = on ? 'focus' : 'list'
  const button = document.querySelector('[data-act="focus"]')
  button?.setAttribute('aria-pressed', String(on))
  desk.card()?.querySelector('.q-card')?.focus()
  desk.card()?.scrollIntoView({ block: 'nearest' })
}

function pulse() {
  const card = desk.card()
  card?.classList.remove('q-pulse')
  requestAnimationFrame(() => card?.classList.add('q-pulse'))
}

/** @param {number} n */
function lane(n) {
  /** @type {HTMLAnchorElement | undefined} */ (document.querySelectorAll('.q-lanes a')[n])?.click()
}

/** @param {(dialogs: typeof import('./dialogs.js')) => unknown} work */
const dialogs = async (work) => work(await import('./dialogs.js'))

/** After somebody has changed what they like. */
function refresh() {
  dress()
  paintFaces()
  desk.repaint()
}

const paintAround = afterPaint(() => {
  paintChips(desk)
  paintCounts(desk)
})
for (const event of ['changed', 'filled']) desk.addEventListener(event, paintAround)
desk.addEventListener('selection', () => paintSelection(desk))
desk.addEventListener('current', afterPaint(() => paintBottom(desk)))
decider.addEventListener('changed', afterPaint(() => paintFoot(decider)))
byId('clear-filter').addEventListener('click', () => {
  const here = new URL(location.href)
  here.searchParams.delete('filter')
  location.assign(here)
})
byId('wake').addEventListener('click', () => {
  wake(sleeping())
  desk.repaint()
  if (desk.current === null && desk.ids[0]) desk.go(desk.ids[0])
})
byId('views').addEventListener('toggle', async () => (await import('./views.js')).show(desk))

document.querySelector('.q-lanes [aria-current]')?.scrollIntoView({ block: 'nearest' })
refresh()
paintFoot(decider)
desk.go(desk.ids[0] ?? null, { focus: document.activeElement === document.body })
live.fill()
queue.dataset.ready = 'true'
