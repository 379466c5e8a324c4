"""The templates: every value is escaped unless it is HTML already."""

from __future__ import annotations

from functools import cache

import jinja2


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("service", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


@cache
def template(name: str) -> jinja2.Template:
    """Return a compiled template of `service/templates/`."""
    return _environment().get_template(name)


def render(name: str, **values: object) -> bytes:
    """Fill a template in.

    Raises:
        jinja2.UndefinedError: it asks for a value that was not given.
    """
    return template(name).render(values).encode()  # by position: a value may be called `self`
