"""The service's keys: one secret, and a key for each purpose derived from it."""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets as chance
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Self
from uuid import UUID

import structlog

from service import sealing
from service.settings import SECRET_KEY_MIN_BYTES, BadSettings, SecretMissing, Settings

FILE_BYTES = 32
"""Random bytes behind `secret.key`, written as hex."""
FILE_MODE = 0o600
SALT = b"postbag/1"
"""Keeps keys apart from those another program derives from the same secret."""
ADDRESS_HASH_BYTES = 16
PURPOSES_MAX = 64
"""Keys remembered once they are derived: every request hashes an address with the same one."""

_log = structlog.get_logger()


class SealBroken(Exception):  # noqa: N818 - not an error of the caller: the secret key is another
    """What was sealed cannot be opened with the keys there are."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Derives a key for each purpose from one secret, or two while it is replaced."""

    _roots: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def derive(cls, secret_key: str, old: str | None = None) -> Self:
        """Take the secret and, while it is replaced, the former one.

        Raises:
            BadSettings: one of them has less than 32 bytes.
        """
        roots = tuple(key.encode() for key in (secret_key, old) if key is not None)
        if any(len(root) < SECRET_KEY_MIN_BYTES for root in roots):
            raise BadSettings(
                f"The secret key is too short: at least {SECRET_KEY_MIN_BYTES} bytes are needed."
            )
        return cls(roots)

    def key(self, purpose: str) -> bytes:
        """Return the 32 bytes with which things are made for a purpose now."""
        return _derived(self._roots[0], purpose)

    def keys(self, purpose: str) -> tuple[bytes, ...]:
        """Return the keys with which things of a purpose are accepted, newest first."""
        return tuple(_derived(root, purpose) for root in self._roots)

    def address_hash(self, network: str) -> str:
        """Return the keyed hash (32 hex digits) under which a sender's network is known."""
        digest = hmac.digest(self.key("address"), network.encode(), "sha256")
        return digest[:ADDRESS_HASH_BYTES].hex()

    def subject(self, site_id: int, author_id: UUID) -> bytes:
        """Return the keyed hash under which an author who was erased is known on a site."""
        return hmac.digest(self.key("erasures"), f"{site_id}:{author_id}".encode(), "sha256")

    def seal(self, purpose: str, secret: bytes, *, bound_to: str) -> bytes:
        """Encrypt a secret for keeping; it opens only for the same `bound_to` (its row)."""
        return sealing.seal(self.key(f"seal/{purpose}"), secret, bound_to=bound_to)

    def unseal(self, purpose: str, sealed: bytes, *, bound_to: str) -> bytes:
        """Return what was sealed.

        Raises:
            SealBroken: with another secret key, for another row, or not by us.
        """
        for key in self.keys(f"seal/{purpose}"):
            secret = sealing.unseal(key, sealed, bound_to=bound_to)
            if secret is not None:
                return secret
        raise SealBroken(f"The {purpose} was sealed with another secret key.")


def open_secrets(settings: Settings) -> Secrets:
    """Return the keys these settings stand for; make `secret.key` where that is allowed.

    Raises:
        SecretMissing: a store is not embedded and no secret key was given.
        BadSettings: `secret.key` cannot be read or made.
    """
    if settings.secret_key is not None:
        return Secrets.derive(settings.secret_key, settings.secret_key_old)
    if not settings.embedded:
        raise SecretMissing
    return Secrets.derive(load_or_make(settings.data_dir), settings.secret_key_old)


def load_or_make(data_dir: Path) -> str:
    """Return the secret in `<data_dir>/secret.key`, which is made once and never overwritten.

    Any number of processes may ask at once and get the same.

    Raises:
        BadSettings: it cannot be read or made, or is no secret; the text says what to do.
    """
    path = data_dir / "secret.key"
    try:
        if not path.exists():
            _make(path)
        return _read(path)
    except OSError as error:
        raise BadSettings(
            f"{path} cannot be used ({error.strerror}): let this user read and write it, or set"
            " POSTBAG_SECRET_KEY."
        ) from error


def _make(path: Path) -> None:
    """Put a whole file in place under its name, on disk, unless another was quicker."""
    if not path.parent.exists():
        path.parent.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".secret.key.{chance.token_hex(8)}")
    try:
        with _created(draft) as file:
            os.write(file, f"{chance.token_hex(FILE_BYTES)}\n".encode("ascii"))
            os.fsync(file)
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink(missing_ok=True)
    with _opened(path.parent) as folder:
        os.fsync(folder)


def _read(path: Path) -> str:
    with _opened(path) as file:
        mode = os.fstat(file).st_mode & 0o777
        if mode & 0o077:
            os.fchmod(file, FILE_MODE)
            _log.warning("secret.mode_tightened", path=str(path), was=f"{mode:o}")
        said = os.read(file, 4096)
    try:
        secret = said.decode("ascii").strip()
    except UnicodeDecodeError:
        secret = ""
    if len(secret) < SECRET_KEY_MIN_BYTES:
        raise BadSettings(
            f"{path} holds no secret key: restore it from a backup. Nothing was changed; a new one"
            " would make every receipt, link and sealed secret given out so far invalid."
        )
    return secret


@contextlib.contextmanager
def _created(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@lru_cache(PURPOSES_MAX)
def _derived(root: bytes, purpose: str) -> bytes:
    """Derive a key of 32 bytes by HKDF-SHA256: extract, and expand to its first block."""
    extracted = hmac.digest(SALT, root, "sha256")
    return hmac.digest(extracted, purpose.encode() + b"\x01", "sha256")
