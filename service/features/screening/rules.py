"""The document of rules: what an editor may write, checked before it is kept.

Conditions and actions are a closed set, so that a rule is data: it can be read aloud,
tried on history, and costs a bounded time on any text. `docs/decisions/0014` says why.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from service.features.screening.language import Code

RULES_MAX = 500
LEAVES_MAX = 32
"""Conditions of one rule."""
DEPTH_MAX = 3
"""Groups inside groups."""
TERMS_MAX = 20_000
"""Words of one list, and of all words written into rules."""
REGEX_MAX = 512
"""Code points of a pattern."""
MINUTES_MAX = 7 * 24 * 60
"""A week: how far back a rule may count."""

State = Literal["draft", "shadow", "live"]
"""Kept only; tried and counted without effect; in effect."""

Effect = Literal["refuse", "reject", "hold", "shadow_limit", "flag", "approve", "raise", "none"]

STRENGTH: Final[tuple[Effect, ...]] = (
    "refuse", "reject", "hold", "shadow_limit", "flag", "approve", "raise", "none",
)  # fmt: skip
"""Strongest first: which effect wins when several rules speak."""

RuleId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{3,64}$")]
ListName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}$")]
Term = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Share = Annotated[float, Field(ge=0, le=1)]
Minutes = Annotated[int, Field(ge=1, le=MINUTES_MAX)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class Strict(BaseModel):
    """Frozen, and nothing but what is named."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, strict=True, defer_build=True
    )


class Bounded(Strict):
    """A condition that says nothing without at least one of its fields."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("needs at least one of its fields")
        return self


class Text(Strict):
    """Words, phrases, a list or a pattern stand in the text."""

    words: Annotated[list[Term], Field(max_length=TERMS_MAX)] = []
    phrases: Annotated[list[Term], Field(max_length=TERMS_MAX)] = []
    list_: Annotated[ListName | None, Field(alias="list")] = None
    regex: Annotated[str, StringConstraints(min_length=1, max_length=REGEX_MAX)] | None = None
    view: Literal["raw", "norm", "skeleton", "both"] = "both"
    """Where to look; a pattern reads `raw`, or else `norm` and, for `both`, the skeleton."""
    arabizi: bool = False
    """Also Arabic words in Latin letters, by their consonants."""
    min: Annotated[int, Field(ge=1, le=64)] = 1
    """Places at least."""

    @model_validator(mode="after")
    def _looks_for_something(self) -> Self:
        if not (self.words or self.phrases or self.list_ or self.regex):
            raise ValueError("needs words, phrases, list or regex")
        if self.view == "raw" and (self.words or self.phrases or self.list_):
            raise ValueError("words are compared in the views norm and skeleton, never raw")
        return self


class Links(Bounded):
    """How many links it has."""

    min: Count | None = None
    max: Count | None = None


class LinkDomain(Strict):
    """A link leads to one of these hosts, or below it."""

    list_: Annotated[ListName | None, Field(alias="list")] = None
    domains: Annotated[list[Term], Field(max_length=TERMS_MAX)] = []

    @model_validator(mode="after")
    def _names_hosts(self) -> Self:
        if not (self.list_ or self.domains):
            raise ValueError("needs list or domains")
        return self


class Length(Bounded):
    """Code points of the text."""

    min: Count | None = None
    max: Count | None = None


class CapsRatio(Strict):
    """Share of capitals among letters that have them."""

    above: Share
    letters_min: Annotated[int, Field(ge=1, le=10_000)] = 20


class Lang(Strict):
    """The language of the text, as far as it can be told."""

    among: Annotated[list[Code], Field(min_length=1, max_length=5)]


class AuthorIs(Bounded):
    """The author's record with the site."""

    kind: Literal["guest", "reader", "backend"] | None = None
    approved_min: Count | None = None
    approved_max: Count | None = None
    rejected_min: Count | None = None
    rejected_rate_min: Share | None = None
    rejected_rate_max: Share | None = None
    age_hours_min: Count | None = None
    age_hours_max: Count | None = None
    """Hours since the first comment; an author never seen is of age 0."""
    trust_below: Annotated[int, Field(ge=1, le=3)] | None = None
    """0 new, 1 known, 2 a regular, 3 trusted."""
    trust_min: Annotated[int, Field(ge=1, le=3)] | None = None


class ArticleIs(Bounded):
    """The article."""

    keys: Annotated[list[Name], Field(max_length=200)] | None = None
    sections: Annotated[list[Name], Field(max_length=200)] | None = None
    tags: Annotated[list[Name], Field(max_length=200)] | None = None
    age_hours_min: Count | None = None
    age_hours_max: Count | None = None
    """Hours since publication; without a date neither bound is met."""


class ThreadIs(Bounded):
    """Where in the thread."""

    depth_min: Count | None = None
    replies_min: Count | None = None


class Reports(Strict):
    """Readers have reported it."""

    min: Annotated[int, Field(ge=1, le=1_000_000)]


class Cluster(Strict):
    """Many have sent nearly the same."""

    size_min: Annotated[int, Field(ge=2, le=1_000_000)]
    authors_min: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    within_minutes: Minutes = MINUTES_MAX
    rejected_min: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """People rejected so many of them."""
    approved_max: Annotated[int, Field(ge=0, le=1_000_000)] | None = None


class Score(Bounded):
    """A model's probability."""

    model: Literal["abuse", "spam"]
    above: Share | None = None
    below: Share | None = None

    @model_validator(mode="after")
    def _bounds_it(self) -> Self:
        if self.above is None and self.below is None:
            raise ValueError("needs above or below")
        return self


class Rate(Strict):
    """The author, or the network address, has sent so many comments lately, this one included."""

    by: Literal["author", "address"] = "author"
    min: Annotated[int, Field(ge=2, le=100)]
    within_minutes: Minutes


class Repeat(Strict):
    """The author, or the same address, has sent the same text before."""

    within_minutes: Minutes
    min: Annotated[int, Field(ge=1, le=100)] = 1
    """Earlier ones at least."""
    length_min: Annotated[int, Field(ge=1, le=10_000)] = 12
    """Code points below which the same text is no sign of anything: "Thank you!"."""


class History(Strict):
    """Of the author's recent comments that were decided, so many were turned down."""

    rejected_min: Annotated[int, Field(ge=1, le=100)]
    rejected_rate_min: Share = 0.0
    within_minutes: Minutes = MINUTES_MAX


Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Clock = Annotated[time, Field(strict=False)]


class Hours(Strict):
    """The time of day where the newsroom is; `from` may be later than `to`, over midnight."""

    from_: Annotated[Clock, Field(alias="from")]
    to: Clock
    days: Annotated[list[Day], Field(min_length=1, max_length=7)] = list(DAYS)
    """Days on which the span begins."""
    zone: Annotated[str, StringConstraints(max_length=64)] = "UTC"

    @model_validator(mode="after")
    def _knows_the_zone(self) -> Self:
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"unknown zone {self.zone!r}") from error
        if self.from_ == self.to:
            raise ValueError("from and to must differ")
        return self


class RuleHit(Strict):
    """Another live rule spoke, at least this severe. Only rules without this condition count."""

    severity_min: Annotated[int, Field(ge=0, le=10)]


class Condition(Strict):
    """One condition, or a group of them: exactly one kind, or any of `all`, `any`, `none`."""

    all: list[Condition] | None = None
    any: list[Condition] | None = None
    none: list[Condition] | None = None
    text: Text | None = None
    links: Links | None = None
    link_domain: LinkDomain | None = None
    length: Length | None = None
    caps_ratio: CapsRatio | None = None
    lang: Lang | None = None
    author: AuthorIs | None = None
    article: ArticleIs | None = None
    thread: ThreadIs | None = None
    reports: Reports | None = None
    cluster: Cluster | None = None
    score: Score | None = None
    rate: Rate | None = None
    repeat: Repeat | None = None
    history: History | None = None
    hours: Hours | None = None
    rule_hit: RuleHit | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        kinds = self.model_fields_set - GROUPS
        groups = self.model_fields_set & GROUPS
        if len(kinds) + bool(groups) != 1:
            raise ValueError("is exactly one kind of condition, or a group of all, any, none")
        if groups == {"none"} and not self.none:
            raise ValueError("an empty group says nothing")
        if groups and not any(self.members(group) for group in groups):
            raise ValueError("an empty group says nothing")
        return self

    @property
    def kind(self) -> str | None:
        """Name of the condition; None for a group."""
        kinds = self.model_fields_set - GROUPS
        return next(iter(kinds)) if kinds else None

    def members(self, group: str) -> list[Condition]:
        """Return the members of one of the group's lists; empty when it has none."""
        members: list[Condition] | None = getattr(self, group)
        return members or []

    def leaves(self) -> Iterator[Condition]:
        """Yield every condition that is not a group."""
        if self.kind:
            yield self
        for group in sorted(GROUPS):
            for member in self.members(group):
                yield from member.leaves()

    @property
    def judged(self) -> bool:
        """Whether it is met only by what people have rejected, nearly word for word."""
        return self.cluster is not None and self.cluster.rejected_min >= JUDGED_MIN

    def depth(self) -> int:
        """Count the groups inside groups; 0 for a single condition."""
        if self.kind:
            return 0
        within = (member.depth() for group in GROUPS for member in self.members(group))
        return 1 + max(within, default=0)


GROUPS: Final = frozenset({"all", "any", "none"})

GROUNDS: Final = frozenset({"text", "links", "link_domain", "rate", "repeat"})
"""What somebody did, seen without guessing: a rule may refuse or reject on these only."""

JUDGED_MIN: Final = 3
"""Comments of a cluster that people rejected, from which on a rule may reject what is like them."""

NARROWS: Final = GROUNDS | {"length", "caps_ratio", "author", "article", "thread", "hours"}
"""What such a rule may ask besides."""


class Scope(Strict):
    """Where a rule is looked at."""

    sites: Annotated[list[Name], Field(min_length=1, max_length=1_000)] = ["*"]
    sections: Annotated[list[Name], Field(min_length=1, max_length=200)] = ["*"]
    langs: Annotated[list[Code], Field(min_length=1, max_length=5)] | None = None
    authors: AuthorIs | None = None


Notify = Literal["moderator", "senior", "editor", "admin"]
"""Who may be told of a comment at once."""


class Then(Strict):
    """What a rule does."""

    action: Effect
    severity: Annotated[int, Field(ge=0, le=10)] = 0
    """1 an insult, 3 hate, 10 a threat or somebody's address."""
    raise_: Annotated[float, Field(alias="raise", ge=1, le=10, strict=False)] = 1.0
    """Times more urgent."""
    reason: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,64}$")] | None = None
    """What the author is told, and what a moderator is offered."""
    note: Annotated[str, StringConstraints(max_length=500)] | None = None
    """For colleagues."""
    tell: Annotated[str, StringConstraints(min_length=1, max_length=300)] | None = None
    """What the author of a refused comment is told instead of the reason's own sentence."""
    notify: bool | Notify = False
    """Tell everybody of this role or a higher one at once; `true`: seniors."""

    @property
    def notifies(self) -> Notify | None:
        """Return the least role that is told."""
        return "senior" if self.notify is True else self.notify or None


class Rule(Strict):
    """One rule."""

    id: RuleId
    version: Annotated[int, Field(ge=1)] = 1
    title: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    state: State = "draft"
    scope: Scope = Scope()
    when: Condition
    then: Then

    @model_validator(mode="after")
    def _is_bounded(self) -> Self:
        leaves = list(self.when.leaves())
        if len(leaves) > LEAVES_MAX:
            raise ValueError(f"has {len(leaves)} conditions, at most {LEAVES_MAX} are allowed")
        if self.when.depth() > DEPTH_MAX:
            raise ValueError(f"groups may stand at most {DEPTH_MAX} deep")
        if self.then.action in ("refuse", "reject"):
            self._has_grounds(leaves)
        return self

    def _has_grounds(self, leaves: list[Condition]) -> None:
        for leaf in leaves:
            if leaf.judged and self.then.action == "reject":
                continue
            if leaf.kind not in NARROWS or (leaf.text is not None and leaf.text.arabizi):
                raise ValueError(
                    f"may not {self.then.action} by {leaf.kind}: only what can be seen without"
                    " guessing refuses or rejects"
                )
        if not _grounded(self.when):
            raise ValueError(
                f"may {self.then.action} only where text, links or a rate are part of every way"
                " to match"
            )


class RuleDocument(Strict):
    """All rules of a site, with the word lists that are its own."""

    version: Literal[1] = 1
    """Of the format."""
    rules: Annotated[list[Rule], Field(max_length=RULES_MAX)] = []
    lists: dict[ListName, Annotated[list[Term], Field(max_length=TERMS_MAX)]] = {}
    """By name; one with the name of a shipped list takes its place."""

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [rule.id for rule in self.rules]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"the id {twice[0]!r} is used twice")
        if sum(map(len, self.lists.values())) > TERMS_MAX * 5:
            raise ValueError(f"lists may have {TERMS_MAX * 5} words together")
        return self


def _grounded(condition: Condition) -> bool:
    """Whether every way to meet a condition involves something somebody did."""
    if condition.kind:
        return condition.kind in GROUNDS or condition.judged
    if any(_grounded(member) for member in condition.members("all")):
        return True
    options = condition.members("any")
    return bool(options) and all(_grounded(member) for member in options)
