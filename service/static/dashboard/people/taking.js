/** What is taken away as a table needs a fresh proof: it is asked for before the browser goes there. */

import { ask } from '../api.js'
import { prove } from '../proof.js'

for (const each of document.querySelectorAll('a[download]')) {
  const link = /** @type {HTMLAnchorElement} */ (each)
  link.addEventListener('click', async (event) => {
    event.preventDefault()
    const me = await ask('GET', '/v1/session')
    if (Date.parse(me.proof_until) > Date.now() || (await prove())) location.assign(link.href)
  })
}
