import { h, press } from './dom.js'
import { Identity } from './identity.js'
import { Thread } from './thread.js'
import sheet from './v1.css' with { type: 'css' }
import { Words } from './words.js'

const BASE = new URL(import.meta.url).origin
const NEAR = '800px'
const LINKED = /^#comment-([0-9a-f-]{36})$/

/**
 * The comments of one article.
 *     <postbag-comments site="daily" article="story-8731"></postbag-comments>
 * @attr {string} site The site's slug.
 * @attr {string} article The article's own stable key.
 * @attr {string} url Where the article is; else the canonical link.
 * @attr {string} headline Its title; else the document's.
 * @attr {string} lang BCP 47; else the nearest `lang`.
 * @attr {string} dir Else what the language has.
 * @attr {number} count How many comments are known to be there: sizes the skeleton.
 * @attr {string} sort `best`, `newest` or `oldest`.
 * @attr {string} theme `light`, `dark` or `auto`.
 * @attr {string} loading `near`, `eager` or `click`; `included` of what a server wrote.
 * @attr {number} heading Level of the title, 1 to 5.
 * @attr {number} max-depth Levels of indentation.
 * @attr {string} rules Where the house rules are.
 * @attr {string} sign-out Where signed-in readers sign out.
 * @attr {string} guests `off`: only signed-in readers write.
 * @attr {boolean} readonly @attr {boolean} no-votes @attr {boolean} no-live
 * @fires postbag:ready postbag:count postbag:login-required postbag:before-submit postbag:posted
 *     postbag:changed postbag:voted postbag:reported postbag:error postbag:closed
 */
export class PostbagComments extends HTMLElement {
  static observedAttributes = ['site', 'article', 'lang', 'readonly', 'guests'];
  /** @type {Thread | null} */ #thread = null;
  /** @type {AbortController | null} */ #stay = null;
  /** @type {IntersectionObserver | undefined} */ #near;
  /** @type {(() => Promise<string | null>) | null} */ #provider = null

  /** Gives a short JWT, or nothing for a reader who is not signed in. */
  get tokenProvider() {
    return this.#provider
  }

  set tokenProvider(provider) {
    this.#provider = provider
    this.#thread?.act('recognise')
  }

  /** How many comments everybody sees. */
  get count() {
    return this.#thread?.count ?? Number(this.getAttribute('count'))
  }

  get state() {
    return this.#thread?.state ?? 'waiting'
  }

  /** Ask the service again. */
  async refresh() {
    await this.#thread?.load({ fresh: true, again: false })
  }

  focusComposer() {
    this.#thread?.composer?.text.focus()
  }

  async showComment(/** @type {string} */ id) {
    await this.#thread?.act('showComment', id)
  }

  connectedCallback() {
    if (Object.hasOwn(this, 'tokenProvider')) {
      // It was set before this class was known.
      const provider = this.tokenProvider
      // @ts-ignore
      delete this.tokenProvider
      this.tokenProvider = provider
    }
    this.#start()
  }

  disconnectedCallback() {
    this.#end()
  }

  attributeChangedCallback(/** @type {string} */ _, /** @type {string | null} */ before, /** @type {string | null} */ now) {
    if (this.#stay && before !== now) this.#start()
  }

  #end() {
    this.#near?.disconnect()
    this.#stay?.abort()
    this.#stay = null
    this.#thread?.close()
    this.#thread = null
  }

  /** Begin now, when the reader comes near, or when they ask. */
  #start() {
    this.#end()
    const { signal } = (this.#stay = new AbortController())
    const loading = this.getAttribute('loading')
    const written = this.querySelector('script[data-postbag]')
    if (loading === 'included' && document.readyState === 'loading' && !written?.nextSibling) {
      // The parser is still at what a server included: even its root may be yet to come.
      setTimeout(() => signal.aborted || this.#start(), 50)
      return
    }
    const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' })
    root.adoptedStyleSheets = [sheet]
    addEventListener('hashchange', () => this.#linked && this.showComment(this.#linked), { signal })
    if (written && !this.#linked) {
      this.#open(JSON.parse(written.textContent ?? ''))
      return
    }
    if (loading === 'eager' || this.#linked) {
      this.#open()
      return
    }
    this.#facade(root, loading === 'click')
    if (loading === 'click') return
    this.#near = new IntersectionObserver((seen) => seen.some((each) => each.isIntersecting) && this.#open(), { rootMargin: NEAR })
    this.#near.observe(this)
  }

  get #linked() {
    return LINKED.exec(location.hash)?.[1]
  }

  /** What stands here until the thread is wanted. */
  #facade(/** @type {ShadowRoot} */ root, /** @type {boolean} */ asks) {
    const words = this.#words()
    const n = this.getAttribute('count')
    const label = words.say('show') + (n ? ` (${words.numbers.format(Number(n))})` : '')
    root.replaceChildren(
      h(
        'section',
        { class: 'postbag', lang: words.tag, dir: this.#dir(words), 'data-reserved': !asks },
        h('slot'),
        asks && press('more', label, () => this.#open()),
      ),
    )
  }

  #words() {
    return new Words(this.closest('[lang]')?.getAttribute('lang') || 'en')
  }

  #dir(/** @type {Words} */ words) {
    return this.getAttribute('dir') ?? words.dir
  }

  #open(/** @type {any} */ page = null) {
    const site = this.getAttribute('site')
    const article = this.getAttribute('article')
    if (!site || !article || !this.shadowRoot) return
    this.#near?.disconnect()
    this.#thread?.close()
    const words = this.#words()
    const number = (/** @type {string} */ name, /** @type {number} */ otherwise) => Number(this.getAttribute(name) ?? otherwise)
    this.#thread = new Thread(this, this.shadowRoot, {
      base: this.getAttribute('api') ?? BASE,
      site,
      article,
      identity: new Identity(site, () => this.#provider),
      words,
      dir: this.#dir(words),
      url: this.#url(),
      headline: (this.getAttribute('headline') ?? document.title).slice(0, 300) || null,
      expected: number('count', 3),
      sort: this.getAttribute('sort') ?? 'best',
      heading: number('heading', 2),
      maxDepth: number('max-depth', 3),
      rules: this.getAttribute('rules'),
      signOut: this.getAttribute('sign-out'),
      guests: this.getAttribute('guests'),
      readonly: this.hasAttribute('readonly'),
      noVotes: this.hasAttribute('no-votes'),
      noLive: this.hasAttribute('no-live'),
    })
    this.#thread.open(page, this.#linked ?? null)
  }

  #url() {
    const canonical = document.querySelector('link[rel=canonical]')
    return new URL(this.getAttribute('url') ?? canonical?.getAttribute('href') ?? location.href, document.baseURI).href.split('#')[0]
  }
}
