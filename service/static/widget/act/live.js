import { press } from '../dom.js'

const POLL = 25_000 // milliseconds between looks at one's own waiting comments
const AGAIN = 5_000 // milliseconds before a stream that said goodbye is opened again
const HUSH = 60_000 // milliseconds between two spoken counts of new comments

/** What others do while the page is open. The stream rests while the page is hidden. */
export class Live {
  /** @type {EventSource | null} */ #stream = null;
  /** @type {Set<string>} */ #unseen = new Set();
  #held = new CSSStyleSheet();
  #wanted = false;
  #opened = false;
  #spoken = 0

  /** @param {any} thread @param {any} acts */
  constructor(thread, acts) {
    this.thread = thread
    this.acts = acts
    const { signal, host, root } = thread
    root.adoptedStyleSheets.push(this.#held)
    this.pill = press('submit pill', '', () => this.#showNew(), { hidden: true })
    const look = () => this.#hasWaiting && !document.hidden && acts.refreshMine()
    const poll = setInterval(look, POLL)
    addEventListener('focus', look, { signal })
    document.addEventListener('visibilitychange', () => this.#follow(), { signal })
    for (const act of ['pointerdown', 'keydown']) host.addEventListener(act, () => this.#held.replaceSync(''), { signal, passive: true })
    thread.filled = () => this.#clear()
    signal.addEventListener('abort', () => {
      clearInterval(poll)
      this.#close()
    })
  }

  /** Open the stream, as soon as the page is looked at. */
  begin() {
    this.#wanted = true
    this.#follow()
  }

  /** Whether a text of this reader waits for a decision. */
  get #hasWaiting() {
    return [...this.thread.entries.values()].some(({ mine, comment }) => mine && (comment.status === 'pending' || comment.pending_revision))
  }

  #follow() {
    if (document.hidden) this.#close()
    else if (this.#wanted && !this.#stream && !this.thread.signal.aborted) this.#open()
  }

  #open() {
    const stream = (this.#stream = new EventSource(`${this.thread.api.article}events`))
    const on = (/** @type {string} */ name, /** @type {(said: any) => void} */ act) =>
      stream.addEventListener(name, (event) => act(JSON.parse(event.data || '{}')))
    on('comment', (said) => this.#arrived(said))
    on('update', (said) => this.#changed(said))
    on('gone', (said) => this.#vanished(said))
    on('count', (said) => this.thread.counted(said.count))
    on('resync', () => this.#catchUp())
    on('bye', () => {
      this.#close()
      setTimeout(() => this.#follow(), AGAIN)
    })
    // A new stream knows nothing of what the last one missed.
    if (this.#opened) this.#catchUp()
    this.#opened = true
  }

  #close() {
    this.#stream?.close()
    this.#stream = null
  }

  async #arrived(/** @type {any} */ { id, parent_id: parent, count }) {
    const { thread } = this
    const entry = thread.entries.get(id)
    thread.counted(count)
    if (entry?.mine) await this.acts.refreshMine()
    if (entry || (parent && !thread.entries.has(parent))) return
    this.#unseen.add(id)
    this.#count()
    if (!this.pill.isConnected) thread.writing.after(this.pill)
    if (Date.now() - this.#spoken < HUSH) return
    this.#spoken = Date.now()
    this.acts.announce(this.pill.textContent)
  }

  /** Take note that a comment stands here: it is not among the new ones. */
  know(/** @type {string} */ id) {
    this.#unseen.delete(id)
    this.#count()
  }

  #count() {
    const n = this.#unseen.size
    this.pill.textContent = this.thread.words.say('fresh', { n })
    this.pill.hidden = !n
  }

  async #changed(/** @type {any} */ { id, count }) {
    const { thread } = this
    const entry = thread.entries.get(id)
    thread.counted(count)
    if (entry?.mine) await this.acts.refreshMine()
    else if (entry) {
      const said = await this.acts.comment('GET', id).catch(() => null)
      if (said) entry.update(said.comment)
    }
  }

  /** Take a text away at once; its room stays until the reader's next act, so nothing jumps. */
  async #vanished(/** @type {any} */ { id, count }) {
    const { thread } = this
    const entry = thread.entries.get(id)
    thread.counted(count)
    this.know(id)
    if (entry?.mine) await this.acts.refreshMine()
    else if (entry) {
      this.#held.insertRule(`#comment-${id}{min-block-size:${entry.article.offsetHeight}px}`)
      entry.update({ status: 'removed', body: null, text: null })
    }
  }

  /** Compare with the service after a gap in the stream. */
  async #catchUp() {
    const { thread } = this
    const said = await thread.api.call('GET', `${thread.api.article}count`, { fresh: true, anyone: true }).catch(() => null)
    if (said?.count > thread.count) await this.#arrived({ id: 'gap', count: said.count })
    await this.acts.refreshMine()
  }

  async #showNew() {
    await this.acts.resort('newest')
    this.thread.title.focus()
  }

  #clear() {
    this.#unseen.clear()
    this.#count()
  }
}
