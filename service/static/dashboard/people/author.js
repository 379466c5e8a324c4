/** What is done about an author: each act says what it did, and can be undone where it can. */

import { ApiError, ask } from '../api.js'
import { announce, byId } from '../dom.js'
import { page, say } from '../page.js'
import { decide, reverse } from './batch.js'
import { askBan } from './ban.js'
import { askWords, asked, reasonChoice } from './dialogs.js'
import './log.js'
import { Rows } from './rows.js'
import { follow, start, undone } from './sweep.js'

const { site, author } = page.place
const READER = `/v1/sites/${site}/readers/${author.ref}`
const WORDS_MAX = 1_000
const FOUND = 100
const name = author.name || '–'

new Rows()
document.querySelector('.p-tabs [aria-current]')?.scrollIntoView({ inline: 'center', block: 'nearest' })

const acts = /** @type {Record<string, (button: HTMLElement) => Promise<void>>} */ ({
  note: () => words('/notes', say('author_note_title'), say('author_note_label'), 'author_done_note'),
  warn: () => words('/warnings', say('author_warn_title', { name }), say('author_warn_label'), 'author_done_warn'),
  mute: () => ban(true),
  ban: () => ban(false),
  lift: () => rule({ ban: null }, say('author_done_lift')),
  trusted: (button) => toggle(button, 'trusted'),
  always_hold: (button) => toggle(button, 'always_hold'),
  sweep,
})

for (const each of document.querySelectorAll('[data-do]')) {
  const button = /** @type {HTMLElement} */ (each)
  button.addEventListener('click', () => attempt(() => acts[button.dataset.do ?? '']?.(button) ?? Promise.resolve()))
}

/** @param {string} what @param {string} title @param {string} label @param {string} done */
async function words(what, title, label, done) {
  const text = await askWords(title, label, WORDS_MAX)
  if (text === null) return
  await ask('POST', READER + what, { text })
  leaveWord(say(done))
  location.assign(`/moderate/authors/${author.ref}?site=${site}&tab=notes`)
}

/** @param {object} wish @param {string} done */
async function rule(wish, done) {
  await ask('PUT', READER, wish)
  leaveWord(done)
  location.reload()
}

/** @param {HTMLElement} button @param {'trusted' | 'always_hold'} what */
async function toggle(button, what) {
  const on = button.getAttribute('aria-pressed') !== 'true'
  await rule({ [what]: on }, say(on ? `author_done_${what}` : `author_done_${what}_off`))
}

/** @param {boolean} isMute */
async function ban(isMute) {
  const wish = await askBan(author, site, isMute)
  if (wish === null) return
  await ask('PUT', READER, { ban: wish.ban })
  const done = [say(isMute ? 'author_done_mute' : 'author_done_ban')]
  const made = wish.alsoPublic ? await removePublic(wish.reason) : []
  if (made.length) done.push(say('author_removed', { n: made.length }))
  const sweepId = wish.alsoWaiting ? await start(site, author.ref, wish.reason) : null
  tell(done.join(' '), () => unban(made, sweepId))
  if (sweepId) await follow(site, sweepId, (said) => tell([...done, said].join(' '), () => unban(made, sweepId)))
}

/** Take away what is public of them. @param {string} reason */
async function removePublic(reason) {
  const made = []
  const q = encodeURIComponent(`author:${author.ref} state:approved`)
  let cursor = ''
  do {
    const found = await ask('GET', `/v1/moderation/comments?site=${site}&q=${q}&limit=${FOUND}${cursor}`)
    const subjects = found.items.map((/** @type {any} */ { comment }) => ({ ...comment }))
    if (subjects.length) made.push(...(await decide(subjects, 'reject', { reason })).made)
    cursor = found.next ? `&cursor=${encodeURIComponent(found.next)}` : ''
  } while (cursor)
  return made
}

/** @param {import('./batch.js').Made[]} made @param {string | null} sweepId */
async function unban(made, sweepId) {
  await ask('PUT', READER, { ban: null })
  await reverse(made)
  if (sweepId) await undone(site, sweepId, (said) => tell(said))
  leaveWord(say('author_all_undone'))
  location.reload()
}

async function sweep() {
  const { select, nodes } = reasonChoice(say('people_reason'), 'p-reason')
  const wish = await asked(say('author_sweep_title', { name }), say('author_sweep_now'), nodes, () => ({
    reason: select.value,
  }))
  if (wish === null) return
  const id = await start(site, author.ref, wish.reason)
  await watch(id)
}

/** @param {string} id of a sweep */
async function watch(id) {
  const undo = async () => {
    await undone(site, id, (said) => tell(said))
  }
  await follow(site, id, (said, seen) => tell(said, seen.rejected ? undo : undefined))
}

/**
 * @param {string} said
 * @param {() => Promise<void>} [undo]
 */
function tell(said, undo) {
  byId('done').hidden = false
  byId('done-words').textContent = said
  const button = byId('done-undo')
  button.hidden = !undo
  button.onclick = undo ? () => attempt(undo) : null
  announce(said)
}

/** Keep a sentence for the page as it is loaded again. @param {string} said */
function leaveWord(said) {
  try {
    sessionStorage.setItem('postbag-said', said)
  } catch {
    /* a browser that keeps nothing shows the new state all the same */
  }
}

/** @param {() => Promise<void>} work */
async function attempt(work) {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    tell(error.sentence)
  }
}

const said = sessionStorage.getItem('postbag-said')
sessionStorage.removeItem('postbag-said')
if (said) tell(said)
else if (page.sweep && page.sweep.state !== 'undone') attempt(() => watch(page.sweep.id))
