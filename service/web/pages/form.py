"""The form of a comment: taken in like any other, answered with a page to go on to."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from service.errors import Failure, Forbidden, Invalid, Unavailable
from service.features.articles import ArticleDirectory
from service.features.intake import Accepted, Intake
from service.features.lookup import Lookup
from service.features.submission import Submission, sent_by_guest
from service.features.threads import UnknownParent
from service.model import Article, Status, article_id
from service.web import cors
from service.web.operation import FORM, HTML, READER_BODY_BYTES, Call, Operation, Reply
from service.web.pages.asked import Notice, id_of, language_of
from service.web.pages.files import TAG
from service.web.pages.places import Places, anchor, origin_of, own_url, return_address, with_notice
from service.web.pages.policy import PAGE_HEADERS
from service.web.pages.shown import Composer, Errors, Parent, Showing, ThreadShown
from service.web.pages.thread import written_page
from service.web.pages.words import Tongue, tongue_of
from service.web.problems import problem
from service.web.wire.base import Wire

FORM_BODY_BYTES = 3 * READER_BODY_BYTES
"""Three characters write a byte that is no ASCII: as much text as JSON may carry."""

FIELDS = {"/body": "body", "/author/name": "name", "/author/email": "email"}
LIMITS = {"name": 80, "email": 254}
"""Characters the text policy lets stand in a field; the body's are the site's to say."""


class Trapped(Invalid):
    """The field that people do not see was filled in."""

    code = "trap"
    title = "A hidden field was filled in."


class CommentForm(Wire):
    """What the form sends; what is missing is empty."""

    body: str = ""
    name: str = ""
    email: str = ""
    website: str = ""
    """A trap for programs: hidden, and to be left empty."""
    parent_id: str = ""
    lang: str = ""
    back: str = ""
    """Where to go on: a page of the site's origins or of ours."""


class Forms(Struct, frozen=True, kw_only=True):
    """Comments sent without JavaScript."""

    intake: Intake
    articles: ArticleDirectory
    lookup: Lookup
    hash_address: Callable[[str], str]
    public_url: str | None

    def operations(self) -> list[Operation]:
        """Return the table of forms."""
        return [
            Operation(
                operation_id="post_form",
                method="POST",
                path="/v1/sites/{site}/articles/{article}/comments.html",
                summary="Post a comment by a form",
                description="303: it was taken in; the page it leads to says so. What cannot be"
                " taken in comes back as a page with the form as it was filled in.",
                tag=TAG,
                body=CommentForm,
                body_media=FORM,
                body_limit=FORM_BODY_BYTES,
                answers=dict.fromkeys((303, 403, 404, 409, 422, 429, 503), HTML),
                cors=True,
                handler=self.post,
            )
        ]

    async def post(self, call: Call) -> Reply:
        """Take a comment in, and lead back to where it was written."""
        sent = call.body_as(CommentForm)
        own = cors.own_origins(self.public_url, call.headers.get("Host", ""))
        back = return_address(sent.back, call.site, own=own)
        try:
            if sent.website:
                raise Trapped
            accepted = await self.intake.accept(
                self._submission(call, sent, back, own), now=call.now
            )
        except Failure as failure:
            return await self._again(call, sent, failure, own=own)
        return _lead_on(call, sent, accepted, back)

    def _submission(
        self, call: Call, sent: CommentForm, back: str | None, own: frozenset[str]
    ) -> Submission:
        if sent.parent_id and id_of(sent.parent_id) is None:
            raise UnknownParent
        is_the_sites = back is not None and not back.startswith("/") and origin_of(back) not in own
        return Submission(
            site=call.site,
            article_key=call.article,
            body=sent.body,
            parent_id=id_of(sent.parent_id),
            article_url=back.partition("#")[0] if back and is_the_sites else None,
            lang=language_of(sent.lang),
            address_hash=self.hash_address(call.network),
            **sent_by_guest(None, name=sent.name, email=sent.email.strip() or None),
        )

    async def _again(
        self, call: Call, sent: CommentForm, failure: Failure, *, own: frozenset[str]
    ) -> Reply:
        """Show the form as it was filled in, and what is wrong with it."""
        site = call.site
        article = await self.articles.get(site, call.article, now=call.now)
        if article is None:
            unseen = article_id(site.site_id, call.article)
            article = Article(site_id=site.site_id, article_id=unseen, key=call.article)
        tongue = tongue_of(sent.lang, article.lang, site.settings.languages[0])
        showing = Showing(
            tongue=tongue,
            places=Places(site=site.slug, article=call.article, lang=tongue.code),
            site=site,
        )
        empty = showing.composer(back=sent.back, parent=await self._parent(call, sent, showing))
        form = replace(
            empty,
            body=sent.body,
            name=sent.name,
            email=sent.email,
            trapped=bool(sent.website),
            errors=_errors(tongue, failure, site.settings.body_max_chars),
        )
        told = problem(failure, request_id=call.request_id)
        thread = _only(form, article, showing, url=own_url(article, site, own=own))
        return Reply(
            status=told.status,
            ready=written_page(showing, article, thread),
            media_type=HTML,
            headers={**told.headers, **PAGE_HEADERS},
            cache=told.cache,
        )

    async def _parent(self, call: Call, sent: CommentForm, showing: Showing) -> Parent | None:
        """Name whom a reply answers, as long as it is public and can be looked up."""
        parent_id = id_of(sent.parent_id)
        if parent_id is None:
            return None
        try:
            found = await self.lookup.find(call.site, parent_id)
        except Unavailable:
            found = None
        shown = found.public if found is not None else None
        name = shown.author.name if shown is not None and shown.text is not None else "…"
        return Parent(comment_id=parent_id, name=name, href=showing.places.comment(parent_id))


def _lead_on(call: Call, sent: CommentForm, accepted: Accepted, back: str | None) -> Reply:
    is_public = accepted.found.status is Status.APPROVED
    notice: Notice = "published" if is_public else "held"
    if back is None:
        lang = language_of(sent.lang) or call.site.settings.languages[0]
        back = Places(site=call.site.slug, article=call.article, lang=lang).thread()
    address = with_notice(back.partition("#")[0], notice)
    comment_id: UUID = accepted.found.comment_id
    at = anchor(comment_id) if is_public else "notice"
    return Reply(
        status=303,
        ready=b"",
        media_type=HTML,
        headers={**PAGE_HEADERS, "Location": f"{address}#{at}"},
    )


def _only(form: Composer, article: Article, showing: Showing, *, url: str | None) -> ThreadShown:
    """Show the form alone: what was typed is what matters now."""
    return ThreadShown(
        title=showing.tongue.say("not_sent"),
        headline=article.title,
        url=url,
        count=article.count,
        sorts=(),
        notice=None,
        closed=None,
        composer=form,
        comments=(),
        empty=False,
        more=None,
    )


def _errors(tongue: Tongue, failure: Failure, max_chars: int) -> Errors:
    """Say what is wrong, at its field where there is one."""
    errors: Errors = {"": _sentence(tongue, failure)}
    if isinstance(failure, Invalid):
        for error in failure.errors:
            field = FIELDS.get(error.pointer)
            phrase = f"error_{error.code}" if tongue.knows(f"error_{error.code}") else "error_other"
            if field is not None:
                limit = max_chars if field == "body" else LIMITS[field]
                errors.setdefault(field, tongue.say(phrase, max=tongue.number(limit)))
    return errors


def _sentence(tongue: Tongue, failure: Failure) -> str:
    phrase = f"refused_{failure.stable_code}"
    if tongue.knows(phrase):
        return tongue.say(phrase)
    if isinstance(failure, Unavailable):
        return tongue.say("refused_later")
    if isinstance(failure, Invalid | Forbidden) and failure.detail != failure.title:
        return failure.detail
    return tongue.say("refused_other")
