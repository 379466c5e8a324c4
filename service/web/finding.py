"""Where a comment is that a moderator asks for by its id alone."""

from __future__ import annotations

from service.features.lookup import Found, Lookup
from service.features.own import UnknownComment
from service.model import Site
from service.web.operation import Call


async def find_on(lookup: Lookup, call: Call) -> tuple[Site, Found]:
    """Return the comment of the path, and on which of the caller's sites it is.

    Raises:
        UnknownComment: on none of them; or it was escalated, and not to them.
    """
    for site in call.sites:
        found = await lookup.find(site, call.comment_id)
        if found is None:
            continue
        if found.waiting is not None and found.waiting.escalated and not call.sees_escalated(site):
            break
        return site, found
    raise UnknownComment
