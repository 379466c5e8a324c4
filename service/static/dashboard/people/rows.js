/** Rows of comments that are selected and decided together, with one undo. */

import { ApiError } from '../api.js'
import { announce, byId, element } from '../dom.js'
import { page, say } from '../page.js'
import { decide, reverse } from './batch.js'
import { askNumber, askReason, reasonName } from './dialogs.js'

const MANY = 50 // more are decided after their number was typed

export class Rows {
  #rows = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('.p-row')])
  /** Where a selection with Shift begins. */
  #anchor = 0
  /** @type {import('./batch.js').Made[]} */
  #made = []

  constructor() {
    if (!document.getElementById('selection')) return
    this.#rows.forEach((row, at) => {
      const box = boxOf(row)
      box.checked = false
      box.addEventListener('click', (event) => this.#click(at, event))
    })
    const all = /** @type {HTMLInputElement | null} */ (document.getElementById('all'))
    all?.addEventListener('change', () => {
      for (const row of this.#rows) boxOf(row).checked = all.checked
      this.#paint()
    })
    for (const [action, act] of Object.entries(this.acts))
      for (const button of document.querySelectorAll(`[data-act="${action}"]`)) button.addEventListener('click', act)
  }

  get acts() {
    return {
      next: () => this.#move(1),
      previous: () => this.#move(-1),
      select: () => this.#toggle(),
      extend_down: () => this.#extend(1),
      extend_up: () => this.#extend(-1),
      approve_all: () => this.#decide('approve'),
      reject_all: () => this.#decide('reject'),
      spam_all: () => this.#decide('reject', 'spam'),
      clear: () => this.#clear(),
      undo: () => this.#undo(),
    }
  }

  get #at() {
    return this.#rows.findIndex((row) => row.contains(document.activeElement))
  }

  get #selected() {
    return this.#rows.filter((row) => boxOf(row)?.checked)
  }

  /** @param {number} by */
  #move(by) {
    const at = Math.min(Math.max(this.#at + by, 0), this.#rows.length - 1)
    const row = this.#rows[at]
    if (!row) return
    const place = boxOf(row) ?? row.querySelector('.p-text a')
    place?.focus()
    row.scrollIntoView({ block: 'nearest' })
  }

  #toggle() {
    const row = this.#rows[this.#at]
    if (!row || !boxOf(row)) return
    boxOf(row).checked = !boxOf(row).checked
    this.#anchor = this.#at
    this.#paint()
  }

  /** @param {number} by */
  #extend(by) {
    const from = this.#at
    if (from < 0) return this.#move(1)
    for (const at of [from, Math.min(Math.max(from + by, 0), this.#rows.length - 1)]) {
      const row = this.#rows[at]
      if (row && boxOf(row)) boxOf(row).checked = true
    }
    this.#move(by)
    this.#paint()
  }

  /** @param {number} at @param {MouseEvent} event */
  #click(at, event) {
    const box = boxOf(/** @type {HTMLElement} */ (this.#rows[at]))
    if (event.shiftKey)
      for (const row of this.#rows.slice(Math.min(at, this.#anchor), Math.max(at, this.#anchor) + 1))
        boxOf(row).checked = box.checked
    this.#anchor = at
    this.#paint()
  }

  #clear() {
    for (const row of this.#rows) boxOf(row).checked = false
    const all = /** @type {HTMLInputElement | null} */ (document.getElementById('all'))
    if (all) all.checked = false
    this.#paint()
  }

  #paint() {
    const n = this.#selected.length
    byId('selection').hidden = n === 0
    byId('selected').textContent = n ? say('people_selected', { n }) : ''
  }

  /** @param {'approve' | 'reject'} action @param {string} [reason] */
  async #decide(action, reason) {
    const rows = this.#selected
    if (!rows.length) return announce(say('people_nothing_selected'))
    if (rows.length > MANY && !(await askNumber(rows.length))) return
    /** @type {{ reason?: string, note?: string } | null} */
    let how = reason ? { reason } : {}
    if (action === 'reject' && !reason) how = await askReason(rows[0]?.dataset.lang ?? '')
    if (how === null) return
    try {
      const outcome = await decide(rows.map(subject), action, how)
      this.#made = outcome.made
      for (const row of rows) show(row, outcome.statuses.get(row.dataset.id ?? ''), how.reason)
      this.#clear()
      const words = [say(action === 'approve' ? 'people_did_approve' : 'people_did_reject', { n: outcome.made.length })]
      if (outcome.skipped) words.push(say('people_skipped', { n: outcome.skipped }))
      this.#tell(words.join(' '), outcome.made.length > 0)
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      this.#tell(error.sentence, false)
    }
  }

  async #undo() {
    const made = this.#made
    if (!made.length) return
    this.#made = []
    this.#tell(say('people_working'), false)
    const { comments, kept } = await reverse(made)
    for (const row of this.#rows) show(row, comments.get(row.dataset.id ?? '')?.status)
    const words = [say('people_undone', { n: comments.size })]
    if (kept) words.push(say('people_not_undone', { n: kept }))
    this.#tell(words.join(' '), false)
  }

  /** @param {string} words @param {boolean} undoable */
  #tell(words, undoable) {
    byId('outcome').hidden = false
    byId('outcome-words').textContent = words
    byId('undo').hidden = !undoable
    announce(words)
  }
}

/** @param {HTMLElement} row */
const boxOf = (row) => /** @type {HTMLInputElement} */ (row.querySelector('.p-select'))

/** @param {HTMLElement} row @returns {import('./batch.js').Subject} */
const subject = ({ dataset }) => ({
  id: dataset.id ?? '',
  revision: Number(dataset.revision),
  status: dataset.status ?? '',
  lang: dataset.lang ?? '',
})

/**
 * Say in a row what became of its comment.
 * @param {HTMLElement} row
 * @param {string | undefined} status
 * @param {string} [reason]
 */
function show(row, status, reason) {
  if (!status) return
  row.dataset.status = status
  const badge = element('span', { class: `badge p-state p-${status}` }, page.words[`status_${status}`])
  row.querySelector('[data-slot="state"]')?.replaceChildren(badge)
  const decided = row.querySelector('[data-slot="decided"]')
  const why = reason && status !== 'approved' ? ` · ${reasonName(reason)}` : ''
  if (decided) decided.textContent = `${page.me.member.name}${why}`
}
