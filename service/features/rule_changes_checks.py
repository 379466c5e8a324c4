"""Whether a rule that somebody wrote is one, and what is wrong with it, in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace
from pydantic import ValidationError

from service.errors import FieldError, Invalid
from service.features import text
from service.features.rulebook import written
from service.features.rulebook_text import field_errors
from service.features.screening import BadRules, Rule, RuleDocument, RuleSet, compile_rules
from service.features.screening.words import WordList

COMMENT_MAX_CHARS = 2_000
RESERVED = frozenset({"new", "try"})
"""What no rule is called: they stand in the same place in addresses."""


def checked(rule_id: str, wish: Mapping[str, Any]) -> Rule:
    """Read a rule as somebody wrote it; its id is in the address, state and version are ours.

    Raises:
        Invalid: it is no rule; pointers are below `/rule`.
    """
    if rule_id in RESERVED:
        detail = f"No rule is called {rule_id!r}."
        raise Invalid(
            detail, errors=(FieldError(pointer="/rule/id", code="bad_value", detail=detail),)
        )
    said = {key: value for key, value in wish.items() if key not in {"id", "version", "state"}}
    try:
        return Rule.model_validate({**said, "id": rule_id})
    except ValidationError as error:
        raise Invalid(errors=field_errors(error, wish, below="/rule")) from None


def compiled_alone(rule: Rule, lists: Mapping[str, WordList]) -> RuleSet:
    """Compile one rule as if it were live, to see what is wrong with it.

    Raises:
        BadRules: something is; pointers are below `/rule`.
    """
    alone = rule.model_copy(update={"state": "live"})
    try:
        document = RuleDocument.model_construct(version=1, rules=[alone], lists={})
        return compile_rules(document, lists=lists)
    except BadRules as error:
        told = [
            replace(one, pointer=one.pointer.replace("/rules/0", "/rule", 1))
            for one in error.errors
        ]
        errors = tuple(explained(one, {"rule": written(rule)}) for one in told)
        raise BadRules(errors[0].detail, errors=errors) from None


def explained(error: FieldError, whole: Mapping[str, Any]) -> FieldError:
    """Say of a pattern that RE2 refuses where in it, and what can be done.

    The pointer leads through `whole` to the pattern.
    """
    pattern = _at(whole, error.pointer)
    said = _REFUSED.match(error.detail)
    if error.code != "bad_pattern" or not isinstance(pattern, str) or said is None:
        return error
    fault, part = said["fault"].strip(), said["part"]
    if fault == "missing )":
        part = pattern[_never_closed(pattern) :]
    at = pattern.find(part) if part else -1
    where = f"Character {at + 1}, `{part}`: " if at >= 0 else ""
    advice = next((advice for known, advice in _ADVICE if known(fault, part)), f"{fault}.")
    return replace(error, detail=f"{where}{advice[:1].upper()}{advice[1:]}")


_REFUSED = re.compile(
    r"The pattern cannot be used: (?P<fault>[^:]+)(?:: (?P<part>.*))?\.\Z", re.DOTALL
)

Fits = Callable[[str, str], bool]

_ADVICE: tuple[tuple[Fits, str], ...] = (
    (
        lambda fault, part: "perl operator" in fault and part.startswith(("(?=", "(?!", "(?<")),
        "look-ahead and look-behind are not known, for they can take seconds; use `none`.",
    ),
    (
        lambda fault, part: "escape" in fault and part[1:2].isdecimal(),
        "references to an earlier group are not known, for they can take seconds.",
    ),
    (lambda fault, _: fault == "missing )", "this parenthesis is never closed."),
    (lambda fault, _: fault == "unexpected )", "this parenthesis was never opened; write \\)."),
    (lambda fault, _: fault == "missing ]", "this bracket is never closed."),
    (lambda fault, _: "no argument" in fault, "there is nothing to repeat; write \\ before it."),
    (
        lambda fault, _: "bad repetition" in fault,
        "what is repeated already cannot be repeated again.",
    ),
    (
        lambda fault, _: "repetition size" in fault,
        "repetitions may be at most 1,000 together, the smaller number first.",
    ),
    (lambda fault, _: "trailing" in fault, "a pattern cannot end in a single backslash."),
)
"""What RE2 says, and what an editor is told."""


def _never_closed(pattern: str) -> int:
    """Return where the innermost parenthesis stands that is never closed; 0 where none is."""
    opened: list[int] = []
    in_class = False
    for token in re.finditer(r"\\.|.", pattern, re.DOTALL):
        match token.group():
            case "[":
                in_class = True
            case "]":
                in_class = False
            case "(" if not in_class:
                opened.append(token.start())
            case ")" if not in_class and opened:
                opened.pop()
    return opened[-1] if opened else 0


def _at(whole: Mapping[str, Any], pointer: str) -> Any:
    """Return what a pointer leads to, or None."""
    value: Any = whole
    for step in pointer.split("/")[1:]:
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def comment_of(said: str, *, needed: bool) -> str | None:
    """Clean what somebody says of a change; None where nothing is said.

    Raises:
        Invalid: it is too long, or needed and missing.
    """
    clean = text.clean_note(said, max_chars=COMMENT_MAX_CHARS, pointer="/comment")
    if needed and not clean:
        detail = "Say why: colleagues read it beside the rule."
        raise Invalid(
            detail, errors=(FieldError(pointer="/comment", code="missing", detail=detail),)
        )
    return clean or None
