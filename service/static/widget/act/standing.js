import { h, press } from '../dom.js'

/** What the newsroom told this reader: warnings above the composer, a suspension in its place. */
export class Standing {
  #place = h('div');
  #told = '';
  #typed = '';
  /** @type {any} */ #refused = null

  /** @param {any} acts */
  constructor(acts) {
    this.acts = acts
  }

  /**
   * Show it, if it is not there already.
   * @param {{ban: any, warnings: any[]}} mine
   * @param {any} [refused] What was just refused because of it: a form, or `true`.
   */
  show({ ban, warnings }, refused = null) {
    const { thread } = this.acts
    const told = JSON.stringify([ban, warnings])
    if (this.#place.isConnected && told === this.#told && !refused) return
    this.#told = told
    this.#refused = refused ?? this.#refused
    const hadFocus = thread.writing.contains(thread.root.activeElement)
    if (!thread.ban !== !ban) this.#suspend(ban)
    const notices = ban ? [this.#ban(ban, refused && !hadFocus)] : warnings.map((each) => this.#warning(each, warnings, refused ? 'alert' : 'group'))
    this.#place.replaceChildren(...notices)
    thread.writing.before(this.#place)
    if (ban ? hadFocus : refused) this.#place.querySelector('button, [tabindex]')?.focus()
  }

  /** Take the composer away, or give it back with what was typed. */
  #suspend(/** @type {any} */ ban) {
    const { thread } = this.acts
    if (ban) this.#typed = thread.composer?.text.value
    thread.ban = ban
    thread.compose(this.#typed)
    for (const entry of thread.entries.values()) if (!entry.form?.edits) entry.paint()
  }

  #ban(/** @type {any} */ { until, reason }, /** @type {boolean} */ isAlert) {
    const { words } = this.acts
    return h(
      'p',
      { class: 'notice', tabindex: -1, role: isAlert && 'alert' },
      until ? words.say('bannedUntil', { r: words.dates.format(new Date(until)) }) : words.say('bannedForGood'),
      reason && ` ${words.say('because', { r: reason })}`,
      this.#typed && ` ${words.say('kept')}`,
    )
  }

  #warning(/** @type {any} */ { id, text }, /** @type {any[]} */ warnings, /** @type {string} */ role) {
    const { acts } = this
    const { thread, words } = acts
    const acknowledge = async () => {
      try {
        await acts.api.call('POST', `${acts.api.site}warnings/${id}/acknowledge`)
      } catch (error) {
        acts.trouble(error)
        return
      }
      this.show({ ban: null, warnings: warnings.filter((each) => each.id !== id) })
      const form = this.#refused
      ;(this.#place.querySelector('button') ?? (form?.node?.isConnected ? form.submit : thread.composer?.text))?.focus()
    }
    const label = `warning-${id}`
    return h(
      'div',
      { class: 'notice', role, 'aria-labelledby': label },
      h('p', { class: 'label', id: label }, words.say('warned')),
      h('p', { dir: 'auto', id: `${label}-text` }, text),
      press('more', words.say('acknowledge'), acknowledge, { 'aria-describedby': `${label}-text` }),
    )
  }
}
