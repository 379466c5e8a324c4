"""Eight faults, each planted for real, and each found: that one and no other."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.embedded import EmbeddedStores
from service.embedded.binaries import find_redis
from service.features.checkup import CHECKS, Finding, examine, look, look_at_secret
from service.features.forwarders import Forwarders, network_of
from service.settings import Settings
from service.storage.postgres import migrate
from service.storage.queries import SQL_FOLDER
from service.storage.redis import connect
from service.storage.sightings import KEPT, NETWORKS_MAX, SightingStore
from tests.cli.conftest import SECRET_KEY, CommandLine
from tests.conftest import FreshDatabase
from tests.storage.replicas import replicated

Careless = Callable[..., Awaitable[str]]
SOUND = {
    "appendonly": "yes",
    "appendfsync": "always",
    "maxmemory-policy": "noeviction",
    "save": "",
    "port": "0",
}
START_SECONDS = 10.0


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the clocks of the stores are real


@asynccontextmanager
async def valkey(folder: Path, **options: str) -> AsyncIterator[str]:
    """Run another Valkey, set up as one should not."""
    socket = folder / "other.sock"
    chosen = SOUND | {name.replace("_", "-"): value for name, value in options.items()}
    words = [word for name, value in chosen.items() for word in (f"--{name}", value)]
    server = await asyncio.create_subprocess_exec(
        find_redis(os.environ).server,
        *words,
        "--unixsocket",
        socket,
        "--dir",
        folder,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(START_SECONDS):
            while not socket.exists():  # noqa: ASYNC110 - another program makes it
                await asyncio.sleep(0.01)
        yield f"unix://{socket}"
    finally:
        server.terminate()
        await server.wait()


@pytest.fixture
def database_url(emptied_database_url: str) -> str:
    """Nothing here touches the schema."""
    return emptied_database_url


@pytest.fixture
async def careless(tmp_path: Path) -> AsyncIterator[Careless]:
    """A function that starts a Valkey with other options than ours."""
    async with AsyncExitStack() as running:

        async def start(**options: str) -> str:
            return await running.enter_async_context(valkey(tmp_path, **options))

        yield start


@pytest.fixture
def settings(database_url: str, redis_url: str, tmp_path: Path) -> Settings:
    """A service that is well."""
    return Settings.load(
        {
            "database_url": database_url,
            "redis_url": redis_url,
            "secret_key": SECRET_KEY,
            "data_dir": tmp_path / "data",
        }
    )


async def found(
    settings: Settings, *, clock: Callable[[], datetime] = now, **changed: str
) -> list[Finding]:
    """Let the doctor look; every finding must say what is wrong and what to do."""
    settings = settings.model_copy(update=changed)
    assert settings.database_url is not None
    assert settings.redis_url is not None
    findings = examine(
        await look(
            settings,
            database_url=settings.database_url,
            redis_url=settings.redis_url,
            secret=look_at_secret(settings),
            clock=clock,
        )
    )
    for finding in findings:
        assert finding.check in CHECKS
        assert finding.what.endswith(".")
        assert len(finding.advice.split()) > 3
    return findings


def checks(findings: list[Finding]) -> list[str]:
    return [finding.check for finding in findings]


async def test_a_service_that_is_well_has_no_findings(settings: Settings) -> None:
    assert await found(settings) == []


@pytest.mark.parametrize(
    ("name", "value"), [("appendfsync", "everysec"), ("appendonly", "no"), ("appendfsync", "no")]
)
async def test_1_durability_that_is_off_is_found(
    settings: Settings, careless: Careless, name: str, value: str
) -> None:
    (finding,) = await found(settings, redis_url=await careless(**{name: value}))
    assert finding.check == "durability"
    assert f"Set {name} to" in finding.advice
    assert value in finding.advice


async def test_1_each_level_is_told_what_it_lacks(settings: Settings, careless: Careless) -> None:
    lonely = settings.model_copy(update={"durability": "replica", "replicas": 2})
    finding, note = await found(lonely)
    assert [(each.check, each.minor) for each in (finding, note)] == [
        ("durability", False),
        ("durability", True),
    ]
    assert "Connect 2 replicas to this Redis (0 follow it now)" in finding.advice
    lazy = await careless(appendfsync="everysec", appendonly="no")
    assert await found(settings.model_copy(update={"durability": "journal"}), redis_url=lazy) == []


async def test_1_what_could_be_more_certain_is_a_note(settings: Settings) -> None:
    async with replicated() as pair:
        assert settings.database_url is not None
        followed = settings.model_copy(update={"durability": "replica"})
        (finding,) = await found(followed, redis_url=pair.first.url)
        assert finding.minor
        assert "min-replicas-to-write" in finding.advice
        command = CommandLine(
            environment={
                "POSTBAG_DATABASE_URL": settings.database_url,
                "POSTBAG_REDIS_URL": pair.first.url,
                "POSTBAG_SECRET_KEY": SECRET_KEY,
                "POSTBAG_DURABILITY": "replica",
            }
        )
        lines = (await command("doctor")).stdout.splitlines()
    assert "ok     durability" in lines
    assert [line.split()[:2] for line in lines if not line.startswith("ok")] == [
        ["NOTE", "durability:"]
    ]


async def test_2_a_store_that_is_down_is_found(settings: Settings, tmp_path: Path) -> None:
    nowhere = {
        "database_url": f"postgresql://postbag:geheim@/postbag?host={tmp_path}",
        "redis_url": f"unix://{tmp_path}/redis.sock",
    }
    for setting, url in nowhere.items():
        (finding,) = await found(settings.model_copy(update={setting: url}))
        assert finding.check == "stores"
        assert f"POSTBAG_{setting.upper()}" in finding.advice
        assert "geheim" not in str(finding)
    assert checks(await found(settings.model_copy(update=nowhere))) == ["stores", "stores"]


async def test_3_a_schema_that_is_behind_is_found(
    settings: Settings, fresh_database: FreshDatabase, tmp_path: Path
) -> None:
    former = tmp_path / "migrations"
    former.mkdir()
    for file in sorted((SQL_FOLDER / "migrations").glob("*.sql"))[:-1]:
        shutil.copy(file, former)
    behind, empty = await fresh_database(), await fresh_database()
    await migrate(behind, folder=former)
    for url in (behind, empty):
        (finding,) = await found(settings, database_url=url)
        assert finding.check == "schema"
        assert "postbag migrate" in finding.advice
    await migrate(behind)
    assert await found(settings, database_url=behind) == []


@pytest.mark.parametrize(("seconds", "way"), [(90, "behind"), (-90, "ahead of")])
async def test_4_a_clock_that_is_off_is_found(settings: Settings, seconds: int, way: str) -> None:
    findings = await found(settings, clock=lambda: now() + timedelta(seconds=seconds))
    assert checks(findings) == ["clock", "clock"]
    assert all("90 s" in finding.what and way in finding.what for finding in findings)
    assert "NTP" in findings[0].advice


async def test_5_a_disk_that_is_nearly_full_is_found(settings: Settings, tmp_path: Path) -> None:
    full = settings.model_copy(update={"disk_free_min_mb": 10_000_000})
    (finding,) = await found(full)
    assert finding.check == "disk"
    assert str(tmp_path) in finding.what


async def test_6_a_secret_that_is_missing_is_found(settings: Settings) -> None:
    (finding,) = await found(settings.model_copy(update={"secret_key": None}))
    assert finding.check == "secret"
    assert "POSTBAG_SECRET_KEY" in finding.what


def test_6_a_secret_file_that_was_lost_or_opened_is_found(tmp_path: Path) -> None:
    embedded = Settings.load({"data_dir": tmp_path})
    assert look_at_secret(embedded) is None, "a folder never used lacks nothing"
    (tmp_path / "run.lock").touch()
    lost = look_at_secret(embedded)
    assert lost is not None
    assert "backup" in lost.advice
    embedded.secret_file.write_text("s" * 64)
    embedded.secret_file.chmod(0o640)
    opened = look_at_secret(embedded)
    assert opened is not None
    assert "chmod 600" in opened.advice
    embedded.secret_file.chmod(0o600)
    assert look_at_secret(embedded) is None


async def noted(redis_url: str, *addresses: str, at: datetime) -> list[str]:
    """Let the service see untrusted peers; return what it remembers of them."""
    async with connect(redis_url) as redis:
        sightings = SightingStore(redis=redis)
        forwarders = Forwarders(sightings=sightings)
        for address in addresses:
            forwarders.note(address, now=at)
        writing = asyncio.create_task(forwarders.run())
        try:
            async with asyncio.timeout(START_SECONDS):
                while not (seen := await sightings.seen(now=at)):  # noqa: ASYNC110 - asks Redis
                    await asyncio.sleep(0.01)
        finally:
            writing.cancel()
        return seen


async def test_7_a_proxy_that_is_not_trusted_is_found(settings: Settings) -> None:
    assert settings.redis_url is not None
    await noted(settings.redis_url, "10.20.30.40", "10.20.30.41", at=now())
    (finding,) = await found(settings)
    assert finding.check == "proxies"
    assert "10.20.30.0/24" in finding.what
    assert "POSTBAG_TRUSTED_PROXIES" in finding.advice


async def test_7_a_proxy_that_was_made_known_is_no_finding_any_more(settings: Settings) -> None:
    assert settings.redis_url is not None
    await noted(settings.redis_url, "10.20.30.40", at=now())
    trusting = Settings.load(
        {"trusted_proxies": "10.20.30.40", "secret_key": SECRET_KEY}
    ).trusted_proxies
    assert await found(settings.model_copy(update={"trusted_proxies": trusting})) == []
    assert await found(settings, clock=now) != []


async def test_7_of_public_addresses_only_that_there_were_some_is_kept(settings: Settings) -> None:
    assert settings.redis_url is not None
    seen = await noted(settings.redis_url, "203.0.113.9", "8.8.8.8", "2606:4700::1", at=now())
    assert "public" in seen
    assert not any(part in str(seen) for part in ("8.8.8.8", "2606"))
    assert "CDN" in (await found(settings))[0].advice


async def test_7_a_sighting_is_forgotten_after_an_hour(redis_url: str) -> None:
    seen_at = now()
    await noted(redis_url, "10.20.30.40", at=seen_at)
    async with connect(redis_url) as redis:
        sightings = SightingStore(redis=redis)
        assert await sightings.seen(now=seen_at + KEPT - timedelta(seconds=1)) == ["10.20.30.0/24"]
        assert await sightings.seen(now=seen_at + KEPT) == []
        assert 0 < await redis.ttl("pb:forwarders") <= KEPT.total_seconds()


async def test_7_no_more_networks_are_kept_than_an_operator_has(redis_url: str) -> None:
    at = now()
    await noted(redis_url, *(f"10.0.{n}.1" for n in range(NETWORKS_MAX * 2)), at=at)
    async with connect(redis_url) as redis:
        sightings = SightingStore(redis=redis)
        await sightings.note([f"10.1.{n}.0/24" for n in range(9)], now=at + timedelta(seconds=1))
        seen = await sightings.seen(now=at)
    assert len(seen) == NETWORKS_MAX
    assert seen[0].startswith("10.1."), "the latest first"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.1.2.3", "10.1.2.0/24"),
        ("127.0.0.1", "127.0.0.0/24"),
        ("fd00:1:2:3::9", "fd00:1:2:3::/64"),
        ("::1", "::/64"),
        ("8.8.8.8", "public"),
        ("2606:4700::1", "public"),
        ("fe80::1%eth0", "fe80::/64"),
        ("no address", "public"),
        ("", "public"),
    ],
)
def test_a_peer_is_known_by_its_network(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
async def test_8_a_memory_policy_that_throws_comments_away_is_found(
    settings: Settings, careless: Careless, policy: str
) -> None:
    (finding,) = await found(settings, redis_url=await careless(maxmemory_policy=policy))
    assert finding.check == "memory"
    assert policy in finding.advice
    assert "noeviction" in finding.advice


async def test_8_memory_that_is_nearly_full_is_found(
    settings: Settings, careless: Careless
) -> None:
    url = await careless()
    async with connect(url) as redis:
        used = int((await redis.info("memory"))["used_memory"])
        await redis.config_set("maxmemory", used + used // 10)
    (finding,) = await found(settings, redis_url=url)
    assert finding.check == "memory"
    assert "Raise maxmemory" in finding.advice


async def test_several_faults_are_all_named(settings: Settings, careless: Careless) -> None:
    url = await careless(appendfsync="everysec", maxmemory_policy="allkeys-lru")
    findings = await found(settings.model_copy(update={"secret_key": None}), redis_url=url)
    assert checks(findings) == ["durability", "memory", "secret"]


async def test_the_command_ends_with_1_when_something_is_wrong(
    command: CommandLine, careless: Careless
) -> None:
    well = await command("doctor")
    assert well.stdout.splitlines() == [f"ok     {check}" for check in CHECKS]
    assert well.stderr == ""
    ill = await command("doctor", redis_url=await careless(appendfsync="everysec"), status=1)
    wrong = [line for line in ill.stdout.splitlines() if not line.startswith("ok")]
    assert len(wrong) == 1
    assert wrong[0].startswith("WRONG  durability: ")
    assert ill.stderr == "1 to mend.\n"
    no_secret = await command("doctor", secret_key="", status=1)
    assert "WRONG  secret: " in no_secret.stdout
    disk = await command("doctor", disk_free_min_mb="10000000", status=1)
    assert "WRONG  disk: " in disk.stdout


async def test_the_command_looks_at_the_pair_of_a_running_service(
    stores: EmbeddedStores, stores_folder: Path
) -> None:
    await migrate(stores.endpoints.database_url)
    command = CommandLine(environment={"POSTBAG_DATA_DIR": str(stores_folder / "data")})
    (stores_folder / "data" / "secret.key").unlink(missing_ok=True)
    lost = await command("doctor", status=1)
    assert "WRONG  secret: " in lost.stdout
    assert not (stores_folder / "data" / "secret.key").exists(), "the doctor makes no new one"
    await command("migrate")
    assert (await command("doctor")).stdout.count("ok ") == len(CHECKS)


async def test_embedded_stores_that_cannot_start_are_a_finding(tmp_path: Path) -> None:
    command = CommandLine(environment={"POSTBAG_DATA_DIR": str(tmp_path)})
    (tmp_path / "run.lock").touch()
    result = await command("doctor", redis_bin=str(tmp_path / "nothing"), status=1)
    assert result.stdout.count("WRONG  stores: ") == 2
    assert "Traceback" not in result.output
