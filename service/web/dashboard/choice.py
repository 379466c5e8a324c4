"""Which of a member's sites a page is about."""

from __future__ import annotations

from msgspec import Struct

from service.errors import Forbidden, NotFound
from service.features.sessions import SignedInMember
from service.model import Membership, Role


class SiteChoice(Struct, frozen=True, kw_only=True):
    """The site that is shown, and those that could be."""

    membership: Membership
    slugs: tuple[str, ...]
    """By name."""

    @property
    def slug(self) -> str:
        """The site's."""
        return self.membership.site

    def may(self, role: Role) -> bool:
        """Tell whether the member has this role, or a higher one, on the site."""
        return self.membership.role.includes(role)


def chosen_site(member: SignedInMember, slug: str, role: Role) -> SiteChoice:
    """Return the site that is asked for, or the first one on which the member has a role.

    Raises:
        NotFound: they have no role on it, so for them it does not exist.
        Forbidden: they have a lesser one.
    """
    fitting = [each for each in member.memberships if each.role.includes(role)]
    wanted = next((each for each in fitting if slug in {"", each.site}), None)
    if wanted is None:
        if slug in {"", *(each.site for each in member.memberships)}:
            raise Forbidden
        raise NotFound
    return SiteChoice(membership=wanted, slugs=tuple(sorted(each.site for each in fitting)))
