"""Rules, dry runs and word lists as editors read and write them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from service.errors import FieldError, Invalid
from service.features.dry_run import DAYS, DAYS_MAX
from service.features.rulebook_document import WrittenRule, read_rule_text
from service.features.rulebook_trial import TEXT_MAX_CHARS
from service.features.screening import AuthorFacts
from service.web.wire.base import Timestamp, VersionNumber, Wire

StateName = Literal["draft", "shadow", "live"]
Comment = Annotated[str, StringConstraints(max_length=4_000)]
Share = Annotated[float, Field(ge=0, le=1)]
Lang = Literal["en", "fr", "ar", "ar-latn", "other"]
Entry = Annotated[str, StringConstraints(max_length=400)]


class WrittenIn(Wire):
    """A rule as docs/screening.md describes it, without id, version and state."""

    rule: dict[str, Any] | None = None
    text: Annotated[str, StringConstraints(max_length=100_000)] | None = None
    """The same in YAML: what is wrong is then told with line and column."""

    def written(self) -> WrittenRule | None:
        """Return the rule, in whichever form; None where there is none.

        A long text takes more than a second: not for the event loop.

        Raises:
            Invalid: there are two, or the YAML is none.
        """
        if self.text is None:
            return None if self.rule is None else WrittenRule(wish=self.rule, read=None)
        if self.rule is not None:
            detail = "Either `rule` or `text`."
            raise Invalid(
                detail, errors=(FieldError(pointer="/text", code="superfluous", detail=detail),)
            )
        return read_rule_text(self.text)


class RuleIn(WrittenIn):
    """A rule's next version: as JSON or as YAML."""

    comment: Comment = ""


class SwitchIn(Wire):
    """A version to be put into a state."""

    version: VersionNumber
    comment: Comment = ""


class LiveIn(Wire):
    """A version to be put into effect."""

    version: VersionNumber
    comment: Comment
    """Why; colleagues read it."""
    precision_floor: Share | None = None
    """Share of its hits that people must turn down, or it goes back to shadow."""


class OffIn(Wire):
    """Why a rule is switched off."""

    comment: Comment = ""


class RollBackIn(Wire):
    """The way back."""

    version: VersionNumber | None = None
    """One that was live before; null: the last other one."""
    comment: Comment
    """Why; colleagues read it."""


class TryAuthorIn(Wire):
    """Who would have written it."""

    approved: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    rejected: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    trusted: bool = False

    def facts(self) -> AuthorFacts:
        """Return them as rules see them."""
        return AuthorFacts(approved=self.approved, rejected=self.rejected, trusted=self.trusted)


class TryIn(WrittenIn):
    """A text to be tried, and a rule as it is being written, as if it were live."""

    comment: Annotated[str, StringConstraints(min_length=1, max_length=TEXT_MAX_CHARS)]
    """What a reader would write."""
    author: TryAuthorIn = TryAuthorIn()


class DryRunIn(WrittenIn):
    """What is tried on which time: a version, or a rule as it is being written.

    By the latter nothing can go live.
    """

    version: VersionNumber | None = None
    """Null: the latest."""
    days: Annotated[int, Field(ge=1, le=DAYS_MAX)] = DAYS


class WordListIn(Wire):
    """A list's next version."""

    title: Annotated[str, StringConstraints(max_length=400)] = ""
    langs: Annotated[list[Lang], Field(max_length=5, default_factory=list)]
    """Languages of texts it is looked for in; empty: all."""
    words: Annotated[list[Entry], Field(max_length=20_000)]
    """Words and phrases: `idiot{,s}` is two words, `motherfuck*` any that begins so."""
    comment: Comment = ""


class ListRunIn(Wire):
    """Which version of a list is tried, on which time."""

    version: VersionNumber | None = None
    """Null: the latest."""
    days: Annotated[int, Field(ge=1, le=DAYS_MAX)] = DAYS


class ListLiveIn(Wire):
    """A version of a list to be put into effect."""

    version: VersionNumber | None = None
    """Null: the latest."""
    comment: Comment
    """Why; colleagues read it in the log."""


class ListBackIn(Wire):
    """Why the version before is put back into effect."""

    comment: Comment


class LatelyOut(Wire):
    """What a version said in the last seven days."""

    hits: int
    rejected: int
    """Hits that people turned down."""
    approved: int


class DemotedOut(Wire):
    """When and why the service itself took a rule out of effect."""

    at: Timestamp
    because: Literal["too_often", "too_wrong"]
    figures: dict[str, Any]


class RuleOut(Wire):
    """A rule, its latest version, and which versions are in effect."""

    id: str
    title: str
    state: StateName
    shipped: bool
    """Whether it comes with Postbag."""
    revision: int
    """Of everything about it; the ETag of the rule."""
    latest_version: int
    live_version: int | None
    shadow_version: int | None
    went_live_at: Timestamp | None
    expected_share: float | None
    """Of comments, at most, by the dry run it went live with."""
    precision_floor: float | None
    demoted: DemotedOut | None
    changed_at: Timestamp
    rule: dict[str, Any]
    live: LatelyOut | None
    """Null where none is live."""
    shadow: LatelyOut | None


class RulesOut(Wire):
    """Every rule of a site, in the order they ship, its own after them."""

    items: list[RuleOut]
    next: None


class ByWhomOut(Wire):
    """Who did it."""

    kind: Literal["member", "key", "operator", "service"]
    name: str


class RuleVersionOut(Wire):
    """One version, which never changes."""

    version: int
    rule: dict[str, Any]
    comment: str | None
    by: ByWhomOut
    at: Timestamp


class RuleStateOut(Wire):
    """What became of a rule, one entry."""

    version: int
    state: StateName
    comment: str | None
    by: ByWhomOut
    at: Timestamp


class RuleFileOut(RuleOut):
    """A rule with its history, the latest first."""

    versions: list[RuleVersionOut]
    states: list[RuleStateOut]


class PlaceOut(Wire):
    """Where in the text a rule saw something."""

    span: list[int]
    """Half-open range of code points."""
    text: str
    via: list[str]
    """By which reading: `raw`, `norm`, `skeleton`, `masked`, `arabizi`."""


class SpokenOut(Wire):
    """What one rule said."""

    rule: str
    version: int
    state: StateName
    tried: bool
    """Whether it is the rule that was sent along."""
    action: str
    severity: int
    label: str
    places: list[PlaceOut]


class TrialOut(Wire):
    """What became of a text that was tried. Nothing is kept."""

    ruling: str
    """Of what is in effect."""
    publish: bool
    language: str
    tricks: list[str]
    """How the text hides its words."""
    norm: str
    """The text as rules read it."""
    skeleton: str
    signals: list[SpokenOut]


class ShownOut(Wire):
    """A comment that a report names."""

    comment_id: str
    article: str | None
    text: str | None
    """Null where it is not kept any more."""
    spans: list[list[int]]
    lang: str


class DryRunOut(Wire):
    """A rule tried on earlier comments."""

    id: str
    rule: str
    version: int | None
    lists: dict[str, int]
    """Versions of word lists that are tried with it, by name; none: those in effect."""
    state: Literal["waiting", "running", "done", "stopped", "failed"]
    since: Timestamp
    until: Timestamp
    total: int
    looked_at: int
    trouble: str | None
    at: Timestamp
    ended_at: Timestamp | None
    report: dict[str, Any] | None
    """Figures, once it is done: docs/screening.md describes them."""
    alarms: list[ShownOut]
    """Hits that people approved, the latest first."""
    newly: list[ShownOut]
    """Hits that the live version does not have."""
    no_longer: list[ShownOut]


class DryRunsOut(Wire):
    """The latest dry runs of a rule, without the comments they name."""

    items: list[DryRunOut]
    next: None


class WordListOut(Wire):
    """A list of words."""

    name: str
    version: int
    """0: the list that ships; the ETag of the list."""
    title: str
    langs: list[str]
    words: list[str]
    comment: str | None
    at: Timestamp
    live_version: int | None
    """In effect; null: the list that ships, if one does."""
    previous_version: int | None
    """In effect before, to roll back to; 0: the list that ships."""
    waits: bool
    """Whether this version is not in effect."""


class WordListHeadOut(Wire):
    """A list of words, without them."""

    name: str
    version: int
    title: str
    langs: list[str]
    size: int
    """Entries."""
    waits: bool
    """Whether this version is not in effect."""
    used_by: list[str]
    """Rules that name it."""


class WordListsOut(Wire):
    """Every list of a site."""

    items: list[WordListHeadOut]
    next: None
