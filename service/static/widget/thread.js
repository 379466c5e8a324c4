import { Api } from './api.js'
import { Entry } from './comment.js'
import { h, press } from './dom.js'
import { Form } from './form.js'

const PAGE = 20
const SORTS = ['best', 'newest', 'oldest']
const RETRY = 3_000 // milliseconds before the one retry nobody asks for
const HURRY = 1_500 // milliseconds a slow answer about oneself may delay the thread
const REST = 30_000 // milliseconds of being looked at before the page listens for news

/** One article's comments, from the first request until the element leaves or changes. */
export class Thread {
  /** @type {Map<string, Entry>} */ entries = new Map();
  #stop = new AbortController();
  /** @type {any} */ loaded = null
  /** @type {any} */ page = null
  /** @type {any} */ composer = null;
  /** @type {any} Until when this reader may not write, and why. */ ban = null;
  /** @type {Promise<any> | null} */ #acts = null
  count = 0
  state = 'loading'

  /** @param {any} host @param {ShadowRoot} root @param {any} settings See `PostbagComments`. */
  constructor(host, root, settings) {
    Object.assign(this, settings)
    this.host = host
    this.root = root
    this.signal = this.#stop.signal
    this.api = new Api(settings, this.signal)
    this.list = h('ol', { class: 'list' })
    this.status = h('p', { class: 'status hidden', role: 'status' })
    this.section = h('section', { class: 'postbag', 'aria-labelledby': 'title', lang: this.words.tag, dir: this.dir, 'data-reserved': true })
  }

  close() {
    this.#stop.abort()
  }

  /** Whether readers may write. */
  get isOpen() {
    return !this.readonly && !this.ban && this.page.article.state !== 'closed'
  }

  /** Whether only signed-in readers write here, and this one is not. */
  get mustSignIn() {
    const { guests, identity, page } = this
    return !identity.signedIn && (!page.site.guests_allowed || (guests ?? (identity.provider() && 'off')) === 'off')
  }

  /** Show the thread: from the fragment's page where there is one, else from the service. */
  async open(/** @type {any} */ page, /** @type {string | undefined} */ focus) {
    this.loaded = page ? this.#render(page, await this.askMine()) : this.load({ focus })
    await this.loaded
  }

  /** Ask for a page and show it; once more after a while when that fails. */
  async load({ focus, fresh, again = true } = /** @type {any} */ ({})) {
    if (!this.page) this.#wait()
    try {
      const [page, mine] = await Promise.all([this.api.thread({ sort: this.sort, limit: PAGE, focus }, fresh || this.identity.guest.receipt), this.askMine()])
      await this.#render(page, mine)
      if (focus) await this.act('arrive', page.focus)
    } catch (/** @type {any} */ error) {
      if (this.signal.aborted) return
      if (again && !(error.status < 500)) {
        await new Promise((done) => setTimeout(done, RETRY))
        if (!this.signal.aborted) await this.load({ focus, again: false })
      } else this.#fail(error)
    }
  }

  #fail(/** @type {any} */ error) {
    this.fire('error', { code: error.code, status: error.status })
    this.#become('error')
    this.page = null
    const again = async () => {
      await this.load({ fresh: true, again: false })
      this.section.querySelector('.title, .more')?.focus()
    }
    this.#show(h('p', { class: 'notice', id: 'title', role: 'alert' }, this.words.say('loadError')), press('more', this.words.say('again'), again))
  }

  #wait() {
    const row = () => h('li', { class: 'entry' }, h('div', { class: 'ghost' }, h('i'), h('i'), h('i')))
    this.#become('loading')
    this.#show(h('p', { class: 'hidden', id: 'title' }, this.words.say('loading')), h('ol', { class: 'list', 'aria-hidden': 'true' }, Array.from({ length: Math.min(this.expected, 6) }, row)))
  }

  /** Fill the section; what has the id `title` names it. */
  #show(/** @type {any[]} */ ...content) {
    this.section.replaceChildren(...content)
    this.root.replaceChildren(this.section)
  }

  #become(/** @type {string} */ state) {
    this.state = this.host.dataset.state = state
    this.section.ariaBusy = String(state === 'loading')
  }

  async #render(/** @type {any} */ page, /** @type {any} */ mine) {
    if (mine) await this.#ready()
    const first = !this.page
    this.page = page
    if (page.article.state === 'off') {
      this.#become('off')
      this.fire('closed', { state: 'off' })
      this.host.remove()
      return
    }
    if (first) this.#frame()
    this.entries.clear()
    this.list.replaceChildren()
    for (const comment of page.comments) this.add(comment)
    this.turned(page)
    this.counted(page.article.count)
    if (mine) await this.act('merge', mine)
    this.settle()
    this.filled?.()
    if (first) this.#greet()
  }

  /** Build what stands around the list. */
  #frame() {
    const { words } = this
    const typed = this.root.querySelector('textarea')?.value
    this.title = h(`h${this.heading}`, { class: 'title', id: 'title', tabindex: -1 })
    this.select = h('select', { class: 'field', onchange: () => this.act('resort', this.select.value) }, SORTS.map((sort) => h('option', { value: sort, selected: sort === this.sort }, words.say(sort))))
    this.sorting = h('label', { class: 'sort' }, h('span', null, words.say('sort')), this.select)
    this.notice = h('p', { class: 'notice', hidden: true })
    this.writing = h('div', { class: 'writing' })
    this.vacant = h('p', { class: 'empty' }, words.say('empty'))
    this.moreRoots = press('more more-roots', '', () => this.act('nextPage'))
    this.#show(h('header', { class: 'head' }, this.title, this.sorting), this.notice, this.writing, this.vacant, this.list, this.moreRoots, this.status)
    this.compose(typed)
    const { state, closed_at: at } = this.page.article
    if (state === 'closed') {
      this.tell(`${words.say('closed')} ${at ? words.dates.format(new Date(at)) : ''}`)
      this.fire('closed', { state: 'closed' })
    }
  }

  /** Put the composer, or the way to it, in its place. */
  compose(/** @type {string | undefined} */ typed) {
    this.composer = this.isOpen && !this.mustSignIn ? this.form({ label: this.words.say('yours'), button: this.words.say('post'), text: typed }) : null
    const signIn = () => press('submit', this.words.say('signIn'), () => this.act('login', 'comment'))
    this.writing.replaceChildren(...(this.isOpen ? [this.composer?.node ?? signIn()] : []))
  }

  /** The thread is there: count the view, listen for news in a while. */
  #greet() {
    const { host, signal } = this
    const rest = setTimeout(() => this.act('listen'), REST)
    signal.addEventListener('abort', () => clearTimeout(rest))
    for (const act of ['pointerdown', 'keydown']) host.addEventListener(act, () => this.act('listen'), { once: true, passive: true, signal })
    setTimeout(() => this.api.call('GET', `${this.api.article}view`, { anyone: true }).catch(() => {}))
    this.fire('ready', { count: this.count })
  }

  /** Offer what follows the page. */
  turned(/** @type {any} */ { next, remaining }) {
    Object.assign(this.page, { next, remaining })
    this.moreRoots.hidden = !next
    this.moreRoots.textContent = this.words.say('more', { n: Math.min(PAGE, remaining) })
    this.moreRoots.ariaDescription = this.words.say('rest', { n: remaining })
  }

  /** Say what the thread is now: empty, ready or closed. */
  settle() {
    const empty = !this.entries.size
    this.vacant.hidden = !empty || !this.isOpen
    this.#become(this.page.article.state === 'closed' ? 'closed' : empty ? 'empty' : 'ready')
  }

  /** Take note of how many comments everybody sees. */
  counted(/** @type {number} */ count) {
    if (this.count !== count) this.fire('count', { count })
    this.count = count
    this.title.textContent = this.words.say('title', { n: count })
    this.sorting.hidden = !count
  }

  /** Show a comment under its parent, or among the roots. */
  add(/** @type {any} */ comment, /** @type {any} */ parent = null, first = false) {
    const known = this.entries.get(comment.id)
    if (known) return known
    const entry = new Entry(this, comment, parent)
    this.entries.set(comment.id, entry)
    const place = parent?.replies ?? this.list
    place[first ? 'prepend' : 'append'](entry.node)
    parent?.fold(false)
    return entry
  }

  /** Do what the reader asks; that part of the widget is fetched when it is first needed. */
  async act(/** @type {string} */ name, /** @type {any[]} */ ...what) {
    const acts = await this.#ready()
    if (acts && !this.signal.aborted) await acts[name](...what)
  }

  async #ready() {
    this.#acts ??= Promise.all([import('./act.js'), import(`./act.${this.words.name}.js`)]).then(([{ Acts }, { words }]) => new Acts(this, words))
    try {
      return await this.#acts
    } catch {
      this.#acts = null
      this.tell(this.words.say('loadError'))
      return null
    }
  }

  form(/** @type {any} */ what) {
    return new Form(this, what)
  }

  link(/** @type {string} */ id) {
    return `${this.url}#comment-${id}`
  }

  /** Ask what this reader wrote here; null for strangers, and when it takes too long. */
  async askMine(most = HURRY) {
    if (!(await this.identity.bearer().catch(() => null))) return null
    const late = new Promise((done) => setTimeout(done, most, null))
    return Promise.race([this.api.call('GET', `${this.api.article}me`).catch(() => null), late])
  }

  /** Say something above the composer. */
  tell(/** @type {string} */ sentence) {
    if (!this.notice) return
    this.notice.textContent = sentence
    this.notice.hidden = false
  }

  /** Dispatch an event; false when it was cancelled. */
  fire(/** @type {string} */ name, /** @type {any} */ detail, cancelable = false) {
    return this.host.dispatchEvent(new CustomEvent(`postbag:${name}`, { bubbles: true, composed: true, cancelable, detail }))
  }
}
