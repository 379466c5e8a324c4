/** Comments that say nearly the same: read a few, untick what differs, decide the rest in one go. */

import { ApiError, ask } from '../api.js'
import { announce, element } from '../dom.js'
import { page, say } from '../page.js'
import { reasonName } from './cards.js'
import { close, dialog } from './dialogs.js'
import { textOf, when } from './text.js'
import { wishes } from './wishes.js'

const CLUSTERS = '/v1/moderation/clusters'
const SAMPLE = 3
const OUTLIERS_MAX = 100
const ASK_ABOVE = 50
const LOOK_AGAIN_MS = 300

/**
 * @typedef {{ desk: import('./desk.js').Desk, decider: import('./decide.js').Decider,
 *   live: import('./live.js').Live }} Room
 */

/** @param {any} item @param {Room} room */
export async function openCluster(item, room) {
  const { id } = item.cluster
  try {
    const [whole, odd] = await Promise.all([
      ask('GET', `${CLUSTERS}/${id}?kind=waiting&limit=${OUTLIERS_MAX}`),
      ask('GET', `${CLUSTERS}/${id}?kind=outliers&limit=${OUTLIERS_MAX}`),
    ])
    new ClusterDialog(item, whole, odd.items, room).show()
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    announce(error.sentence)
  }
}

class ClusterDialog {
  #item
  #cluster
  #articles
  #alike
  #outliers
  #room
  /** Unticked ones that are alike, and ticked ones that are not. */
  #without = new Set()
  #with = new Set()
  #action = 'reject'
  #reason
  #problem = element('p', { class: 'notice error', role: 'alert', hidden: true })
  #effect = element('p', { class: 'hint', 'aria-live': 'polite' })
  #number = /** @type {HTMLInputElement} */ (
    element('input', { id: 'q-number', inputmode: 'numeric', autocomplete: 'off' })
  )
  #asked = element('div', {}, element('label', { for: 'q-number' }, ''), this.#number)
  #apply = element('button', { type: 'button', class: 'primary', onclick: () => this.#decide() })
  #stop = element('button', { type: 'button', hidden: true }, say('stop'))
  /** @type {HTMLDialogElement | undefined} */
  #made

  /** @param {any} item @param {any} whole @param {any[]} outliers @param {Room} room */
  constructor(item, whole, outliers, room) {
    this.#item = item
    this.#cluster = whole.cluster
    this.#articles = whole.articles
    this.#alike = whole.items.filter((/** @type {any} */ each) => !each.outlier)
    this.#outliers = outliers
    this.#room = room
    this.#reason = whole.cluster.suggested_reason ?? item.suggested_reason ?? 'spam'
  }

  /** How many are decided. */
  get #many() {
    return this.#cluster.waiting - this.#cluster.outliers - this.#without.size + this.#with.size
  }

  show() {
    const { size, authors, public: open, prior, first_at: first, last_at: last, representative } = this.#cluster
    this.#made = dialog(
      say('similar_title', { n: size }),
      element('p', { class: 'hint' }, say('similar_facts', { articles: this.#articles, authors, first: when(first), last: when(last) })),
      element('p', { class: 'hint' }, say('similar_state', { waiting: this.#cluster.waiting, open, approved: prior.approved, rejected: prior.rejected })),
      ...(representative ? [this.#text(representative, 'q-text')] : []),
      ...this.#list(this.#alike, 'similar_alike', this.#cluster.waiting - this.#cluster.outliers, false),
      ...(this.#outliers.length ? this.#list(this.#outliers, 'similar_outliers', this.#outliers.length, true) : []),
      this.#choices(),
      this.#effect,
      this.#asked,
      this.#problem,
      element('div', { class: 'row' }, this.#stop, element('button', { type: 'button', onclick: close }, say('cancel')), this.#apply),
    )
    this.#made.classList.add('q-wide')
    this.#made.addEventListener('close', () => this.#room.desk.card()?.querySelector('.q-card')?.focus())
    this.#made.addEventListener('keydown', (event) => {
      if (event.shiftKey && event.code === 'KeyS' && event.target !== this.#number) this.#decide()
    })
    this.#paint()
  }

  /** @param {any} comment @param {string} more */
  #text(comment, more) {
    const why = comment.id === this.#item.comment.id ? this.#item.why : []
    return element('p', { class: more, dir: 'auto', lang: comment.lang }, textOf(comment.text ?? '', why, wishes.mask))
  }

  /** @param {any[]} items @param {string} title @param {number} n @param {boolean} apart */
  #list(items, title, n, apart) {
    const list = element('ul', { class: 'plain q-members' })
    const rows = items.map((each) => this.#row(each, apart))
    list.append(...(apart ? rows : rows.slice(0, SAMPLE)))
    const rest = rows.slice(SAMPLE)
    const more = element('button', { type: 'button', class: 'small' }, say('show_all', { n: rows.length }))
    more.addEventListener('click', () => {
      list.append(...rest)
      more.remove()
      rest[0]?.querySelector('input')?.focus()
    })
    return [element('h3', {}, say(title, { n })), list, ...(apart || !rest.length ? [] : [more])]
  }

  /** @param {any} member @param {boolean} apart */
  #row({ comment, likeness }, apart) {
    const onchange = (/** @type {Event} */ event) => {
      const on = /** @type {HTMLInputElement} */ (event.target).checked
      if (apart === on) (apart ? this.#with : this.#without).add(comment.id)
      else (apart ? this.#with : this.#without).delete(comment.id)
      this.#paint()
    }
    const share = new Intl.NumberFormat(page.lang, { style: 'percent' }).format(likeness)
    return element(
      'li',
      {},
      element(
        'label',
        { class: 'q-tick' },
        element('input', { type: 'checkbox', checked: !apart, onchange }),
        ' ',
        element('bdi', {}, comment.author.name),
        element('span', { class: 'hint' }, ` ${when(comment.created_at)} · ${share}`),
      ),
      this.#text(comment, 'q-member'),
    )
  }

  #choices() {
    const radio = (/** @type {string} */ action) =>
      element(
        'label',
        { class: 'q-tick' },
        element('input', {
          type: 'radio',
          name: 'cluster-action',
          value: action,
          checked: this.#action === action,
          onchange: () => {
            this.#action = action
            this.#paint()
          },
        }),
        ` ${say(`act_${action}`)}`,
      )
    const onchange = (/** @type {Event} */ event) => {
      this.#reason = /** @type {HTMLSelectElement} */ (event.target).value
      this.#paint()
    }
    return element(
      'fieldset',
      {},
      element('legend', {}, say('decision')),
      radio('approve'),
      radio('reject'),
      element(
        'label',
        {},
        say('reason'),
        element(
          'select',
          { onchange },
          ...page.queue.reasons.map((/** @type {string} */ value) =>
            element('option', { value, selected: value === this.#reason }, reasonName(value)),
          ),
        ),
      ),
    )
  }

  #paint() {
    const n = this.#many
    this.#effect.textContent =
      this.#action === 'approve' ? say('effect_approve', { n }) : say('effect_reject', { n, reason: reasonName(this.#reason) })
    this.#apply.textContent = say('apply_to', { n })
    this.#asked.hidden = n <= ASK_ABOVE
    const label = this.#asked.querySelector('label')
    if (label) label.textContent = say('type_number', { n })
  }

  async #decide() {
    const n = this.#many
    if (n < 1) return
    if (n > ASK_ABOVE && this.#number.value.trim() !== String(n)) return this.#number.focus()
    const { id } = this.#cluster
    const operation = crypto.randomUUID()
    const left = this.#outliers.map((each) => each.comment.id).filter((each) => !this.#with.has(each))
    const without = [...this.#without, ...(this.#with.size ? left : [])]
    const place = `${CLUSTERS}/${id}/decisions`
    this.#apply.setAttribute('aria-disabled', 'true')
    try {
      let told = await ask('POST', place, {
        action: this.#action,
        ...(this.#action === 'reject' ? { reason: this.#reason } : {}),
        without,
        with_outliers: this.#with.size > 0,
        operation_id: operation,
      })
      this.#stop.hidden = false
      this.#stop.onclick = () => ask('POST', `${place}/${operation}/stop`).catch(() => undefined)
      while (told.state === 'running') {
        await new Promise((done) => setTimeout(done, LOOK_AGAIN_MS))
        told = await ask('GET', `${place}/${operation}`)
        this.#effect.textContent = say('decided_so_far', { n: told.decided, total: told.total })
      }
      this.#end(told, operation, new Set([...without, ...left]))
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      this.#apply.removeAttribute('aria-disabled')
      this.#problem.textContent = error.sentence
      this.#problem.hidden = false
    }
  }

  /** @param {any} told @param {string} operation @param {Set<string>} spared */
  #end(told, operation, spared) {
    const { desk, decider, live } = this.#room
    const { id } = this.#cluster
    const gone = [...desk.items].filter(([key, item]) => item.cluster?.id === id && !spared.has(key) && item.comment.status === 'pending')
    const ids = gone.map(([key]) => key)
    this.#made?.close()
    live.decided(ids)
    desk.take(ids)
    decider.done += told.decided
    decider.remember({ kind: 'cluster', ids, many: told.decided, items: gone.map(([, item]) => item), cluster: id, operation })
    decider.say(`${say(`did_${this.#action}`, { n: told.decided })}. ${told.skipped ? say('skipped', { n: told.skipped }) : ''}`)
  }
}
