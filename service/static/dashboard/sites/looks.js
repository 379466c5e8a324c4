/** The widget as readers would see it, and what a site's pages need for it. */

import { copier } from '../asking.js'
import { byId } from '../dom.js'
import { page } from '../page.js'

const TOKENS = ['accent', 'on-accent', 'text', 'bg', 'line', 'radius', 'font']
const SAFE = /^[\w#%.,()\s'"/-]*$/ // what a value may be made of, so that it stays one
const HEIGHT_MAX = 1_200

const { base, site, settings } = page.sites
const tokens = /** @type {HTMLFormElement} */ (byId('tokens'))
const frames = /** @type {HTMLIFrameElement[]} */ ([...document.querySelectorAll('.previews iframe')])
const lang = /** @type {HTMLSelectElement} */ (byId('embed-lang'))
const theme = /** @type {HTMLSelectElement} */ (byId('embed-theme'))

for (const frame of frames) {
  frame.addEventListener('load', () => dress(frame))
  dress(frame)
}
tokens.addEventListener('input', () => {
  for (const frame of frames) dress(frame)
  write()
})
tokens.addEventListener('submit', (event) => event.preventDefault())
for (const each of [lang, theme]) each.addEventListener('change', write)
byId('embed-copy').append(copier(() => byId('embed-code').textContent ?? ''))
byId('csp-copy').append(copier(() => byId('embed-csp').textContent ?? ''))
write()

/** @param {string} name */
function token(name) {
  const field = /** @type {HTMLInputElement} */ (tokens.elements.namedItem(name))
  const value = field.value.trim()
  return SAFE.test(value) ? value : ''
}

/**
 * Let a frame look as the fields say, and be as high as what is in it.
 * @param {HTMLIFrameElement} frame
 */
function dress(frame) {
  const inside = frame.contentDocument
  if (!inside?.body) return
  for (const name of TOKENS) inside.documentElement.style.setProperty(`--postbag-${name}`, token(name))
  const fit = () => (frame.style.blockSize = `${Math.min(inside.documentElement.scrollHeight + 2, HEIGHT_MAX)}px`)
  const main = inside.querySelector('main')
  if (main && !main.dataset.watched) {
    main.dataset.watched = ''
    new ResizeObserver(() => {
      frame.style.blockSize = '0'
      fit()
    }).observe(main)
  }
}

function write() {
  const rules = settings.house_rules[lang.value] ? ` rules="${base}/rules/${site}?lang=${lang.value}"` : ''
  const guests = settings.guests_allowed ? '' : ' guests="off"'
  const votes = settings.votes_allowed ? '' : ' no-votes'
  const chosen = TOKENS.filter(token).map((name) => `--postbag-${name}: ${token(name)}`)
  const looks = chosen.length ? [`<style>postbag-comments { ${chosen.join('; ')} }</style>`] : []
  byId('embed-code').textContent = [
    `<script type="module" async fetchpriority="low" src="${base}/embed/v1.js"></script>`,
    '<style>postbag-comments:not(:defined) { display: block; min-height: 100svh }</style>',
    ...looks,
    '',
    `<postbag-comments site="${site}" article="story-1" url="https://…"`,
    `  lang="${lang.value}" theme="${theme.value}"${rules}${guests}${votes}></postbag-comments>`,
  ].join('\n')
  byId('embed-csp').textContent = `script-src ${base}; connect-src ${base}`
}
