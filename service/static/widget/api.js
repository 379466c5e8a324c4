const PATIENCE = 20_000 // milliseconds

/** What went wrong, by the code of the problem document; `offline` when nothing came back. `wait` is in seconds. */
const failure = (/** @type {any} */ problem) => Object.assign(new Error(), problem)

/** The calls of the widget (api.md, "Readers"). No cookie is ever sent. */
export class Api {
  /** @param {any} settings Of the thread. @param {AbortSignal} signal */
  constructor({ base, site, article, identity }, signal) {
    this.site = `${base}/v1/sites/${encodeURIComponent(site)}/`
    this.article = `${this.site}articles/${encodeURIComponent(article)}/`
    this.identity = identity
    this.signal = signal
  }

  thread(/** @type {any} */ query, fresh = false) {
    const said = Object.entries(query).filter(([, value]) => value != null)
    return this.call('GET', `${this.article}comments?${new URLSearchParams(said)}`, { fresh, anyone: true })
  }

  /**
   * @param {string} method
   * @param {string} url
   * @param {{body?: any, key?: string, fresh?: boolean, anyone?: boolean, again?: boolean}} [how]
   * @returns {Promise<any>}
   */
  async call(method, url, { body, key, fresh, anyone, again = true } = {}) {
    const bearer = anyone ? null : await this.identity.bearer()
    const stop = AbortSignal.timeout(PATIENCE)
    const response = await fetch(url, {
      method,
      headers: {
        ...(body && { 'Content-Type': 'application/json' }),
        ...(key && { 'Idempotency-Key': key }),
        ...(bearer && { Authorization: `Bearer ${bearer}` }),
      },
      body: body && JSON.stringify(body),
      credentials: 'omit',
      cache: fresh ? 'no-cache' : 'default',
      signal: AbortSignal.any?.([stop, this.signal]) ?? this.signal,
    }).catch((error) => {
      throw this.signal.aborted ? error : failure({ code: 'offline' })
    })
    if (response.status === 401 && again && bearer) {
      this.identity.refused()
      return this.call(method, url, { body, key, again: false })
    }
    const said = response.status === 204 ? null : await response.json().catch(() => ({}))
    if (response.ok) return said
    throw failure({ status: response.status, ...said, wait: Number(response.headers.get('Retry-After')) || 1 })
  }
}
