/** Plots one can walk through: the figures of a mark below its plot, by pointer and by arrow keys. */
for (const plot of document.querySelectorAll('svg.plot')) {
  const marks = [...plot.querySelectorAll('[data-row]')]
  if (!marks.length) continue
  const said = document.createElement('p')
  said.className = 'st-said'
  said.setAttribute('role', 'status')
  plot.after(said)
  let at = -1

  const show = (/** @type {number} */ place) => {
    marks[at]?.classList.remove('at')
    at = place
    marks[at]?.classList.add('at')
    said.textContent = marks[at]?.querySelector('title')?.textContent ?? ''
  }

  plot.setAttribute('tabindex', '0')
  plot.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[/** @type {KeyboardEvent} */ (event).key]
    if (!step) return
    event.preventDefault()
    show(Math.min(Math.max(at + step, 0), marks.length - 1))
  })
  plot.addEventListener('pointerover', (event) => {
    const place = marks.indexOf(/** @type {Element} */ (event.target))
    if (place >= 0) show(place)
  })
  plot.addEventListener('blur', () => show(-1))
}
