/** The queue: keys and buttons mean the same actions, and this is where they are done. */

import { announce, byId, element } from '../dom.js'
import { page, say } from '../page.js'
import { labelOf } from './cards.js'
import { Context } from './context.js'
import { Decider } from './decide.js'
import { Desk } from './desk.js'
import { matches, reasonsOf, toggled } from './filters.js'
import { Keyboard, faceOf, keysOf, table } from './keys.js'
import { Leases } from './leases.js'
import { Live } from './live.js'
import { askReason } from './reject.js'
import { wishes } from './wishes.js'

const UNSEEN_MS = 250
const BULK_MAX = 200
const CHIPS_MAX = 12

const desk = new Desk()
const decider = new Decider(desk)
const leases = new Leases(desk)
const context = new Context(desk)
const live = new Live(desk, decider)
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
  later: () => desk.current && desk.postpone(desk.current),
  claim: () => leases.toggle(),
  select: () => desk.current && desk.toggle(desk.current),
  extend_down: () => extend(1),
  extend_up: () => extend(-1),
  approve_all: () => decideAll('approve'),
  reject_all: () => decideAll('reject'),
  spam_all: () => decideAll('spam'),
  reveal: () => desk.reveal(),
  thread_previous: () => context.walk(-1),
  thread_next: () => context.walk(1),
  thread: () => context.thread(),
  note: () => dialogs((each) => each.note(desk.item(), () => context.again())),
  author: () => dialogs((each) => each.author(desk.item(), () => context.again())),
  filter: () => byId('filter').focus(),
  lane_1: () => lane(0),
  lane_2: () => lane(1),
  lane_3: () => lane(2),
  go_queue: () => location.assign('/moderate/'),
  go_account: () => location.assign('/moderate/me'),
  palette: () => dialogs((each) => each.palette(act)),
  help: () => dialogs((each) => each.help()),
  settings: () => dialogs((each) => each.settings(refresh)),
  context: () => context.show(),
  clear: () => desk.clear(),
}
const NEEDS_CARD = new Set(['approve', 'reject', 'spam', 'escalate', 'note', 'author', 'open'])

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

// What stands around the cards.

const chips = byId('chips')

function paintChips() {
  const counts = new Map()
  const add = (/** @type {string} */ condition, /** @type {string} */ label) => {
    const known = counts.get(condition) ?? { label, count: 0 }
    counts.set(condition, { label, count: known.count + 1 })
  }
  for (const item of desk.items.values()) {
    if (!matches(item, desk.filter)) continue
    for (const rule of reasonsOf(item)) add(`rule:${rule}`, rule)
    if (item.author.approved === 0) add('author:new', say('new_author'))
  }
  for (const condition of desk.filter.split(/\s+/).filter((/** @type {string} */ each) => /^(rule|author|lang|risk):/.test(each)))
    if (!counts.has(condition)) counts.set(condition, { label: condition, count: 0 })
  const most = [...counts].sort((a, b) => b[1].count - a[1].count).slice(0, CHIPS_MAX)
  chips.replaceChildren(
    ...most.map(([condition, { label, count }]) =>
      element(
        'button',
        {
          type: 'button',
          class: 'q-chip',
          'data-condition': condition,
          'aria-pressed': String(desk.filter.split(/\s+/).includes(condition)),
          onclick: () => filter(toggled(desk.filter, condition)),
        },
        element('bdi', {}, label),
        ` ${new Intl.NumberFormat(page.lang).format(count)}`,
      ),
    ),
  )
}

/** @param {string} line */
function filter(line) {
  const field = /** @type {HTMLInputElement} */ (byId('filter'))
  field.value = line
  desk.sift(line)
  if (!desk.ids.includes(desk.current ?? '')) desk.go(desk.ids[0] ?? null, { focus: false })
  const here = new URL(location.href)
  if (line) here.searchParams.set('filter', line)
  else here.searchParams.delete('filter')
  history.replaceState(null, '', here)
}

function paintFoot() {
  byId('last').textContent = decider.last
  byId('undo').hidden = !decider.undoable
  byId('kept').textContent = decider.kept ? say('kept', { n: decider.kept }) : ''
  byId('done').textContent = decider.done ? say('done_now', { n: decider.done }) : ''
}

function paintCounts() {
  const count = document.querySelector('.q-lanes [aria-current] .q-count')
  if (count) count.textContent = new Intl.NumberFormat(page.lang).format(desk.total)
  const empty = desk.ids.length === 0
  byId('empty').hidden = !empty
  byId('empty-words').textContent = say(desk.filter ? 'no_match' : 'nothing_waits')
  byId('clear-filter').hidden = !desk.filter
}

function paintSelection() {
  const bar = byId('selection')
  bar.hidden = desk.selected.size === 0
  byId('selected').textContent = say('selected', { n: desk.selected.size })
}

function paintBottom() {
  const item = desk.item()
  byId('bottom').hidden = !item
  const reveal = /** @type {HTMLElement} */ (document.querySelector('.q-more .q-reveal'))
  reveal.hidden = !desk.card()?.querySelector('.q-text .q-mask')
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (byId('bottom').querySelectorAll('[data-act]'))) {
    const { act: action = '' } = button.dataset
    const label = button.querySelector('.q-label')
    if (item && label && (action === 'approve' || action === 'reject')) label.textContent = labelOf(action, item)
  }
}

/** After somebody has changed what they like. */
function refresh() {
  document.documentElement.classList.toggle('q-large', wishes.large)
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-act]'))) faced(button)
  desk.repaint()
}

/** @param {HTMLElement} button */
function faced(button) {
  const [key] = keysOf(button.dataset.act ?? '')
  const face = button.querySelector('kbd')
  if (!face || !key) return
  face.hidden = wishes.keyboard === 'off'
  face.textContent = faceOf(key)
  if (key === 'Ctrl+K') return
  if (wishes.keyboard === 'off') button.removeAttribute('aria-keyshortcuts')
  else button.setAttribute('aria-keyshortcuts', `${wishes.keyboard === 'alt' ? 'Alt+' : ''}${key}`)
}

for (const event of ['changed', 'filled'])
  desk.addEventListener(event, () => {
    paintChips()
    paintCounts()
  })
desk.addEventListener('selection', paintSelection)
desk.addEventListener('current', paintBottom)
decider.addEventListener('changed', paintFoot)
byId('clear-filter').addEventListener('click', () => {
  filter('')
  location.assign(location.href)
})

refresh()
paintFoot()
desk.go(desk.ids[0] ?? null, { focus: document.activeElement === document.body })
live.fill()
queue.dataset.ready = 'true'
