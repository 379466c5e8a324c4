/** The log: decisions are taken back, and the chain is followed to its end. */

import { ApiError, ask } from '../api.js'
import { announce, byId, element } from '../dom.js'
import { page, say } from '../page.js'
import './taking.js'
import './times.js'

for (const each of document.querySelectorAll('[data-reverse]')) {
  const button = /** @type {HTMLElement} */ (each)
  button.addEventListener('click', () => reverse(button))
}

/** @param {HTMLElement} button */
async function reverse(button) {
  if (button.ariaDisabled === 'true') return
  button.ariaDisabled = 'true'
  const { reverse: id, comment } = button.dataset
  const said = document.createElement('span')
  said.className = 'hint'
  said.tabIndex = -1
  try {
    await ask('POST', `/v1/moderation/decisions/${id}/reverse`, { comment_id: comment })
    said.textContent = say('reversed_one')
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    said.textContent = error.sentence
  }
  button.replaceWith(said)
  said.focus()
  announce(said.textContent ?? '')
}

const verify = document.getElementById('verify')
verify?.addEventListener('click', async () => {
  verify.ariaDisabled = 'true'
  try {
    await follow()
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    tell([error.sentence], true)
  }
  verify.ariaDisabled = 'false'
})

/** Follow the chain stretch by stretch, and say what was checked and where it breaks. */
async function follow() {
  const bar = /** @type {HTMLProgressElement} */ (byId('verified-progress'))
  let after = 0
  for (;;) {
    const seen = await ask('GET', `/v1/sites/${page.place.site}/audit/verification?after=${after}`)
    bar.hidden = seen.done
    bar.max = Math.max(seen.head, 1)
    bar.value = seen.position
    if (seen.done) return tell(found(seen), seen.broken !== null)
    tell([say('checking', { n: seen.position })], false)
    after = seen.position
  }
}

/** @param {any} seen @returns {string[]} */
function found(seen) {
  const waiting = seen.waiting ? [say('chain_waiting', { n: seen.waiting })] : []
  if (seen.broken) {
    const { position, fault, id } = seen.broken
    const whose = id ? [say('look_at_entry', { id })] : []
    return [say('chain_broken', { position }), page.words[`fault_${fault}`], ...whose]
  }
  if (!seen.position) return [say('chain_empty'), ...waiting]
  const { position, hash } = seen
  return [say('chain_good', { n: position, position, hash }), say('chain_checked'), say('chain_keep'), ...waiting]
}

/** @param {string[]} sentences @param {boolean} broken */
function tell(sentences, broken) {
  const place = byId('verified')
  place.hidden = false
  place.classList.toggle('error', broken)
  byId('verified-words').replaceChildren(...sentences.map((each) => element('p', {}, each)))
  announce(sentences[0] ?? '')
}

document.documentElement.dataset.ready = 'true'
