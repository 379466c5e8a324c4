from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.embedded import EmbeddedStores
from service.features.credentials import key_parts, link_token_hash
from service.model import Role, Scope
from service.storage.accounts import AccountStore
from service.storage.arrivals import ArrivalStore
from service.storage.postgres import open_pool
from service.storage.redis import Keys, connect
from service.storage.sites import SiteStore
from tests.cli.conftest import CommandLine
from tests.conftest import FreshDatabase

ROOT = Path(__file__).parents[2]
ORIGIN = "https://daily.example"


async def with_site(command: CommandLine) -> CommandLine:
    await command("site", "create", "daily", "--origin", ORIGIN)
    return command


@pytest.fixture
def database_url(emptied_database_url: str) -> str:
    """Nothing here touches the schema."""
    return emptied_database_url


async def test_a_site_takes_comments_when_the_command_has_ended(
    command: CommandLine, database_url: str, redis_url: str
) -> None:
    result = await command(
        "site",
        "create",
        "daily",
        "--origin",
        ORIGIN,
        "--origin",
        "http://localhost:8000",
        "--name",
        "The Daily",
    )
    assert result.stdout == "daily\n"
    async with open_pool(database_url, min_size=1, max_size=1) as pool:
        site = await SiteStore(pool=pool).by_slug("daily")
    assert site is not None
    assert site.name == "The Daily"
    assert site.settings.origins == (ORIGIN, "http://localhost:8000")
    async with connect(redis_url) as redis:
        assert await redis.hexists(Keys("daily").meta, "epoch")
    listed = (await command("site", "list")).stdout.splitlines()
    assert listed[1] == f"daily\tThe Daily\tpre\t{ORIGIN} http://localhost:8000"


async def test_a_slug_is_taken_once(command: CommandLine) -> None:
    await with_site(command)
    again = await command("site", "create", "daily", "--origin", ORIGIN, status=1)
    assert "already" in again.stderr
    assert again.stdout == ""


@pytest.mark.parametrize(
    "origin",
    [
        "daily.example",
        "https://daily.example/",
        "https://daily.example/news",
        "https://Daily.example",
        "https://user@daily.example",
        "https://*.daily.example",
        "*",
        "null",
        "ftp://daily.example",
    ],
)
async def test_an_origin_is_exact_or_refused(origin: str) -> None:
    result = await CommandLine()("site", "create", "daily", "--origin", origin, status=2)
    assert f"{origin} is no origin" in result.stderr
    assert result.stdout == ""


async def test_a_wrong_slug_is_wrong_usage(command: CommandLine) -> None:
    result = await command("site", "create", "The Daily", "--origin", ORIGIN, status=2)
    assert len(result.stderr.splitlines()) == 1


async def test_a_key_is_all_that_key_create_prints(command: CommandLine, database_url: str) -> None:
    await with_site(command)
    result = await command(
        "key",
        "create",
        "--site",
        "daily",
        "--scope",
        "moderate",
        "--scope",
        "read",
        "--name",
        "desk",
        "--expires-days",
        "30",
    )
    assert re.fullmatch(r"pbk_\w+\n", result.stdout)
    assert result.stderr == ""
    parts = key_parts(result.stdout.strip())
    assert parts is not None
    async with open_pool(database_url, min_size=1, max_size=1) as pool:
        stored = await AccountStore(pool=pool).find_key(parts.key_id)
    assert stored is not None
    assert stored.secret_hash == parts.secret_hash
    assert stored.key.site == "daily"
    assert stored.key.scopes == {Scope.MODERATE, Scope.READ}
    assert stored.key.expires_at is not None
    left = stored.key.expires_at - datetime.now(UTC)  # noqa: TID251 - the command took the real time
    assert timedelta(days=29, hours=23) < left <= timedelta(days=30)


async def test_keys_are_listed_without_their_secrets_and_end_when_revoked(
    command: CommandLine,
) -> None:
    await with_site(command)
    secret = (await command("key", "create", "--site", "daily", "--scope", "read")).stdout.strip()
    parts = key_parts(secret)
    assert parts is not None
    listed = (await command("key", "list", "--site", "daily")).stdout
    assert parts.key_id in listed
    assert secret not in listed
    assert listed.splitlines()[1].endswith("\tgood")
    revoked = await command("key", "revoke", parts.key_id, "--site", "daily")
    assert revoked.stdout == ""
    listed = (await command("key", "list", "--site", "daily")).stdout
    assert listed.splitlines()[1].endswith("\trevoked")
    assert (await command("key", "revoke", parts.key_id, "--site", "daily", status=1)).stderr


async def test_another_sites_key_cannot_be_revoked(command: CommandLine) -> None:
    await with_site(command)
    await command("site", "create", "weekly", "--origin", ORIGIN)
    secret = (await command("key", "create", "--site", "daily", "--scope", "read")).stdout.strip()
    parts = key_parts(secret)
    assert parts is not None
    await command("key", "revoke", parts.key_id, "--site", "weekly", status=1)
    assert "\tgood" in (await command("key", "list", "--site", "daily")).stdout


@pytest.mark.parametrize(
    "words",
    [
        ("key", "create", "--site", "daily"),
        ("key", "create", "--scope", "read"),
        ("key", "create", "--site", "daily", "--scope", "everything"),
        ("key", "create", "--site", "daily", "--scope", "read", "--expires-days", "0"),
        ("member", "add", "sam@daily.example", "--site", "daily"),
        ("member", "add", "sam@daily.example", "--site", "daily", "--role", "owner"),
    ],
)
async def test_what_is_missing_or_unknown_is_wrong_usage(words: tuple[str, ...]) -> None:
    result = await CommandLine()(*words, status=2)
    assert "Usage:" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    "words",
    [
        ("key", "create", "--site", "nowhere", "--scope", "read"),
        ("key", "list", "--site", "nowhere"),
        ("member", "list", "--site", "nowhere"),
    ],
)
async def test_an_unknown_site_fails_in_one_line(
    command: CommandLine, words: tuple[str, ...]
) -> None:
    result = await command(*words, status=1)
    assert result.stderr == "There is no such site.\n"
    assert result.stdout == ""


async def test_a_member_gets_a_link_that_works_once(
    command: CommandLine, database_url: str
) -> None:
    await with_site(command)
    result = await command(
        "member",
        "add",
        "Sam@Daily.example",
        "--role",
        "moderator",
        "--site",
        "daily",
        public_url="https://comments.daily.example",
    )
    found = re.fullmatch(
        r"https://comments\.daily\.example/moderate/#invitation=(pbi_[\w-]+)\n", result.stdout
    )
    assert found is not None
    async with open_pool(database_url, min_size=1, max_size=1) as pool:
        accounts = AccountStore(pool=pool)
        now = datetime.now(UTC)  # noqa: TID251 - the command took the real time
        link = await ArrivalStore(pool=pool).find(link_token_hash(found[1]), now=now)
        assert link is not None
        assert link.member_id is not None
        assert link.resets, "also a way back in for who has lost theirs"
        (role,) = await accounts.roles_of_member(link.member_id)
    assert (role.site, role.role) == ("daily", Role.MODERATOR)
    listed = (await command("member", "list", "--site", "daily")).stdout.splitlines()
    assert listed[1].split("\t")[0] == "sam@daily.example"
    assert listed[1].split("\t")[2] == "moderator"


async def test_an_address_that_is_none_is_wrong_usage(command: CommandLine) -> None:
    await with_site(command)
    for email in ("sam", "sam@daily@example", "sam @daily.example"):
        await command("member", "add", email, "--role", "viewer", "--site", "daily", status=2)
    assert (await command("member", "list", "--site", "daily")).stdout.count("\n") == 1


async def test_stores_of_ones_own_need_a_secret_key(command: CommandLine) -> None:
    result = await command("site", "list", secret_key="", status=2)
    assert result.stderr.startswith("POSTBAG_SECRET_KEY is missing")
    assert len(result.stderr.splitlines()) == 1


async def test_a_database_that_is_away_fails_in_one_line(
    command: CommandLine, tmp_path: Path
) -> None:
    nowhere = f"postgresql://postgres@/postbag?host={tmp_path}"
    result = await command("site", "list", database_url=nowhere, status=1)
    assert result.stderr == "The database cannot be reached right now.\n"


async def test_a_site_can_be_made_while_redis_is_away(command: CommandLine, tmp_path: Path) -> None:
    nowhere = f"unix://{tmp_path}/redis.sock"
    result = await command("site", "create", "daily", "--origin", ORIGIN, redis_url=nowhere)
    assert result.stdout == "daily\n"


async def test_migrate_brings_an_empty_database_up_to_date_and_says_what_it_did(
    command: CommandLine, fresh_database: FreshDatabase
) -> None:
    url = await fresh_database()
    files = sorted(file.name for file in (ROOT / "sql" / "migrations").glob("*.sql"))
    assert (await command("migrate", "--database-url", url)).stdout.splitlines() == files
    assert (await command("migrate", "--database-url", url)).stdout == ""


async def test_a_command_brings_the_schema_up_to_date_unless_told_not_to(
    command: CommandLine, fresh_database: FreshDatabase
) -> None:
    url = await fresh_database()
    told = await command("site", "list", database_url=url, migrate="off", status=1)
    assert "postbag migrate" in told.stderr
    assert (await command("site", "list", database_url=url)).stdout.startswith("site\t")


async def test_a_command_joins_the_pair_that_a_service_runs(
    stores: EmbeddedStores, stores_folder: Path
) -> None:
    before = (stores.postgres_pid, stores.redis_pid)
    command = CommandLine(environment={"POSTBAG_DATA_DIR": str(stores_folder / "data")})
    await command("site", "create", "joined", "--origin", ORIGIN)
    async with open_pool(stores.endpoints.database_url, min_size=1, max_size=1) as pool:
        assert await SiteStore(pool=pool).by_slug("joined") is not None
    async with connect(stores.endpoints.redis_url) as redis:
        assert await redis.hexists(Keys("joined").meta, "epoch")
    assert (stores.postgres_pid, stores.redis_pid) == before
    assert (stores_folder / "data" / "secret.key").exists()


def test_a_command_starts_the_pair_where_none_runs_and_leaves_what_it_made(
    stores_folder: Path,
) -> None:
    def postbag(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - our own command line
            [sys.executable, "-m", "service", *words, "--data-dir", str(stores_folder / "own")],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            check=True,
            text=True,
        )

    assert postbag("site", "create", "daily", "--origin", ORIGIN).stdout == "daily\n"
    key = postbag("key", "create", "--site", "daily", "--scope", "read")
    assert key_parts(key.stdout.strip()) is not None
    assert key.stderr == ""
    assert not (stores_folder / "own" / "endpoints.json").exists()
