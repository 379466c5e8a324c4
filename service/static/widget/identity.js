import { keep, recall } from './dom.js'

/** Who writes: a reader with a token of the news site, or a guest with this device's receipt. */
export class Identity {
  /** @type {string | null} A short JWT; kept in memory only. */ #token = null;
  /** @type {any} */ #claims = {}

  /**
   * @param {string} site
   * @param {() => (() => Promise<string | null>) | null} provider
   */
  constructor(site, provider) {
    this.key = `postbag:${site}`
    this.provider = provider
  }

  /** What a guest left on this device: `{receipt, name, email}`. One a site. */
  get guest() {
    return recall(this.key) ?? {}
  }

  remember(/** @type {any} */ more) {
    keep(this.key, { ...this.guest, ...more })
  }

  get signedIn() {
    return !!this.#token
  }

  /** The name in the token. */
  get name() {
    return this.#claims.name
  }

  /** Return the credential to present, or null; a token near its end is asked for anew. */
  async bearer() {
    const provide = this.provider()
    if (provide && !(this.#claims.exp * 1000 - 30_000 > Date.now())) {
      this.#token = (await provide()) || null
      this.#claims = claims(this.#token)
    }
    return this.#token ?? this.guest.receipt ?? null
  }

  /** Drop a credential that was refused. */
  refused() {
    if (!this.#token) this.remember({ receipt: undefined })
    this.#token = null
    this.#claims = {}
  }
}

const claims = (/** @type {string | null} */ token) => {
  try {
    const middle = String(token).split('.')[1].replace(/-/g, '+').replace(/_/g, '/')
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(middle), (letter) => letter.charCodeAt(0))))
  } catch {
    return {}
  }
}
