/** Times of the page in the clock of whoever looks at it; the server writes UTC. */

import { page } from '../page.js'

const written = new Intl.DateTimeFormat(page.lang, { dateStyle: 'medium', timeStyle: 'short' })

for (const each of document.querySelectorAll('time[datetime]')) {
  each.setAttribute('title', each.textContent ?? '')
  each.textContent = written.format(new Date(/** @type {HTMLTimeElement} */ (each).dateTime))
}
