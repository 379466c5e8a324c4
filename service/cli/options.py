"""Every setting as an option, before or after the command's name."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import click

from service.settings import Settings, meta, option, variable

P = ParamSpec("P")
R = TypeVar("R")

PREFIX = "setting_"
"""Keeps a setting's value apart from a command's own parameter of the same name."""


def with_settings(
    *shown: str,
) -> Callable[[Callable[Concatenate[Settings, P], R]], Callable[P, R]]:
    """Give a command the settings as its first argument, and an option for each of them.

    The fields named are listed in the command's help; the others in that of `postbag`.
    What stands after the command's name wins over what stands before it. Calling the command
    raises BadSettings when a value is not accepted.
    """

    def decorate(command: Callable[Concatenate[Settings, P], R]) -> Callable[P, R]:
        @functools.wraps(command)
        def called(*positional: Any, **given: Any) -> R:
            own = take_options(given)
            before: dict[str, str] = click.get_current_context().find_root().obj or {}
            return command(Settings.load(before | own), *positional, **given)

        offered: Callable[..., R] = called
        for name in reversed(_offered()):
            offered = _option(name, hidden=name not in shown)(offered)
        return offered

    return decorate


def root_options(command: Callable[..., R]) -> Callable[..., R]:
    """Give the root command every option; it hands them on with `take_options`."""
    for name in reversed(_offered()):
        command = _option(name, hidden=False)(command)
    return command


def take_options(given: dict[str, Any]) -> dict[str, str]:
    """Take the settings that were given out of a command's parameters, by field name."""
    taken = {
        name.removeprefix(PREFIX): given.pop(name) for name in list(given) if _is_setting(name)
    }
    return {name: value for name, value in taken.items() if value is not None}


def _is_setting(parameter: str) -> bool:
    return parameter.startswith(PREFIX)


def _offered() -> list[str]:
    return [name for name, field in Settings.model_fields.items() if meta(field)["option"]]


def _option(name: str, *, hidden: bool) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Leave values as they are typed: the settings judge them, in one place and one way."""
    field = Settings.model_fields[name]
    return click.option(
        option(name),
        PREFIX + name,
        metavar=meta(field)["unit"].upper().replace(" ", "-"),
        hidden=hidden,
        help=f"{(field.description or '').replace('`', '')} [{variable(name)}]",
    )
