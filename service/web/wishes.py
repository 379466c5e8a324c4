"""How members like to work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Struct
from msgspec.structs import asdict
from pydantic import Field, StringConstraints

from service.features.screening.language import CODES, Code
from service.features.wishes import Wish, Wishes
from service.web.operation import AMember, Call, Operation, Reply
from service.web.wire.base import Wire

ActionName = Annotated[str, StringConstraints(pattern=r"^[a-z_0-9]{1,40}$")]
KeyName = Annotated[str, StringConstraints(min_length=1, max_length=16)]


class WishModel(Wire):
    """One's own wishes, all of them."""

    keyboard: Literal["on", "alt", "off"]
    keys: Annotated[dict[ActionName, KeyName], Field(max_length=100)]
    """Keys of the queue that are others than usual, by action."""
    mask: bool
    """Insults and threats are masked until one asks for them."""
    mask_all: bool
    """So is every comment that is very likely to be turned down, whole."""
    size: Literal["usual", "large", "larger"]
    density: Literal["airy", "dense"]
    calm: bool
    still: bool
    rest_after: Annotated[int, Field(ge=0, le=500)]
    """Hard comments in an hour after which a break is suggested; 0: never."""
    languages: list[Code] = Field(default_factory=list, max_length=len(CODES))
    """In which one reads comments; colleagues see it on the team's page."""


class Wishing(Struct, frozen=True, kw_only=True):
    """What members ask about their own wishes."""

    wishes: Wishes

    def operations(self) -> list[Operation]:
        """Return both operations."""
        return [
            Operation(
                operation_id="read_wishes",
                method="GET",
                path="/v1/session/wishes",
                summary="See how you like to work",
                tag="Sign-in",
                credential=AMember(),
                answers={200: WishModel},
                handler=self.read,
            ),
            Operation(
                operation_id="keep_wishes",
                method="PUT",
                path="/v1/session/wishes",
                summary="Say how you like to work, in any browser",
                tag="Sign-in",
                credential=AMember(),
                body=WishModel,
                answers={200: WishModel},
                handler=self.keep,
            ),
        ]

    async def read(self, call: Call) -> Reply:
        """Show one's own wishes."""
        return Reply(content=wish_json(await self.wishes.of(call.member.member_id)))

    async def keep(self, call: Call) -> Reply:
        """Keep one's own wishes."""
        wish = Wish(**call.body_as(WishModel).model_dump())
        await self.wishes.keep(call.member.member_id, wish, now=call.now)
        return Reply(content=wish_json(wish))


def wish_json(wish: Wish) -> Mapping[str, Any]:
    """Write somebody's wishes."""
    return {**asdict(wish), "languages": list(wish.languages)}
