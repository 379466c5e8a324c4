/** What is said when a decision was not taken, with the choices that are left. */

import { element } from '../dom.js'
import { say } from '../page.js'
import { when } from './text.js'

/**
 * @param {any} result
 * @param {any} wish
 * @param {any} item
 * @param {import('./decide.js').Decider} decider
 * @returns {(Node | string)[]}
 */
export function noticeOf(result, wish, item, decider) {
  const action = wish.action === 'remove' ? 'reject' : wish.action
  const again = (/** @type {object} */ more) => () =>
    decider.decide([item], action, { reason: wish.reason, note: wish.note, ...more })
  const anyway = say(`anyway_${action}`)
  if (result.outcome === 'stale') return edited(result, item)
  if (result.outcome === 'leased') {
    item.override = false
    return [
      say('has_it_open', { name: item.lease?.by ?? say('somebody') }),
      choice(say('decide_anyway'), again({ override: true })),
      choice(say('leave_it'), () => decider.drop(item)),
    ]
  }
  if (result.outcome === 'parent_pending') {
    const both = { comment: { ...item.parent }, appeal: null, reports: [] }
    return [
      say('parent_waits'),
      ...(item.parent ? [choice(say('approve_both'), () => decider.decide([both, item], 'approve'))] : []),
    ]
  }
  const { decision } = result
  if (decision?.by.kind === 'author') return [say('author_deleted'), choice(say('take_away'), () => decider.drop(item))]
  const verb = say(`they_${decision?.action ?? 'decide'}`, {
    name: decision?.by.name || say('somebody'),
    when: decision ? when(decision.at) : '',
  })
  return [
    verb,
    choice(say('keep_theirs'), () => decider.drop(item)),
    ...(decision ? [choice(anyway, () => decider.insist(item, decision, wish))] : []),
  ]
}

/** @param {any} result @param {any} item */
function edited(result, item) {
  const before = item.comment.text
  item.comment = { ...item.comment, ...result.comment }
  item.why = item.why.map((/** @type {any} */ each) => ({ ...each, spans: [] }))
  return [
    say('edited'),
    element(
      'details',
      { open: true },
      element('summary', {}, say('before')),
      element('del', { dir: 'auto' }, before ?? ''),
    ),
  ]
}

/** @param {string} label @param {() => void} onclick */
const choice = (label, onclick) => element('button', { type: 'button', class: 'small', onclick }, label)
