"""A site's team: who is in it, and what was done to it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from msgspec import Struct
from pydantic import Field

from service.cursors import BadCursor
from service.features.administration import Administration
from service.features.team import OwnersRole, OwnRole, Team, UnknownMember
from service.model import Role, Scope
from service.web.operation import AModerator, Call, Operation, Reply
from service.web.wire.base import Wire
from service.web.wire.people import (
    ActsOut,
    InvitationOut,
    MemberIn,
    MemberOut,
    MembersOut,
    RoleIn,
    acts_json,
    member_json,
)

TAG = "Back ends and operators"
READ = AModerator(scope=Scope.MANAGE, role=Role.ADMIN)
CHANGE = AModerator(scope=Scope.MANAGE, role=Role.ADMIN, fresh=True)
MEMBER = "/v1/members/{member_id}"


class SiteQuery(Wire):
    """Whose team."""

    site: str | None = None
    """Without it, the key's, or the only one on which the member has a role."""


class LogQuery(Wire):
    """Which page of the log."""

    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: str | None = None


class People(Struct, frozen=True, kw_only=True):
    """What admins do with the team."""

    team: Team
    administration: Administration

    def operations(self) -> list[Operation]:
        """Return the table of them all."""
        return [
            Operation(
                operation_id="list_members",
                method="GET",
                path="/v1/members",
                summary="List a site's team",
                tag=TAG,
                credential=READ,
                query=SiteQuery,
                site_in_query=True,
                answers={200: MembersOut},
                handler=self.list_members,
            ),
            Operation(
                operation_id="invite_member",
                method="POST",
                path="/v1/members",
                summary="Invite somebody to a site's team",
                description="Whoever can sign in already has the role at once and needs no link.",
                tag=TAG,
                credential=CHANGE,
                query=SiteQuery,
                site_in_query=True,
                body=MemberIn,
                answers={201: InvitationOut},
                handler=self.invite,
            ),
            Operation(
                operation_id="change_member",
                method="PATCH",
                path=MEMBER,
                summary="Change what somebody may do on a site",
                tag=TAG,
                credential=CHANGE,
                query=SiteQuery,
                site_in_query=True,
                body=RoleIn,
                answers={200: MemberOut},
                problems=(UnknownMember, OwnRole, OwnersRole),
                handler=self.change,
            ),
            Operation(
                operation_id="remove_member",
                method="DELETE",
                path=MEMBER,
                summary="Take somebody off a site's team",
                tag=TAG,
                credential=CHANGE,
                query=SiteQuery,
                site_in_query=True,
                answers={204: None},
                problems=(UnknownMember, OwnRole, OwnersRole),
                handler=self.remove,
            ),
            Operation(
                operation_id="list_administrative_acts",
                method="GET",
                path="/v1/sites/{site}/administration",
                summary="Read what was done to a site's team and keys, and by whom",
                tag=TAG,
                credential=READ,
                query=LogQuery,
                answers={200: ActsOut},
                problems=(BadCursor,),
                handler=self.list_acts,
            ),
        ]

    async def list_members(self, call: Call) -> Reply:
        """Show the team."""
        members = await self.team.of_site(call.site)
        return Reply(content={"items": [member_json(each) for each in members], "next": None})

    async def invite(self, call: Call) -> Reply:
        """Invite somebody; the token is told once, in this answer."""
        wish = call.body_as(MemberIn)
        token = await self.team.invite(
            wish.email, Role(wish.role), call.site, call.now, actor=call.actor
        )
        return Reply(status=201, content={"token": token})

    async def change(self, call: Call) -> Reply:
        """Change somebody's role."""
        member = await self.team.change_role(
            call.site,
            UUID(call.path["member_id"]),
            Role(call.body_as(RoleIn).role),
            actor=call.actor,
            now=call.now,
        )
        return Reply(content=member_json(member))

    async def remove(self, call: Call) -> Reply:
        """Take somebody off the team."""
        member_id = UUID(call.path["member_id"])
        await self.team.remove(call.site, member_id, actor=call.actor, now=call.now)
        return Reply(status=204)

    async def list_acts(self, call: Call) -> Reply:
        """Show a page of the log."""
        query = call.query_as(LogQuery)
        page = await self.administration.of_site(call.site, cursor=query.cursor, limit=query.limit)
        return Reply(content=acts_json(page))
