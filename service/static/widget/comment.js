import { tree } from './body.js'
import { h, press } from './dom.js'

const TILES = 6

/**
 * One comment on the page: its article, the form under it, its replies.
 * The thread owns all entries; an entry paints itself anew whenever its comment changes.
 */
export class Entry {
  /** @type {any} */ article = null
  /** @type {any} Of a reply or an edit, while one is open. */ form = null
  vote = 0
  reported = false

  /** @param {any} thread @param {any} comment @param {Entry | null} parent */
  constructor(thread, comment, parent) {
    this.thread = thread
    this.comment = comment
    this.parent = parent
    this.depth = parent ? parent.depth + 1 : 0
    this.mine = 'editable_until' in comment
    const id = `replies-${comment.id}`
    this.replies = h('ol', { class: this.depth < thread.maxDepth ? 'replies' : 'replies deep', id })
    this.toggle = press('action quiet toggle', '', () => this.fold(!this.replies.hidden), { 'aria-controls': id })
    this.more = press('more', '', () => thread.act('moreReplies', this), { 'aria-controls': id, 'aria-expanded': 'false' })
    this.node = h('li', { class: 'entry' }, this.replies, this.more)
    this.paint()
    for (const reply of comment.replies) thread.add(reply, this)
    this.fold(false)
  }

  /** Replace what was known of the comment; replies stay as they are shown. */
  update(/** @type {any} */ comment) {
    const { replies, more_replies } = this.comment
    this.mine ||= 'editable_until' in comment
    this.comment = { ...this.comment, ...comment, replies, more_replies }
    this.paint()
  }

  /** Fold the replies away or show them; say how many are folded or not loaded yet. */
  fold(/** @type {boolean} */ away) {
    const { words } = this.thread
    const shown = this.replies.childElementCount
    this.replies.hidden = away
    this.toggle.setAttribute('aria-expanded', String(!away))
    this.toggle.hidden = !shown
    this.toggle.textContent = away ? words.say('replies', { n: shown }) : words.say('hide')
    this.more.hidden = !this.comment.more_replies || away
    this.more.textContent = words.say('replies', { n: Math.max(this.comment.reply_count - shown, 1) })
  }

  /** Build the article anew; focus inside it goes to the same control, or to the article. */
  paint() {
    const focused = this.article?.contains(this.thread.root.activeElement) && this.thread.root.activeElement
    const old = this.article
    this.article = this.#build()
    if (old) old.replaceWith(this.article)
    else this.node.prepend(this.article)
    if (focused) (this.article.querySelector(`[data-act="${focused.dataset.act}"]`) ?? this.article).focus()
  }

  #build() {
    const { comment, thread, mine, parent } = this
    const { words } = thread
    const { id, author, status, created_at: at } = comment
    const gone = comment.body == null && !mine
    const label = `by-${id}`
    const named = { id: label, class: 'author' }
    const heading = `h${thread.heading + 1}`
    const own = mine ? ' own' : ''
    const frame = { id: `comment-${id}`, class: `comment ${gone ? 'gone' : status}${own}`, tabindex: -1, 'aria-labelledby': label }
    if (gone) return h('article', frame, h(heading, named, words.say(status === 'deleted' ? 'goneDeleted' : 'goneRemoved')), h('div', { class: 'actions' }, this.toggle))
    const chip = (/** @type {string} */ text) => text && h('span', { class: 'badge' }, text)
    const edits = this.form?.edits
    const { you, note, actions } = mine ? thread.own(this) : /** @type {any} */ ({ actions: this.#actions() })
    return h(
      'article',
      frame,
      h('span', { class: `tile tile-${hue(author.name)}`, 'aria-hidden': 'true' }, [...author.name][0]?.toUpperCase()),
      h(
        'header',
        { class: 'meta' },
        h(heading, named, h('bdi', null, author.name)),
        you,
        chip(author.badge),
        comment.pinned && chip(words.say('pinned')),
        comment.featured && chip(words.say('featured')),
        h('a', { class: 'time', href: thread.link(id) }, h('time', { datetime: at, title: words.dates.format(new Date(at)) }, words.ago(at))),
        comment.edited_at && h('span', { class: 'edited' }, words.say('edited')),
      ),
      this.depth > 1 && parent?.comment.body &&
        h('a', { class: 'to', href: thread.link(parent.comment.id) }, words.say('to', { u: parent.comment.author.name })),
      note,
      edits ? this.form.node : h('div', { class: 'body', dir: 'auto', lang: comment.lang }, tree(comment.body ?? [], true)),
      h('div', { class: 'actions' }, !edits && !thread.readonly && actions, this.toggle),
    )
  }

  #actions() {
    const { thread, reported } = this
    return [this.votes(), thread.isOpen && this.button('reply'), this.button('copy', true), this.button(reported ? 'reported' : 'report', true)]
  }

  /** A button that does what its name says; quiet ones stand back. */
  button(/** @type {string} */ act, quiet = false, /** @type {any} */ more = null) {
    const { thread, comment } = this
    const words = [thread.words.say(act), more]
    return press(quiet ? 'action quiet' : 'action', words, () => thread.act(act, this), { 'data-act': act, 'aria-describedby': `by-${comment.id}` })
  }

  /** The button to recommend; on one's own, only the number. */
  votes() {
    const { thread, comment, mine } = this
    const { words } = thread
    const n = comment.votes.up
    const seen = n > 0 && h('span', { 'aria-hidden': 'true' }, words.numbers.format(n))
    const spoken = n > 0 && h('span', { class: 'hidden' }, ` ${words.say('votes', { n })}`)
    if (thread.noVotes || !thread.page.site.votes_allowed) return null
    if (mine) return n > 0 && h('span', { class: 'votes' }, seen, spoken)
    const name = h('span', { class: n > 0 && 'hidden' }, ` ${words.say('vote')}`)
    return press('action vote', [seen, name, spoken], () => thread.act('recommend', this), { 'data-act': 'recommend', 'aria-pressed': String(this.vote > 0) })
  }
}

/** The tile's colour: the same name has the same everywhere. */
const hue = (/** @type {string} */ name) => name.split('').reduce((sum, unit) => sum + unit.charCodeAt(0), 0) % TILES
