"""The rules every site begins with, as they can be read in `shipped.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

from service.features.screening.rules import RuleDocument


@cache
def shipped_rules() -> RuleDocument:
    """Return the document that comes with Postbag.

    Its live rules only hold, flag or raise; what refuses, rejects or publishes is for a
    newsroom to write.
    """
    written = resources.files(__package__).joinpath("shipped.toml").read_text("utf-8")
    return RuleDocument.model_validate(tomllib.loads(written))
