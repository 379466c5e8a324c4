"""The compose file cannot be run on every machine; what it promises is read instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from service.settings import Settings

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert isinstance(loaded, dict)
    return loaded


def test_the_stores_are_postgres_18_and_valkey_with_pinned_majors(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["postgres"]["image"] == "postgres:18"
    assert services["valkey"]["image"].startswith("valkey/valkey:9")
    assert services["postbag"]["build"] == "."


def test_valkey_writes_every_comment_to_disk_and_evicts_nothing(compose: dict[str, Any]) -> None:
    command = compose["services"]["valkey"]["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--appendonly"] == "yes"
    assert options["--appendfsync"] == "always"
    assert options["--maxmemory-policy"] == "noeviction"


def test_every_service_has_a_health_check_and_the_service_waits_for_its_stores(
    compose: dict[str, Any],
) -> None:
    services = compose["services"]
    assert all(service["healthcheck"]["test"] for service in services.values())
    waits = services["postbag"]["depends_on"]
    assert {name: wait["condition"] for name, wait in waits.items()} == {
        "postgres": "service_healthy",
        "valkey": "service_healthy",
    }


def test_both_stores_keep_their_files_in_named_volumes(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]
    assert services["valkey"]["volumes"] == ["valkey:/data"]
    assert set(compose["volumes"]) == {"postgres", "valkey"}


def test_every_postbag_variable_is_a_real_setting(compose: dict[str, Any]) -> None:
    named = {
        name.removeprefix("POSTBAG_").lower()
        for name in compose["services"]["postbag"]["environment"]
        if name.startswith("POSTBAG_")
    }
    assert named, "the compose file configures nothing"
    assert named <= set(Settings.model_fields)


def test_the_image_copies_what_the_service_needs_and_runs_as_a_user() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    for folder in ("service", "sql", "requirements/base.txt"):
        assert f"COPY {folder} {folder}" in dockerfile
        assert (ROOT / folder).exists()
    assert "--require-hashes" in dockerfile
    assert "\nUSER postbag\n" in dockerfile
