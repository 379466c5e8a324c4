/** Somebody else saved the settings while they were being changed here: said in words, and asked. */

import { ask } from '../api.js'
import { byId, element } from '../dom.js'
import { page, say } from '../page.js'

/** @typedef {Record<string, any>} Settings */

/**
 * Whether two values of a setting are different; the order of keys is none.
 * @param {unknown} one
 * @param {unknown} other
 */
export function differs(one, other) {
  return written(one) !== written(other)
}

/** @param {unknown} value @returns {string} */
function written(value) {
  if (Array.isArray(value)) return JSON.stringify(value)
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const entries = Object.entries(value).filter(([, each]) => each !== '')
  return JSON.stringify(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, each]) => [key, written(each)]))
}

/**
 * Tell what was changed meanwhile, and by whom; what is written in the form stays.
 * @param {Settings} base what was read
 * @param {Settings} mine what was changed here
 * @param {Settings} now what is kept by now
 * @param {{ keep: (button: HTMLElement) => void, drop: () => void }} ways
 */
export async function offer(base, mine, now, ways) {
  const theirs = Object.keys(now).filter((name) => name !== 'version' && differs(base[name], now[name]))
  const lines = theirs.map((name) => {
    const words = say(`changed_${shown(now[name]) === null ? 'text' : 'value'}`, {
      setting: say(`set_${name}`),
      value: shown(now[name]) ?? '',
    })
    return element('li', {}, words, ...(name in mine ? [' ', element('strong', {}, say('yours_too'))] : []))
  })
  const both = theirs.some((name) => name in mine)
  const keep = element('button', { type: 'button', class: 'primary' }, say(both ? 'keep_mine_over' : 'keep_mine'))
  keep.addEventListener('click', () => ways.keep(keep))
  const drop = element('button', { type: 'button', onclick: ways.drop }, say('take_theirs'))
  const problem = byId('problem')
  problem.replaceChildren(
    element('span', {}, say('stale', { name: (await whoChanged()) ?? say('somebody') })),
    element('ul', {}, ...lines),
    element('span', { class: 'row' }, keep, drop),
  )
  problem.hidden = false
  problem.scrollIntoView({ block: 'center' })
  keep.focus()
}

/**
 * A value for people; null for texts, which are too long to be told.
 * @param {any} value
 */
function shown(value) {
  if (Array.isArray(value)) return value.join(', ') || '–'
  if (typeof value === 'object') return null
  if (typeof value === 'boolean') return say(value ? 'yes' : 'no')
  return ['pre', 'post', 'trusted'].includes(value) ? say(`mode_${value}`) : String(value)
}

/** Who changed the settings last. @returns {Promise<string | null>} */
async function whoChanged() {
  const log = await ask('GET', `/v1/sites/${encodeURIComponent(page.sites.site)}/administration?limit=20`)
  const last = log.items.find((/** @type {{ act: string }} */ each) => each.act === 'settings.changed')
  return last?.by.name || null
}
