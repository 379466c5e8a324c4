"""The templates: every value is escaped unless it is HTML already."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("service", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


@cache
def template(name: str) -> Template:
    """Return a compiled template of `service/templates/`."""
    return _environment().get_template(name)


def render(name: str, **values: object) -> bytes:
    """Fill a template in.

    Raises:
        jinja2.UndefinedError: it asks for a value that was not given.
    """
    return template(name).render(values).encode()  # by position: a value may be called `self`
