/**
 * Build an element. Children are nodes or strings, never markup; `on…` properties are listeners.
 * Its classes are its parts as well, for sites to style; `docs/widget.md` says which stay.
 * @param {string} tag
 * @param {Record<string, any> | null} [properties]
 * @param {...any} children
 * @returns {any}
 */
export const h = (tag, properties, ...children) => {
  const node = document.createElement(tag)
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (name === 'class' && value) node.setAttribute('part', value)
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value)
    else if (value != null && value !== false) node.setAttribute(name, value === true ? '' : value)
  }
  node.append(...children.flat().filter((child) => child != null && child !== false))
  return node
}

/** Build a button that does something; `h('button')` is one that sends a form. */
export const press = (/** @type {string} */ style, /** @type {any} */ words, /** @type {() => void} */ onclick, /** @type {any} */ more = null) =>
  h('button', { type: 'button', class: style, onclick, ...more }, words)

/** Read JSON of this device's storage; null when there is none or storage is blocked. */
export const recall = (/** @type {string} */ key) => {
  try {
    return JSON.parse(localStorage.getItem(key) ?? 'null')
  } catch {
    return null
  }
}

/** Keep JSON on this device, or forget it; a full or blocked storage is no error. */
export const keep = (/** @type {string} */ key, /** @type {any} */ value) => {
  try {
    if (value == null) localStorage.removeItem(key)
    else localStorage.setItem(key, JSON.stringify(value))
  } catch {
    // The page still works; only what should survive a reload does not.
  }
}
