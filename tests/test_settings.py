from __future__ import annotations

import os
import tomllib
from ipaddress import ip_network
from pathlib import Path

import pytest

from service.cli.settings import manual
from service.settings import MASK, VERSION, BadSettings, Settings, masked, meta

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("POSTBAG_"):
            monkeypatch.delenv(name)


def test_every_setting_says_its_unit_its_bound_and_what_it_decides() -> None:
    for each in Settings.load().explain():
        assert each.unit, each.name
        assert each.bound, each.name
        assert each.description.endswith("."), each.name


def test_a_variable_is_read_and_an_option_wins_over_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTBAG_PORT", "9000")
    monkeypatch.setenv("POSTBAG_WORKERS", "3")
    settings = Settings.load({"port": "9001", "host": None})
    sources = {each.name: each.source for each in settings.explain()}
    assert (settings.port, settings.workers, settings.host) == (9001, 3, "127.0.0.1")
    assert sources["port"] == "option"
    assert sources["workers"] == "environment"
    assert sources["host"] == "default"
    assert sources["database_url"] == "embedded"
    assert sources["secret_key"] == "file"


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTBAG_PORT", "")
    monkeypatch.setenv("POSTBAG_DATABASE_URL", "")
    settings = Settings.load()
    assert settings.port == 8080
    assert settings.database_url is None


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("PORT", "70000", "0 to 65,535"),
        ("PORT", "tcp://10.0.0.1:80", "0 to 65,535"),
        ("WORKERS", "0", "1 to 64"),
        ("DRAIN_SECONDS", "nan", "0 to 300"),
        ("DRAIN_SECONDS", "-1", "0 to 300"),
        ("LOG_LEVEL", "loud", "debug, info, warning, error"),
        ("RATE_LIMITS", "perhaps", "on, off"),
        ("DURABILITY", "none", "local"),
        ("DATABASE_URL", "mysql://user:geheim@host/x", "postgresql://"),
        ("DATABASE_URL", "postgresql://user:geheim@[host/x", "is no URL"),
        ("REDIS_URL", "redis.example:6379", "rediss://"),
        ("SECRET_KEY", "geheim", "at least 32 bytes"),
        ("SECRET_KEY_OLD", "geheim", "at least 32 bytes"),
        ("PUBLIC_URL", "comments.example", "http://"),
        ("PUBLIC_URL", "https://comments.example/path", "no path"),
        ("PUBLIC_URL", "https://user@comments.example", "no path"),
        ("TRUSTED_PROXIES", "10.0.0.0/8, 10.0.0.1/8", "'10.0.0.1/8' is no network"),
        ("DATABASE_POOL", "1", "6 to 200"),
    ],
)
def test_a_wrong_value_gives_one_line_that_names_its_variable_and_no_secret(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(f"POSTBAG_{name}", value)
    with pytest.raises(BadSettings) as caught:
        Settings.load()
    line = str(caught.value)
    assert line.startswith(f"POSTBAG_{name}")
    assert told in line
    assert "\n" not in line
    assert "geheim" not in line


def test_a_value_with_line_ends_stays_in_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTBAG_PORT", "1\nPOSTBAG_HOST is fine")
    with pytest.raises(BadSettings) as caught:
        Settings.load()
    assert "\n" not in str(caught.value)


def test_each_wrong_value_has_a_line_of_its_own() -> None:
    with pytest.raises(BadSettings) as caught:
        Settings.load({"port": "x", "workers": "y"})
    assert [line.partition("=")[0] for line in str(caught.value).splitlines()] == [
        "--port",
        "--workers",
    ]


def test_networks_are_separated_by_commas_or_blanks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTBAG_TRUSTED_PROXIES", "10.0.0.0/8,192.0.2.7 2001:db8::/32")
    assert Settings.load().trusted_proxies == (
        ip_network("10.0.0.0/8"),
        ip_network("192.0.2.7/32"),
        ip_network("2001:db8::/32"),
    )


def test_a_public_url_is_kept_as_an_origin() -> None:
    settings = Settings.load({"public_url": "HTTPS://Comments.Example:8443/"})
    assert settings.public_url == settings.base_url == "https://comments.example:8443"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:8080"),  # noqa: S104 - nothing listens in this test
        ("::", "http://[::1]:8080"),
        ("localhost", "http://localhost:8080"),
    ],
)
def test_without_a_public_url_people_are_sent_to_where_it_listens(host: str, url: str) -> None:
    assert Settings.load({"host": host}).base_url == url


def test_another_process_gets_the_same_settings_by_its_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = Settings.load(
        {
            "port": "0",
            "drain_seconds": "2.5",
            "rate_limits": "off",
            "trusted_proxies": "10.0.0.0/8,::1",
            "secret_key": "s" * 32,
        }
    )
    for name, value in settings.variables().items():
        monkeypatch.setenv(name, value)
    assert Settings.load().model_dump() == settings.model_dump()
    assert set(settings.variables()) == {
        "POSTBAG_PORT",
        "POSTBAG_DRAIN_SECONDS",
        "POSTBAG_RATE_LIMITS",
        "POSTBAG_TRUSTED_PROXIES",
        "POSTBAG_SECRET_KEY",
    }


def test_no_secret_is_shown_in_any_form() -> None:
    settings = Settings.load(
        {
            "database_url": "postgresql://postbag:geheim@db.example:5432/postbag?password=geheim",
            "redis_url": "redis://:geheim@queue.example/0",
            "secret_key": "geheim" * 6,
            "secret_key_old": "geheim" * 7,
        }
    )
    shown = {each.name: each.value for each in settings.explain()}
    assert "geheim" not in repr(settings) + str(settings) + str(shown)
    assert shown["database_url"].startswith(f"postgresql://{MASK}@db.example:5432/postbag")
    assert shown["redis_url"] == f"redis://{MASK}@queue.example/0"
    assert shown["secret_key"] == MASK
    assert masked("unix:///run/redis.sock?db=1") == "unix:///run/redis.sock"


def test_the_manual_is_in_step_and_says_nothing_of_this_machine() -> None:
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    elsewhere = Settings.load({"data_dir": "/srv/elsewhere", "port": "1"})
    assert manual(elsewhere.explain()) == page, "postbag settings --markdown > docs/settings.md"
    for name, field in Settings.model_fields.items():
        assert f"`POSTBAG_{name.upper()}`" in page
        assert ("Variable only." in (field.description or "")) == (not meta(field)["option"])


def test_the_release_is_the_one_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == VERSION
