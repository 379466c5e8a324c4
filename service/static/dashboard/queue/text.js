/** Texts of readers as moderators see them: marked, masked, and with nothing invisible left. */

import { element } from '../dom.js'
import { page, say } from '../page.js'

const MASKED = new Set(page.queue.masked)
const INVISIBLE = /[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/

/**
 * @param {string} said
 * @param {{ rule: string, label: string, spans: number[][] }[]} why
 * @param {boolean} masks
 */
export function textOf(said, why, masks) {
  const letters = Array.from(said)
  const odd = lookAlikes(said)
  /** @type {({ kind: string, label: string } | undefined)[]} */
  const marks = new Array(letters.length)
  for (const { rule, label, spans } of why)
    for (const [start = 0, end = 0] of spans)
      for (let at = start; at < Math.min(end, letters.length); at++)
        if (marks[at]?.kind !== 'mask')
          marks[at] = { kind: masks && MASKED.has(rule) ? 'mask' : 'mark', label }
  const whole = document.createDocumentFragment()
  for (let start = 0, end = 1; start < letters.length; end++) {
    const mark = marks[start]
    if (end < letters.length && marks[end]?.kind === mark?.kind) continue
    const piece = letters.slice(start, end)
    if (!mark) whole.append(...shown(piece, odd, start))
    else if (mark.kind === 'mark') whole.append(element('mark', { title: mark.label }, ...shown(piece, odd, start)))
    else whole.append(element('span', { class: 'q-mask', title: say('masked') }, `${piece[0]}•••`))
    start = end
  }
  return whole
}

/** What stands for a text that is masked whole. */
export const maskedWhole = () => element('span', { class: 'q-mask' }, say('masked_whole'))

const FOREIGN = /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}]/u

/** Where letters of another script stand in Latin words, in code points. @param {string} said */
function lookAlikes(said) {
  const odd = new Set()
  if (!FOREIGN.test(said)) return odd
  for (const { 0: word, index } of said.matchAll(/[\p{L}\p{M}]+/gu)) {
    if (!/\p{Script=Latin}/u.test(word)) continue
    const before = Array.from(said.slice(0, index)).length
    Array.from(word).forEach((letter, n) => FOREIGN.test(letter) && odd.add(before + n))
  }
  return odd
}

/** @param {string[]} letters @param {Set<number>} odd @param {number} start */
function shown(letters, odd, start) {
  /** @type {(Node | string)[]} */
  const pieces = []
  let run = ''
  for (const [n, letter] of letters.entries()) {
    const alike = odd.has(start + n)
    if (!alike && !INVISIBLE.test(letter)) {
      run += letter
      continue
    }
    if (alike) run += letter
    const code = letter.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')
    pieces.push(run, element('span', { class: 'q-odd', title: say(alike ? 'look_alike' : 'invisible') }, `U+${code}`))
    run = ''
  }
  return [...pieces, run]
}

const relative = new Intl.RelativeTimeFormat(page.lang, { numeric: 'auto' })
const UNITS = /** @type {[Intl.RelativeTimeFormatUnit, number][]} */ ([
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
])

/** "12 minutes ago", "in 18 minutes". @param {string} moment */
export function when(moment) {
  const seconds = (Date.parse(moment) - Date.now()) / 1_000
  const [unit, length] = UNITS.find(([, each]) => Math.abs(seconds) >= each) ?? ['second', 1]
  return relative.format(Math.round(seconds / length), unit)
}

/** @param {string} moment */
export const isPast = (moment) => Date.parse(moment) < Date.now()

const spoken = new Intl.DisplayNames([page.lang], { type: 'language' })

/** What a language is called. @param {string | null} tag */
export function tongueOf(tag) {
  try {
    return tag ? spoken.of(tag) ?? tag : ''
  } catch {
    return tag ?? ''
  }
}
