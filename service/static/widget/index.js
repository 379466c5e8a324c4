import { PostbagComments } from './element.js'

// A page may load the script twice, by two versions of its template.
if (!customElements.get('postbag-comments')) customElements.define('postbag-comments', PostbagComments)
