import { attend, submit } from './act/composer.js'
import { extend, limit, MINUTE, minutes, remind } from './act/deadline.js'
import * as dialogs from './act/dialogs.js'
import { h } from './dom.js'
import { Live } from './act/live.js'
import { Standing } from './act/standing.js'
import sheet from './act/act.css' with { type: 'css' }

const PAGE = 20
const PATIENCE = 20_000 // milliseconds an answer about oneself may take when nothing waits for it

/**
 * What readers do: the second part of the widget, fetched when somebody first acts.
 * Each method that a control names by `data-act` takes the entry it stands in.
 */
export class Acts {
  /** @param {any} thread @param {any} words What is said to who acts, in the reader's language. */
  constructor(thread, words) {
    this.thread = thread
    this.api = thread.api
    this.words = thread.words
    this.words.catalogue = { ...this.words.catalogue, ...words }
    thread.root.adoptedStyleSheets.push(sheet)
    thread.own = (/** @type {any} */ entry) => this.#own(entry)
    this.live = thread.noLive ? null : new Live(thread, this)
    this.standing = new Standing(this)
    const aging = setInterval(() => this.#grow(), MINUTE)
    thread.signal.addEventListener('abort', () => clearInterval(aging))
  }

  /** Ask about one comment; `more` goes behind its id. */
  comment(/** @type {string} */ method, /** @type {string} */ id, more = '', /** @type {any} */ body = undefined) {
    const anyone = method === 'GET'
    return this.api.call(method, `${this.api.site}comments/${id}${more}`, { body, anyone, fresh: anyone })
  }

  /** Say something to those who listen; nobody is interrupted. */
  announce(/** @type {string} */ sentence) {
    const { status } = this.thread
    status.textContent = ''
    setTimeout(() => (status.textContent = sentence), 60)
  }

  attend(/** @type {any} */ form) {
    attend(this, form)
  }

  submit(/** @type {any} */ form) {
    attend(this, form)
    return submit(this, form)
  }

  listen() {
    this.live?.begin()
  }

  // One's own

  /** What an own comment shows beside its text: whose it is, what its author is told, and may do. */
  #own(/** @type {any} */ entry) {
    const { words, thread } = this
    const { status, reason, appeal, pending_revision: edit, editable_until: until } = entry.comment
    const isPublic = status === 'approved'
    const key = { pending: 'held', approved: edit && 'editHeld', rejected: 'rejected', removed: 'removed' }[status]
    const why = !isPublic && reason && [' ', h('span', { dir: 'auto' }, reason.text)]
    const left = minutes(until)
    return {
      you: h('span', { class: 'badge you' }, words.say('you')),
      note: key && h('p', { class: 'note' }, words.say(key), why, key === 'held' && words.usually(thread.page.site.usual_minutes), appeal && ` ${words.say('appealed')}`),
      actions: [
        isPublic && entry.votes(),
        isPublic && thread.isOpen && entry.button('reply'),
        left > 0 && entry.button('edit', false, h('small', null, ` (${words.say('editLeft', { n: left })})`)),
        status === 'rejected' && thread.isOpen && entry.button('resend'),
        /rejected|removed/.test(status) && !appeal && entry.button('appeal'),
        isPublic && entry.button('copy', true),
        status !== 'deleted' && entry.button('delete', true),
      ],
    }
  }

  /** Refresh what ages: how long ago it was, whether it can still be changed, who may write again. */
  #grow() {
    for (const entry of this.thread.entries.values()) this.#age(entry)
    if (Date.parse(this.thread.ban?.until) < Date.now()) this.refreshMine()
  }

  #age(/** @type {any} */ entry) {
    const { article, comment, mine, form } = entry
    const time = article.querySelector('time')
    if (form?.edits) remind(this.words, entry)
    else if (mine && !form) entry.paint()
    else if (time) time.textContent = this.words.ago(comment.created_at)
  }

  /** Show what this reader wrote here, how they voted, and what the newsroom told them. */
  merge(/** @type {any} */ mine, /** @type {any} */ refused = null) {
    const { thread } = this
    const { comments, votes } = mine
    if (thread.isOpen || thread.ban) this.standing.show(mine, refused)
    // What a server has painted must not move: there, own ones stand under it.
    const first = thread.host.getAttribute('loading') !== 'included'
    for (const comment of comments) {
      const entry = thread.entries.get(comment.id)
      if (entry) this.#meet(entry, comment)
      else if (/pending|rejected/.test(comment.status)) thread.add({ ...comment, replies: [] }, thread.entries.get(comment.parent_id), first && !comment.parent_id)
    }
    for (const [id, value] of Object.entries(votes)) {
      const entry = thread.entries.get(id)
      if (!entry || entry.vote === value) continue
      entry.vote = value
      entry.paint()
    }
    thread.settle()
  }

  /** Take over what the service knows of an own comment, and tell its author what was decided. */
  #meet(/** @type {any} */ entry, /** @type {any} */ comment) {
    const before = entry.comment
    const known = ['status', 'revision', 'pending_revision', 'editable_until'].every((name) => before[name] === comment[name])
    if (known && !before.appeal === !comment.appeal) return
    entry.update({ ...comment, votes: before.votes })
    if (before.status !== comment.status) this.#decided(comment, before.status)
  }

  #decided(/** @type {any} */ { id, status, reason }, /** @type {string} */ before) {
    const { thread, words } = this
    if (status === 'approved' && before === 'pending') this.announce(words.say('published'))
    if (status === 'rejected' || status === 'removed') this.announce(`${words.say(status)} ${reason?.text ?? ''}`)
    thread.fire('changed', { id, state: status })
  }

  async refreshMine(/** @type {any} */ refused = null) {
    const mine = await this.thread.askMine(PATIENCE)
    if (mine && this.thread.page && !this.thread.signal.aborted) this.merge(mine, refused)
    return mine
  }

  /** Look again who the reader is. */
  async recognise() {
    const { thread } = this
    await thread.loaded
    const before = thread.identity.signedIn
    const mine = await this.refreshMine()
    if (!mine && before) this.standing.show({ ban: null, warnings: [] })
    if (thread.page && (thread.mustSignIn || thread.identity.signedIn !== before)) thread.compose(thread.composer?.text.value)
  }

  /** Ask the page to sign its reader in; `resume` goes on where it stopped. */
  login(/** @type {string} */ intent, /** @type {() => void} */ act = () => this.thread.composer?.text.focus()) {
    this.thread.fire('login-required', { intent, resume: () => this.recognise().then(act) })
  }

  // Reading on

  async resort(/** @type {string} */ sort) {
    const { thread } = this
    thread.sort = thread.select.value = sort
    await thread.load({ fresh: true, again: false })
  }

  /** Bring a comment into view and focus it; asks for its page when it is not here. */
  async showComment(/** @type {string} */ id) {
    const { thread } = this
    await thread.loaded
    if (thread.entries.has(id)) this.arrive(id)
    else await thread.load({ focus: id, again: false })
  }

  arrive(/** @type {string | null} */ id) {
    const { thread, words } = this
    const entry = thread.entries.get(id)
    thread.root.querySelector('.focused')?.classList.remove('focused')
    if (!entry) {
      thread.tell(words.say('unknown_comment'))
      return
    }
    for (let above = entry.parent; above; above = above.parent) above.fold(false)
    entry.article.classList.add('focused')
    reveal(entry)
  }

  nextPage() {
    const { thread } = this
    return this.#more(thread.moreRoots, { sort: thread.sort, cursor: thread.page.next }, null, (page) => thread.turned(page))
  }

  async moreReplies(/** @type {any} */ entry) {
    const { id, more_replies: cursor } = entry.comment
    await this.#more(entry.more, { parent: id, cursor }, entry, (page) => (entry.comment.more_replies = page.next))
    entry.fold(false)
  }

  /** Append a page; focus goes to the first comment that is new. */
  async #more(/** @type {any} */ button, /** @type {any} */ query, /** @type {any} */ parent, /** @type {(page: any) => void} */ turned) {
    const { thread } = this
    if (button.getAttribute('aria-disabled')) return
    button.setAttribute('aria-disabled', 'true')
    try {
      const page = await this.api.thread({ limit: PAGE, ...query })
      turned(page)
      const fresh = page.comments.filter((/** @type {any} */ each) => !thread.entries.has(each.id))
      const [first] = fresh.map((/** @type {any} */ each) => thread.add(each, parent))
      first?.article.focus()
    } catch (error) {
      this.trouble(error)
    }
    button.removeAttribute('aria-disabled')
  }

  async copy(/** @type {any} */ entry) {
    const link = this.thread.link(entry.comment.id)
    try {
      await navigator.clipboard.writeText(link)
      this.announce(this.words.say('copied'))
    } catch {
      location.assign(link)
    }
  }

  // Writing

  /** Send what a form holds: a comment, a reply or an edit. */
  async send(/** @type {any} */ form, /** @type {string} */ body, /** @type {string} */ key) {
    if (form.edits) return this.#sendEdit(form.edits, body)
    const { thread, words } = this
    const { parent } = form
    const name = form.name?.value.trim()
    const email = form.email?.value.trim() || null
    const before = thread.count
    const said = await this.api.call('POST', `${this.api.article}comments`, {
      body: {
        body,
        parent_id: parent?.comment.id ?? null,
        article: { url: thread.url, title: thread.headline },
        ...(name && { author: { name, email } }),
      },
      key,
    })
    const { comment, receipt } = said
    if (name) thread.identity.remember({ name, email: email ?? '', ...(receipt && { receipt }) })
    this.#close(parent)
    const entry = thread.add(comment, parent, !parent)
    if (parent) parent.fold(false)
    const isPublic = comment.status === 'approved'
    // The stream may have told of it before the answer came.
    if (isPublic) thread.counted(Math.max(thread.count, before + 1))
    this.live?.know(comment.id)
    thread.settle()
    this.announce(words.say(isPublic ? 'posted' : 'sent'))
    reveal(entry)
    thread.fire('posted', { id: comment.id, state: comment.status })
    this.live?.begin()
    await form.sent?.()
    return entry
  }

  async #sendEdit(/** @type {any} */ entry, /** @type {string} */ body) {
    const { thread, words } = this
    const { id, revision, pending_revision: waiting } = entry.comment
    const { editor } = entry.form
    const { comment } = await this.comment('PATCH', id, '', { body, revision: waiting ?? revision, editor })
    entry.form = null
    entry.update(comment)
    entry.article.focus()
    this.announce(words.say(comment.status === 'approved' && !comment.pending_revision ? 'saved' : 'sent'))
    thread.fire('changed', { id, state: comment.status })
    this.live?.begin()
  }

  /** Open a form to reply; a second press returns to it. */
  reply(/** @type {any} */ entry, text = '') {
    const { thread, words } = this
    if (thread.mustSignIn) {
      this.login('comment', () => this.reply(entry, text))
      return null
    }
    if (!entry.form) {
      entry.form = thread.form({ label: words.say('replyTo', { u: entry.comment.author.name }), button: words.say('send'), place: entry.comment.id, text, parent: entry })
      entry.article.after(entry.form.node)
      this.#cancels(entry)
    }
    entry.form.text.focus()
    return entry.form
  }

  edit(/** @type {any} */ entry) {
    this.#close(entry)
    const { words } = this
    entry.form = this.thread.form({ label: words.say('editing'), button: words.say('save'), text: entry.comment.text, edits: entry })
    entry.paint()
    this.#cancels(entry)
    limit(words, entry)
    entry.form.text.focus()
    // Who begins in time may finish: the window stays open for a while.
    this.comment('POST', entry.comment.id, '/editor').then((opened) => extend(words, entry, opened), () => {})
  }

  /** Give a form its way out, back to where it was opened. */
  #cancels(/** @type {any} */ entry) {
    const { form } = entry
    const act = form.edits ? 'edit' : 'reply'
    attend(this, form, () => {
      this.#close(entry)
      if (form.edits) entry.paint()
      ;(entry.article.querySelector(`[data-act=${act}]`) ?? entry.article).focus()
    })
  }

  #close(/** @type {any} */ entry) {
    entry?.form?.node.remove()
    if (entry) entry.form = null
  }

  /** Let the author of a rejected comment write it anew; the old one goes when that is sent. */
  resend(/** @type {any} */ entry) {
    const { text, id } = entry.comment
    const form = entry.parent ? this.reply(entry.parent, text) : this.thread.composer
    if (!form) return
    form.text.value = text
    form.sent = () => {
      form.sent = null
      return this.comment('DELETE', id).then(() => this.#drop(entry), () => {})
    }
    form.text.focus()
  }

  delete(/** @type {any} */ entry) {
    const { thread } = this
    const { id, status } = entry.comment
    dialogs.erase(this, async () => {
      const before = thread.count
      await this.comment('DELETE', id)
      this.announce(this.words.say('deleted'))
      thread.fire('changed', { id, state: 'deleted' })
      if (status === 'approved') thread.counted(Math.min(thread.count, before - 1))
      return this.#drop(entry)
    })
  }

  /** Take a comment away; return what stands there now: its tombstone, or what is beside it. */
  #drop(/** @type {any} */ entry) {
    const { thread } = this
    this.#close(entry)
    if (entry.replies.childElementCount) {
      entry.mine = false
      entry.update({ status: 'deleted', body: null, text: null })
      return entry.article
    }
    const beside = entry.node.nextElementSibling ?? entry.node.previousElementSibling
    entry.node.remove()
    thread.entries.delete(entry.comment.id)
    entry.parent?.fold(false)
    thread.settle()
    return beside?.querySelector('article') ?? entry.parent?.article ?? thread.title
  }

  appeal(/** @type {any} */ entry) {
    dialogs.appeal(this, async (text) => {
      const { appeal } = await this.comment('POST', entry.comment.id, '/appeal', { text })
      entry.update({ appeal })
      this.announce(this.words.say('appealed'))
      return entry.article
    })
  }

  report(/** @type {any} */ entry) {
    dialogs.report(this, entry)
  }

  reported() {
    this.announce(this.words.say('thanks'))
  }

  /** Recommend, or take it back; shown at once, reverted when it fails. */
  async recommend(/** @type {any} */ entry) {
    const { thread } = this
    if (thread.mustSignIn) {
      this.login('vote', () => this.recommend(entry))
      return
    }
    const { votes, id } = entry.comment
    const before = entry.vote
    entry.vote = before > 0 ? 0 : 1
    entry.update({ votes: { ...votes, up: votes.up + entry.vote - before } })
    try {
      // Who has no credential becomes a guest first.
      if (!(await thread.identity.bearer())) thread.identity.remember(await this.api.call('POST', `${this.api.site}guests`, { anyone: true }))
      const said = await this.comment('PUT', id, '/vote', { value: entry.vote })
      entry.vote = said.mine
      entry.update({ votes: said.votes })
      thread.fire('voted', { id, value: said.mine })
    } catch (error) {
      entry.vote = before
      entry.update({ votes })
      this.trouble(error)
    }
  }

  // Failing

  /** Take note of a failure; who may not write as a guest is asked to sign in. */
  failed(/** @type {any} */ error, intent = 'comment') {
    const { thread } = this
    if (thread.signal.aborted) return
    thread.fire('error', { code: error.code, status: error.status })
    if (error.code !== 'guests_not_allowed') return
    thread.guests = 'off'
    this.login(intent)
  }

  /** Show why the newsroom lets this reader not do it; false when that is not the reason. */
  async heed(/** @type {any} */ error, /** @type {any} */ refused = true) {
    return /author_banned|warning_un/.test(error.code) && !!(await this.refreshMine(refused))
  }

  /** Say above the thread that something did not work. */
  async trouble(/** @type {any} */ error) {
    this.failed(error, 'vote')
    if (!(await this.heed(error)) && !this.thread.signal.aborted) this.thread.tell(this.sentence(error))
  }

  /** Put a failure into words; `more` is said when nothing better is known than to try again. */
  sentence(/** @type {any} */ error, more = '') {
    const { words } = this
    if (error.status === 429) return words.say('tooFast', { n: error.wait })
    if (error.code === 'refused_by_rule') return words.say('refused', { r: error.detail })
    if (error.code === 'offline' && !navigator.onLine) return words.say('noNetwork')
    const [wrong] = error.errors ?? []
    if (/email/.test(wrong?.pointer)) return words.say('badEmail')
    const code = wrong?.code ?? error.code
    const key = SAID[code] ?? code
    if (key in words.catalogue) return words.say(key)
    return more ? `${words.say('actError')} ${words.say(more)}` : words.say('actError')
  }
}

const reveal = (/** @type {any} */ { article }) => {
  article.focus({ preventScroll: true })
  article.scrollIntoView({ block: 'nearest' })
}

/** What problems and faults of a field are called whose own codes are no words. */
const SAID = { blank: 'required', comments_closed: 'closed', missing: 'required', parent_not_published: 'unknown_parent' }
