import { h } from './dom.js'

const TAGS = { __proto__: null, p: 'p', quote: 'blockquote', item: 'li', em: 'em', strong: 'strong', del: 'del', br: 'br' }

/**
 * Build the elements of a body's tree (api.md, "Body"). A name it does not know keeps its words.
 * @param {any[]} nodes
 * @param {boolean} [outer] Outermost blocks find their own direction.
 * @returns {(Node | string)[]}
 */
export const tree = (nodes, outer) =>
  nodes.map((node) => {
    if (typeof node === 'string') return node
    const inside = tree(node.c ?? [])
    const dir = outer ? 'auto' : null
    if (node.t === 'code') {
      const code = h('code', null, node.text)
      return outer || node.text.includes('\n') ? h('pre', { dir }, code) : code
    }
    if (node.t === 'link' && /^https?:\/\//i.test(node.href)) {
      return h('a', { href: node.href, rel: 'ugc nofollow noopener' }, inside)
    }
    const tag = node.t === 'list' ? (node.ordered ? 'ol' : 'ul') : TAGS[node.t]
    return h(tag ?? 'span', { dir }, inside)
  })
