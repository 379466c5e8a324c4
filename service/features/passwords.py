"""Passwords: which are taken, and how they are kept and compared."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import argon2.exceptions
from msgspec import Struct, field

from service.errors import FieldError, Invalid, Unavailable

PASSWORD_MIN_CHARS = 12
PASSWORD_MAX_CHARS = 256
"""Both as ASVS 6.2 wants them; nothing is asked of their composition."""

GUESSABLE_BELOW = 3
"""zxcvbn's score from 0 to 4; from 3 on it takes more than 10^8 guesses."""
JUDGED_CHARS = 72
"""Longer ones are judged by their beginning: what takes more guesses is good anyway."""

WORKERS = 2
QUEUE_MAX = 16
"""Passwords that wait or are worked on at once: 16 hold 0.7 GiB of nothing but 2 of 92 MiB."""

T = TypeVar("T")


@cache
def _hasher() -> argon2.PasswordHasher:
    """Return OWASP's first choice for argon2id: 46 MiB, once; 65 ms here."""
    return argon2.PasswordHasher(time_cost=1, memory_cost=46 * 1_024, parallelism=1)


class PasswordsBusy(Unavailable):
    """More people sign in at once than passwords can be compared."""

    code = "overloaded"
    title = "Many people are signing in at this moment. Please try again."
    retry_after_seconds = 1
    outcome_unknown = False


class Passwords(Struct, kw_only=True):
    """Hash and compare passwords beside the event loop."""

    hasher: Callable[[], argon2.PasswordHasher] = _hasher
    _threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(WORKERS, thread_name_prefix="passwords")
    )
    _waiting: int = 0
    _nobodys: str = ""

    async def hash(self, password: str, *, told: Sequence[str]) -> str:
        """Return what is kept of a new password; `told` are words it should not be made of.

        Raises:
            Invalid: too short, too long, or soon guessed.
            PasswordsBusy: too many are waiting.
        """
        settled = _settled(password)
        if not PASSWORD_MIN_CHARS <= len(settled) <= PASSWORD_MAX_CHARS:
            raise _refused(
                "length", f"{PASSWORD_MIN_CHARS} to {PASSWORD_MAX_CHARS} characters are needed."
            )
        if await self._beside(lambda: is_guessable(settled, told)):
            raise _refused(
                "guessable",
                "This would soon be guessed. A few words that have nothing to do with each other"
                " are better.",
            )
        return await self._beside(lambda: self.hasher().hash(settled))

    async def fits(self, password: str, kept: str | None) -> bool:
        """Tell whether a password is the one that is kept; as slow when none is kept.

        Raises:
            PasswordsBusy: too many are waiting.
        """
        settled = _settled(password[: PASSWORD_MAX_CHARS * 4])
        found = await self._beside(lambda: self._compare(settled, kept or self._nobody()))
        return found and kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Tell whether a hash was made with lesser parameters than today's."""
        return self.hasher().check_needs_rehash(kept)

    async def rehash(self, password: str) -> str:
        """Return a known password under today's parameters."""
        return await self._beside(lambda: self.hasher().hash(_settled(password)))

    def _compare(self, password: str, kept: str) -> bool:
        try:
            return self.hasher().verify(kept, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False

    def _nobody(self) -> str:
        """Return the hash of a password that nobody has, made when it is first needed."""
        self._nobodys = self._nobodys or self.hasher().hash("")
        return self._nobodys

    async def _beside(self, work: Callable[[], T]) -> T:
        if self._waiting >= QUEUE_MAX:
            raise PasswordsBusy
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def is_guessable(password: str, told: Sequence[str]) -> bool:
    """Tell whether a password is among the first 10^8 that somebody would try."""
    # 11 MiB of lists that only those need who choose a password.
    from zxcvbn import zxcvbn  # noqa: PLC0415

    judged = zxcvbn(password[:JUDGED_CHARS], user_inputs=list(told))
    return int(judged["score"]) < GUESSABLE_BELOW


def _settled(password: str) -> str:
    """Write the same characters in the same way, whatever keyboard they came from (NFC)."""
    return unicodedata.normalize("NFC", password)


def _refused(code: str, detail: str) -> Invalid:
    error = FieldError(pointer="/password", code=code, detail=detail)
    return Invalid(detail, errors=(error,))
