/** Elements are built of names, attributes and text: nothing is ever parsed as markup. */

/**
 * @param {string} name
 * @param {Record<string, unknown>} [attributes] `on…` are listeners; true is an attribute without
 *   value, false and null are left out.
 * @param {...(Node | string)} children
 */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) made.addEventListener(key.slice(2), /** @type {EventListener} */ (value))
    else if (value === true) made.setAttribute(key, '')
    else if (value !== false && value !== null && value !== undefined)
      made.setAttribute(key, String(value))
  }
  made.append(...children)
  return made
}

/**
 * An element of the page that has to be there.
 * @param {string} id
 */
export function byId(id) {
  const found = document.getElementById(id)
  if (!found) throw new Error(`No #${id}`)
  return found
}

/**
 * Tell people who do not see the page.
 * @param {string} text
 */
export function announce(text) {
  byId('status').textContent = text
}
