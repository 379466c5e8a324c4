/** What was lost with Redis stands above every page until somebody has taken note of it. */

import { ask, ApiError } from './api.js'
import { announce, byId, element } from './dom.js'
import { page, say } from './page.js'

/** @typedef {{ site: string, loss: string, kind: 'emptied' | 'fell_back', lost_at_most: number, restored: number, at: string }} Loss */

const when = new Intl.DateTimeFormat(page.lang, { dateStyle: 'medium', timeStyle: 'short' })

/** Ask what nobody has taken note of, and show it. */
export async function tell() {
  let losses
  try {
    losses = (await ask('GET', '/v1/moderation/losses')).items
  } catch (error) {
    if (error instanceof ApiError) return // the next page asks again
    throw error
  }
  for (const loss of losses) byId('content').before(banner(loss))
}

/**
 * Keep what is written in another direction in its own order.
 * @param {string} text
 */
const apart = (text) => `\u2068${text}\u2069`

/** @param {Loss} loss */
function banner(loss) {
  const told = say(`lost_${loss.kind}`, {
    n: loss.lost_at_most,
    site: apart(loss.site),
    at: apart(when.format(new Date(loss.at))),
  })
  const shown = element(
    'aside',
    { class: 'notice error loss', 'aria-label': told },
    element(
      'p',
      {},
      told,
      ...(loss.restored ? [' ', say('lost_restored', { n: loss.restored })] : []),
    ),
    element('button', { type: 'button', onclick: () => acknowledge(loss, shown) }, say('lost_noted')),
  )
  return shown
}

/**
 * @param {Loss} loss
 * @param {HTMLElement} shown
 */
async function acknowledge(loss, shown) {
  try {
    await ask('POST', `/v1/sites/${loss.site}/losses/${loss.loss}/acknowledgement`)
    shown.remove()
    byId('content').focus()
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    announce(error.sentence)
  }
}
