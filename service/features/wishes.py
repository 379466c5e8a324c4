"""How somebody likes to work: keys, masks, size of text. It follows them to any browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from msgspec import Struct, field
from msgspec.structs import asdict

from service.storage.wishes import WishStore


class Wish(Struct, frozen=True, kw_only=True):
    """One member's wishes; what they never said is as most people like it."""

    keyboard: Literal["on", "alt", "off"] = "on"
    """Keys at once, only with Alt, or none."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Keys that are others than usual, by action."""
    mask: bool = True
    """Insults and threats stand behind a mask until one asks for them."""
    mask_all: bool = False
    """So does every comment that is very likely to be turned down, whole."""
    size: Literal["usual", "large", "larger"] = "usual"
    density: Literal["airy", "dense"] = "airy"
    calm: bool = False
    """Fewer colours."""
    still: bool = False
    """Nothing moves, whatever the system says."""
    rest_after: int = 0
    """Hard comments in an hour after which a break is suggested; 0: never."""
    languages: Sequence[str] = ()
    """In which they read comments, as screening tells them apart; colleagues see it."""

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Self:
        """Return what was kept, as far as it still means something."""
        known = set(cls.__struct_fields__)
        return cls(**{name: value for name, value in kept.items() if name in known})


class Wishes(Struct, frozen=True, kw_only=True):
    """Keep them. Methods raise Unavailable while Postgres is away."""

    store: WishStore

    async def of(self, member_id: UUID) -> Wish:
        """Return a member's wishes."""
        return Wish.of(await self.store.find(member_id))

    async def keep(self, member_id: UUID, wish: Wish, *, now: datetime) -> None:
        """Keep a member's wishes, in place of earlier ones."""
        await self.store.keep(member_id, asdict(wish), at=now)
