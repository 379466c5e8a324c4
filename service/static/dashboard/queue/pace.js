/** What the newsroom got done in the last hour, for whoever has nothing left to do. */

import { ApiError, ask } from '../api.js'
import { byId } from '../dom.js'
import { page, say } from '../page.js'

const AGAIN_MS = 60_000
let asked = -AGAIN_MS

export async function tell() {
  const place = byId('pace')
  if (performance.now() - asked > AGAIN_MS) {
    asked = performance.now()
    try {
      const { decided, median_minutes: median } = await ask('GET', `/v1/moderation/pace?site=${page.queue.site}`)
      place.textContent = say(median === null ? 'pace_none' : 'pace', { n: decided, median })
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      return
    }
  }
  place.hidden = byId('empty').hidden
}
