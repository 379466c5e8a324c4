/** Searches one keeps on this site, as views of the queue; the search page has the same ones. */

import { ApiError, ask } from '../api.js'
import { announce, byId, element } from '../dom.js'
import { page, say } from '../page.js'

const PLACE = `/v1/sites/${page.queue.site}/searches`

/** @param {import('./desk.js').Desk} desk */
export async function show(desk) {
  const place = byId('views-body')
  try {
    const { items } = await ask('GET', PLACE)
    place.replaceChildren(
      ...(items.length
        ? [element('ul', { class: 'plain' }, ...items.map((/** @type {any} */ each) => row(each, desk)))]
        : [element('p', { class: 'hint' }, say('no_views'))]),
      keeping(desk),
    )
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    place.replaceChildren(element('p', {}, error.sentence))
  }
}

/** @param {{ search_id: string, name: string, q: string }} each @param {import('./desk.js').Desk} desk */
function row({ search_id: id, name, q }, desk) {
  const lane = /(?:^|\s)lane:/.test(q) ? '' : ` lane:${page.queue.lane}`
  const href = `/moderate/?${new URLSearchParams({ site: page.queue.site, filter: q + lane })}`
  const drop = async () => {
    await ask('DELETE', `${PLACE}/${id}`)
    await show(desk)
    byId('view-name').focus()
  }
  return element(
    'li',
    { class: 'q-view' },
    element('a', { href }, element('bdi', {}, name)),
    element('button', { type: 'button', class: 'small', 'aria-label': say('drop_view', { name }), onclick: drop }, '×'),
  )
}

/** @param {import('./desk.js').Desk} desk */
function keeping(desk) {
  const field = /** @type {HTMLInputElement} */ (
    element('input', { id: 'view-name', required: true, maxlength: 60, autocomplete: 'off' })
  )
  const onsubmit = async (/** @type {Event} */ event) => {
    event.preventDefault()
    try {
      await ask('POST', PLACE, { name: field.value, q: `lane:${page.queue.lane} ${desk.filter}`.trim() })
      announce(say('view_kept', { name: field.value }))
      await show(desk)
      byId('view-name').focus()
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      announce(error.sentence)
      field.setCustomValidity(error.sentence)
      field.reportValidity()
      field.setCustomValidity('')
    }
  }
  return element(
    'form',
    { class: 'stack', onsubmit },
    element('label', { for: 'view-name' }, say('keep_view')),
    field,
    element('button', {}, say('keep')),
  )
}
