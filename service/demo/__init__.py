"""The demo site: a small fictional newspaper and the conversation under its articles.

Everything here is invented and harmless. The texts live in `content/*.toml`, one
file an article with its whole thread; `content` reads them. Nothing in this
package writes to a database.
"""
