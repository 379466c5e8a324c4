// Fills in how many comments articles have: one cacheable request for all the places of a page.
// Besides our own it knows those of Disqus, Coral, remark42, Isso and Artalk.
{
  const { src, dataset } = document.currentScript
  const words = { fr: 'Commentaires', ar: 'التعليقات' }
  const known =
    '[data-postbag-count],.disqus-comment-count,[href$="#disqus_thread"],.coral-count,.remark42__counter,[href$="#isso-thread"],.artalk-comment-count'
  const key = ({ dataset: own, href, pathname }) =>
    own.postbagCount ?? own.disqusIdentifier ?? own.disqusUrl ?? own.coralId ?? own.coralUrl ?? own.issoId ?? own.pageKey ?? own.url ?? (/isso/.test(href) ? pathname : href?.split('#')[0])
  const fill = (place, n) => {
    const own = place.dataset
    const lang = place.closest('[lang]')?.lang || 'en'
    const form = new Intl.PluralRules(lang).select(n)
    const bare = own.coralNotext || place.matches('.remark42__counter,.artalk-comment-count')
    const text = own['postbag' + form[0].toUpperCase() + form.slice(1)] ?? own.postbagOther ?? (bare ? '{n}' : `${words[lang.slice(0, 2)] ?? 'Comments'} ({n})`)
    place.textContent = text.replace('{n}', new Intl.NumberFormat(lang, { notation: 'compact' }).format(n))
  }
  const ask = async (places, keys) => {
    const query = keys.map((each) => `article=${encodeURIComponent(each)}`).join('&')
    // A CDN may answer from what it has; the browser must not, or it undoes what the server just printed.
    const response = await fetch(`${new URL(src).origin}/v1/sites/${dataset.site}/counts?${query}`, { cache: 'no-cache' })
    const { counts } = await response.json()
    for (const place of places) if (key(place) in counts) fill(place, counts[key(place)])
  }
  const run = () => {
    const places = [...document.querySelectorAll(known)].filter(key)
    const keys = [...new Set(places.map(key))].sort()
    // What the server printed stays when this fails.
    for (let from = 0; from < keys.length; from += 200) ask(places, keys.slice(from, from + 200)).catch(() => {})
  }
  if (document.readyState === 'loading') addEventListener('DOMContentLoaded', run)
  else run()
}
