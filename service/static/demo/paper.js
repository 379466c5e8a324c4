/**
 * Light or dark: as the reader's system says, until they choose otherwise here.
 * The choice stays on this device.
 */
const KEY = 'paper-theme'
const root = document.documentElement
const dark = matchMedia('(prefers-color-scheme: dark)')

/** @returns {string} the theme in effect: `light` or `dark` */
const current = () => root.dataset.theme ?? (dark.matches ? 'dark' : 'light')

/** @returns {string | null} what was chosen here before */
function remembered() {
  try {
    return localStorage.getItem(KEY)
  } catch {
    return null // storage may be forbidden
  }
}

/** @param {string} theme */
function choose(theme) {
  root.dataset.theme = theme
  for (const comments of document.querySelectorAll('postbag-comments')) comments.setAttribute('theme', theme)
}

function ready() {
  const button = document.querySelector('[data-theme-switch]')
  if (!button) return
  if (root.dataset.theme) choose(root.dataset.theme)
  const tell = () => button.setAttribute('aria-pressed', String(current() === 'dark'))
  button.addEventListener('click', () => {
    choose(current() === 'dark' ? 'light' : 'dark')
    tell()
    try {
      localStorage.setItem(KEY, current())
    } catch {
      // then it is for this page alone
    }
  })
  dark.addEventListener('change', tell)
  tell()
  button.removeAttribute('hidden')
}

const before = remembered()
if (before === 'light' || before === 'dark') root.dataset.theme = before
if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', ready)
else ready()
