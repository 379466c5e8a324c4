/**
 * The service's JSON, asked with the session's cookie.
 *
 * Browsers say by themselves that one of our own pages asks (`Sec-Fetch-Site`), and the service
 * refuses all others, so there is no token to carry along.
 */

import { knows, say } from './page.js'

const OWN_ACCOUNT = '/moderate/me'

/** What the service refused, or could not do. */
export class ApiError extends Error {
  /**
   * @param {number} status 0 when it could not be reached
   * @param {{ code?: string, detail?: string, errors?: { pointer: string, code: string, detail: string, line?: number, column?: number }[] }} problem
   * @param {number} wait seconds
   */
  constructor(status, problem, wait = 0) {
    super(problem.detail ?? '')
    this.status = status
    this.code = problem.code ?? 'offline'
    this.errors = problem.errors ?? []
    this.wait = wait
  }

  /** A sentence for people. */
  get sentence() {
    const first = this.errors[0]
    if (first && knows(`error_${first.code}`)) return say(`error_${first.code}`)
    if (this.code === 'rate_limited') return say('wait', { n: Math.max(1, Math.ceil(this.wait / 60)) })
    if (knows(`problem_${this.code}`)) return say(`problem_${this.code}`)
    return this.status === 0 ? say('offline') : this.message || say('failed')
  }
}

/**
 * Ask once; a proof that is needed is asked for, and then it is asked again.
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body] said as JSON
 * @param {{ signal?: AbortSignal, entrance?: boolean, headers?: Record<string, string> }} [wishes]
 *   `entrance`: whoever asks is not signed in yet, so a 401 is an answer like others
 * @returns {Promise<any>} the answer's JSON; null where it has no body
 * @throws {ApiError}
 */
export async function ask(method, path, body, wishes = {}) {
  try {
    return await once(method, path, body, wishes)
  } catch (error) {
    if (!(error instanceof ApiError) || wishes.entrance) throw error
    if (error.status === 401 && error.code === 'unauthenticated') leave()
    if (error.code === 'second_factor_needed' && location.pathname !== OWN_ACCOUNT) throw error
    if (error.code !== 'proof_needed') throw error
    const { prove } = await import('./proof.js')
    if (!(await prove())) throw error
    return once(method, path, body, wishes)
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} body
 * @param {{ signal?: AbortSignal, headers?: Record<string, string> }} wishes
 */
async function once(method, path, body, wishes) {
  let answer
  try {
    answer = await fetch(path, {
      method,
      credentials: 'same-origin',
      cache: 'no-store',
      signal: wishes.signal ?? null,
      headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...wishes.headers },
      body: body === undefined ? null : JSON.stringify(body),
    })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new ApiError(0, {})
  }
  if (answer.status === 204) return null
  let said
  try {
    said = await answer.json()
  } catch {
    said = {}
  }
  if (answer.ok) return said
  throw new ApiError(answer.status, said, Number(answer.headers.get('Retry-After') ?? 0))
}

/** Go to where one signs in, and come back to this page afterwards. */
export function leave() {
  const back = location.pathname + location.search
  location.assign(`/moderate/sign-in?next=${encodeURIComponent(back)}`)
}
