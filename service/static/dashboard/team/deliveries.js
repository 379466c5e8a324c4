/** What was sent to a webhook, and can be sent once more. */

import { ask } from '../api.js'
import { reloadSaying } from '../asking.js'
import { attempt } from '../entrance.js'
import { page, say } from '../page.js'

const { site, id } = page.webhook
const deliveries = `/v1/sites/${encodeURIComponent(site)}/webhooks/${id}/deliveries`

for (const row of document.querySelectorAll('tr[data-delivery]')) {
  const { delivery } = /** @type {HTMLElement} */ (row).dataset
  const button = /** @type {HTMLElement | null} */ (row.querySelector('[data-again]'))
  button?.addEventListener('click', () =>
    attempt(button, async () => {
      await ask('POST', `${deliveries}/${delivery}/redeliver`)
      reloadSaying(say('webhook_again'))
    }),
  )
}
