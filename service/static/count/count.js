// Fills in how many comments articles have: one cacheable request for all of a page's places.
// Besides our own it knows the places of Disqus, Coral, remark42, Isso and Artalk.
;(() => {
  const { src, dataset } = document.currentScript
  const url = (place) => (place.hash === '#disqus_thread' || place.hash === '#isso-thread' ? place.pathname : null)
  const key = (place) => {
    const { postbagCount, disqusIdentifier, coralId, url: remark, issoId, pageKey } = place.dataset
    return postbagCount ?? disqusIdentifier ?? coralId ?? remark ?? issoId ?? pageKey ?? url(place)
  }
  const places = [...document.querySelectorAll('[data-postbag-count],[href$="#disqus_thread"],.disqus-comment-count,.coral-count,.remark42__counter,[href$="#isso-thread"],.artalk-comment-count')].filter(key)
  const keys = [...new Set(places.map(key))].sort().slice(0, 200)
  if (!keys.length) return
  fetch(`${new URL(src).origin}/v1/sites/${dataset.site}/counts?${keys.map((each) => `article=${encodeURIComponent(each)}`).join('&')}`)
    .then((response) => response.json())
    .then(({ counts }) => {
      for (const place of places) {
        const n = counts[key(place)]
        const lang = place.closest('[lang]')?.lang || 'en'
        const own = place.dataset
        const form = new Intl.PluralRules(lang).select(n)
        const text = own['postbag' + form[0].toUpperCase() + form.slice(1)] ?? own.postbagOther ?? (own.postbagCount ? '{n}' : '{n}')
        place.textContent = text.replace('{n}', new Intl.NumberFormat(lang, { notation: 'compact' }).format(n))
      }
    })
    .catch(() => {}) // what the server printed stays
})()
