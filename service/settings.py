"""Every setting: its variable, unit, bound and meaning; `docs/settings.md` is made of this file.

The wiring takes values out of it: other parts receive those, never the settings whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from annotated_types import Ge, Le, MinLen
from msgspec import Struct
from pydantic import Field, PrivateAttr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Network = IPv4Network | IPv6Network

VERSION = "0.1.0"
"""This release; `pyproject.toml` says the same."""
PREFIX = "POSTBAG_"
SECRET_KEY_MIN_BYTES = 32
"""What HKDF-SHA256 needs to give keys of full strength."""
MASK = "********"

DATABASE_SCHEMES = ("postgresql", "postgres")
REDIS_SCHEMES = ("redis", "rediss", "unix")

Source = Literal["default", "environment", "option", "file", "embedded"]


class BadSettings(Exception):  # noqa: N818 - it is said to a person
    """A setting cannot be used; the text has one line for each, naming its variable.

    The command line exits with 2. No secret is repeated.
    """


class SecretMissing(BadSettings):
    """The stores are somebody else's and no secret key was given."""

    def __init__(self) -> None:
        super().__init__(
            f"{PREFIX}SECRET_KEY is missing: with a database or Redis of your own it must be given,"
            " at least 32 bytes, the same for every process (try: openssl rand -hex 32)."
        )


def _of(unit: str, *, bound: str = "", secret: bool = False, option: bool = True) -> dict[str, Any]:
    """Return what the manual says beside a field's description."""
    return {"unit": unit, "bound": bound, "secret": secret, "option": option}


class Settings(BaseSettings):
    """What the operator decides. An empty variable counts as not set."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
    )

    host: str = Field(
        "127.0.0.1",
        min_length=1,
        description="Address the service listens on; `0.0.0.0` for all.",
        json_schema_extra=_of("address"),
    )
    port: int = Field(
        8080,
        ge=0,
        le=65_535,
        description="Port the service listens on; 0 takes a free one.",
        json_schema_extra=_of("port"),
    )
    workers: int = Field(
        1,
        ge=1,
        le=64,
        description="Service processes that share the port on this machine.",
        json_schema_extra=_of("processes"),
    )
    data_dir: Path = Field(
        Path("data"),
        description="Folder of the embedded stores and of what the service keeps on disk.",
        json_schema_extra=_of("path"),
    )
    database_url: str | None = Field(
        None,
        repr=False,
        description="Postgres 15 or newer; without it an embedded one is used.",
        json_schema_extra=_of(
            "URL", bound="`postgresql://user:password@host:port/name`", secret=True
        ),
    )
    redis_url: str | None = Field(
        None,
        repr=False,
        description="Redis 7.0 or Valkey 7.2, or newer; without it an embedded one is used.",
        json_schema_extra=_of("URL", bound="`redis://`, `rediss://` or `unix://`", secret=True),
    )
    secret_key: str | None = Field(
        None,
        repr=False,
        description="Secret from which every key of the service is derived. Needed as soon as a"
        " store is not embedded; else `<data_dir>/secret.key` is made once. Part of a backup."
        " Variable only.",
        json_schema_extra=_of(
            "text", bound=f"at least {SECRET_KEY_MIN_BYTES} bytes", secret=True, option=False
        ),
    )
    secret_key_old: str | None = Field(
        None,
        repr=False,
        description="The former secret key while it is replaced: what it signed is still accepted."
        " Variable only.",
        json_schema_extra=_of(
            "text", bound=f"at least {SECRET_KEY_MIN_BYTES} bytes", secret=True, option=False
        ),
    )
    public_url: str | None = Field(
        None,
        description="Where readers reach the service; when set, requests for another `Host` are"
        " refused.",
        json_schema_extra=_of("URL", bound="`http(s)://host[:port]`, no path"),
    )
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = Field(
        (),
        description="Networks whose `X-Forwarded-For` is believed.",
        json_schema_extra=_of("networks", bound="addresses or CIDR networks, separated by commas"),
    )
    outgoing_networks: Annotated[tuple[Network, ...], NoDecode] = Field(
        (),
        description="Networks beside the public internet in which sites may name services of their"
        " own. With `127.0.0.0/8` services on this machine, also by `http://`: for development.",
        json_schema_extra=_of("networks", bound="addresses or CIDR networks, separated by commas"),
    )
    rate_limits: bool = Field(
        default=True,
        description="Request limits and bounds per address; off for load tests only. Global bounds"
        " and deadlines stay.",
        json_schema_extra=_of("on or off"),
    )
    metrics_host: str = Field(
        "127.0.0.1",
        min_length=1,
        description="Address on which metrics are served.",
        json_schema_extra=_of("address"),
    )
    metrics_port: int = Field(
        9464,
        ge=0,
        le=65_535,
        description="Port on which metrics are served; 0 takes a free one. Of several workers each"
        " takes the next one, from this one on.",
        json_schema_extra=_of("port"),
    )
    drain_seconds: float = Field(
        0.0,
        ge=0,
        le=300,
        allow_inf_nan=False,
        description="How long the service goes on serving after it was told to stop and says that"
        " it is not ready, so that a balancer notices.",
        json_schema_extra=_of("seconds"),
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info",
        description="The least serious lines that are written.",
        json_schema_extra=_of("name"),
    )
    log_format: Literal["json", "text"] = Field(
        "json",
        description="One JSON object a line, or text for people.",
        json_schema_extra=_of("name"),
    )
    migrate: bool = Field(
        default=True,
        description="Bring the schema up to date at the start; off when `postbag migrate` is run by"
        " hand.",
        json_schema_extra=_of("on or off"),
    )
    durability: Literal["local", "replica", "journal"] = Field(
        "local",
        description="What has happened to a comment before it is accepted: `local` means that it is"
        " on the disk of Redis, `replica` that replicas of Redis have it as well, `journal` that it"
        " is committed in Postgres first.",
        json_schema_extra=_of("name"),
    )
    replicas: int = Field(
        1,
        ge=1,
        le=8,
        description="Replicas of Redis that must have a comment before it is accepted, where"
        " `POSTBAG_DURABILITY` is `replica`: as many as may be promoted.",
        json_schema_extra=_of("replicas"),
    )
    assume_durable: bool = Field(
        default=False,
        description="The operator's word that Redis writes through to its disk, for a server that"
        " does not show its configuration.",
        json_schema_extra=_of("on or off"),
    )
    database_pool: int = Field(
        16,
        ge=6,
        le=200,
        description="Most Postgres connections of one process.",
        json_schema_extra=_of("connections"),
    )
    redis_pool: int = Field(
        32,
        ge=4,
        le=1_000,
        description="Most Redis connections of one process.",
        json_schema_extra=_of("connections"),
    )
    disk_free_min_mb: int = Field(
        1_024,
        ge=0,
        le=10_000_000,
        description="`postbag doctor` warns when the disk of the data folder has less room.",
        json_schema_extra=_of("MiB"),
    )
    postgres_bin: Path | None = Field(
        None,
        description="Folder of the PostgreSQL programs for the embedded store. Variable only.",
        json_schema_extra=_of("path", option=False),
    )
    redis_bin: Path | None = Field(
        None,
        description="Valkey or Redis program for the embedded store. Variable only.",
        json_schema_extra=_of("path", option=False),
    )

    _options: frozenset[str] = PrivateAttr(frozenset())

    @classmethod
    def load(cls, options: Mapping[str, Any] | None = None) -> Self:
        """Read the environment; `options` (by field name; None counts as not given) win.

        Raises:
            BadSettings: a value is not accepted.
        """
        given = {name: value for name, value in (options or {}).items() if value is not None}
        try:
            settings = cls(**given)
        except ValidationError as error:
            raise BadSettings(_sentences(cls, error, given)) from None
        settings._options = frozenset(given)
        return settings

    @property
    def embedded(self) -> bool:
        """True when both stores are embedded ones."""
        return self.database_url is None and self.redis_url is None

    @property
    def base_url(self) -> str:
        """Where a person on this machine reaches the service; no slash at its end."""
        if self.public_url is not None:
            return self.public_url
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def secret_file(self) -> Path:
        """Where the secret key lies when none is given."""
        return self.data_dir / "secret.key"

    def variables(self) -> dict[str, str]:
        """Return what differs from the defaults as an environment, secrets included.

        A process that is given it has the same settings, wherever ours came from.
        """
        return {
            variable(name): _text(value)
            for name, field in type(self).model_fields.items()
            if (value := getattr(self, name)) != field.default and value is not None
        }

    def explain(self) -> list[Explained]:
        """Return every setting as the operator sees it, secrets masked."""
        return [
            Explained(
                name=name,
                variable=variable(name),
                option=option(name) if meta(field)["option"] else None,
                value=self._shown(name, field),
                unit=meta(field)["unit"],
                bound=bound(field),
                source=self._source(name),
                description=field.description or "",
                default=_text(field.default),
            )
            for name, field in type(self).model_fields.items()
        ]

    def _shown(self, name: str, field: FieldInfo) -> str:
        value = getattr(self, name)
        if value is None:
            return ""
        return masked(str(value)) if meta(field)["secret"] else _text(value)

    def _source(self, name: str) -> Source:
        if name in self._options:
            return "option"
        if name in self.model_fields_set:
            return "environment"
        if name in {"database_url", "redis_url"}:
            return "embedded"
        if name == "secret_key" and self.embedded:
            return "file"
        return "default"

    @field_validator("secret_key", "secret_key_old")
    @classmethod
    def _long_enough(cls, key: str | None) -> str | None:
        if key is not None and len(key.encode()) < SECRET_KEY_MIN_BYTES:
            raise ValueError(f"has {len(key.encode())} bytes, at least 32 are needed")
        return key

    @field_validator("database_url")
    @classmethod
    def _of_postgres(cls, url: str | None) -> str | None:
        return _with_scheme(url, DATABASE_SCHEMES)

    @field_validator("redis_url")
    @classmethod
    def _of_redis(cls, url: str | None) -> str | None:
        return _with_scheme(url, REDIS_SCHEMES)

    @field_validator("public_url")
    @classmethod
    def _bare_origin(cls, url: str | None) -> str | None:
        """Keep `scheme://host[:port]`, lower case, without the slash at its end."""
        if url is None:
            return None
        parts = urlsplit(url.rstrip("/"))
        if not re.fullmatch(r"https?://[^/?#@\s]+", url.rstrip("/"), re.IGNORECASE):
            raise ValueError("must be http:// or https://, a host and perhaps a port, no path")
        if not parts.hostname or parts.port == 0:
            raise ValueError("names no host")
        return f"{parts.scheme}://{parts.netloc.lower()}"

    @field_validator("trusted_proxies", "outgoing_networks", mode="before")
    @classmethod
    def _networks(cls, given: object) -> object:
        """Accept a list separated by commas or blanks; an address is a network of one."""
        if not isinstance(given, str):
            return given
        return tuple(_network(word) for word in re.split(r"[,\s]+", given) if word)


class Explained(Struct, frozen=True, kw_only=True):
    """One setting as `postbag settings` and the manual show it."""

    name: str
    variable: str
    option: str | None
    """`--name`, or None for what belongs into the environment only."""
    value: str
    """As text; a secret is masked; empty when there is none."""
    unit: str
    bound: str
    source: Source
    description: str
    default: str


def variable(name: str) -> str:
    """Return the environment variable of a field."""
    return f"{PREFIX}{name.upper()}"


def option(name: str) -> str:
    """Return the command line option of a field."""
    return f"--{name.replace('_', '-')}"


def meta(field: FieldInfo) -> dict[str, Any]:
    """Return unit, bound, secret and option of a field."""
    extra = field.json_schema_extra
    assert isinstance(extra, dict)
    return extra


def bound(field: FieldInfo) -> str:
    """Say in words what a field accepts."""
    words = str(meta(field)["bound"])
    if words:
        return words
    if meta(field)["unit"] == "on or off":
        return "`on`, `off`"
    choices = getattr(field.annotation, "__args__", ())
    if choices and all(isinstance(choice, str) for choice in choices):
        return ", ".join(f"`{choice}`" for choice in choices)
    low = next((_number(rule.ge) for rule in field.metadata if isinstance(rule, Ge)), None)
    high = next((_number(rule.le) for rule in field.metadata if isinstance(rule, Le)), None)
    if low is not None and high is not None:
        return f"{low} to {high}"
    return "not empty" if any(isinstance(rule, MinLen) for rule in field.metadata) else "any"


def masked(secret: str) -> str:
    """Hide a secret; of a URL keep what an operator recognises it by.

    A query may carry a password too.
    """
    parts = urlsplit(secret)
    if not parts.scheme or "://" not in secret:
        return MASK
    place = parts.netloc.rpartition("@")[2]
    who = f"{MASK}@" if "@" in parts.netloc else ""
    query = f"?{MASK}" if parts.query and parts.scheme != "unix" else ""
    return f"{parts.scheme}://{who}{place}{parts.path}{query}"


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ", ".join(str(network) for network in value)
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def _with_scheme(url: str | None, schemes: tuple[str, ...]) -> str | None:
    if url is None:
        return None
    try:
        scheme = urlsplit(url).scheme
    except ValueError:  # its text would repeat the password
        raise ValueError("is no URL") from None
    if scheme not in schemes or "://" not in url:
        raise ValueError(f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
    return url


def _network(word: str) -> Network:
    try:
        return ip_network(word)
    except ValueError as error:
        raise ValueError(f"{word!r} is no network: {error}") from None


def _sentences(settings: type[Settings], error: ValidationError, options: Mapping[str, Any]) -> str:
    """Return one line for each setting at fault, without the values of secrets."""
    lines = {}
    for fault in error.errors(include_input=True, include_url=False):
        name = str(fault["loc"][0])
        field = settings.model_fields.get(name)
        said = option(name) if name in options else variable(name)
        if field is None:
            lines[name] = f"{said} is no setting of Postbag."
            continue
        reason = fault["msg"].removeprefix("Value error, ").removeprefix("Input ")
        value = fault["input"]
        shown = "" if meta(field)["secret"] or len(fault["loc"]) > 1 else f"={_one_line(value)}"
        accepted = bound(field)
        hint = "" if accepted == "any" else f" (accepted: {accepted.replace('`', '')})"
        lines[name] = f"{said}{shown}: {_one_line(reason)}{hint}."
    return "\n".join(lines.values())


def _one_line(value: object) -> str:
    """Keep a wrong value from breaking the line it is named in."""
    return " ".join(str(value).split())[:200]
