"""Whom the service is measured beside: nginx with the same bytes, and Isso doing the same work."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.speed.machine import SERVER_CPUS, started_on, tree, version_of

INSTALL_SECONDS = 75
"""Waited for, beside what is done meanwhile."""
START_SECONDS = 20.0
ISSO = Path(tempfile.gettempdir()) / "postbag-bench-isso"
"""Kept from run to run: building it takes a minute."""
ISSO_PACKAGES = ("isso>=0.13", "gunicorn", "gevent", "packaging", "setuptools<81")

NGINX_CONF = """
daemon off;
worker_processes 1;
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  open_file_cache max=100 inactive=600s;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  default_type application/json;
  server {{
    listen 127.0.0.1:{port};
{locations}
  }}
}}
"""

ISSO_CONF = """
[general]
dbpath = {folder}/comments.db
host = http://localhost/
notify =
log-file = {folder}/isso.log
[moderation]
enabled = true
purge-after = 30d
[guard]
enabled = false
[admin]
enabled = false
[hash]
salt = bench
algorithm = none
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A server beside ours."""

    name: str
    version: str
    port: int
    pid: int


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def nginx(folder: Path, bodies: Mapping[str, tuple[bytes, str | None]]) -> Iterator[Peer | None]:
    """Serve bytes by target (and what they are encoded in); None where there is no nginx."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        yield None
        return
    folder.mkdir(mode=0o755)
    locations = []
    for number, (target, (body, encoding)) in enumerate(bodies.items()):
        (folder / f"{number}").write_bytes(body)
        head = f"add_header Content-Encoding {encoding};" if encoding else ""
        locations.append(
            f"    location = {target.partition('?')[0]} {{ alias {folder}/{number}; {head} }}"
        )
    port = free_port()
    config = NGINX_CONF.format(
        folder=folder,
        port=port,
        locations="\n".join(locations),
        user="user root;" if _is_root() else "",
    )
    (folder / "nginx.conf").write_text(config)
    with started_on(SERVER_CPUS):
        server = subprocess.Popen(
            [program, "-c", str(folder / "nginx.conf"), "-p", str(folder)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    try:
        until_open(port, server)
        version = version_of(program, "-v").partition("/")[2]
        yield Peer(name="nginx", version=version, port=port, pid=server.pid)
    finally:
        end(server)


def _is_root() -> bool:
    return Path("/proc/self").stat().st_uid == 0


def _isso_is_there() -> bool:
    ready = ISSO / "ready"
    return ready.exists() and ready.read_text(encoding="utf-8") == " ".join(ISSO_PACKAGES)


def begin_isso_install() -> subprocess.Popen[bytes] | None:
    """Begin to install Isso into an environment of its own; None when it is there already."""
    if _isso_is_there():
        return None
    words = " ".join(f"'{each}'" for each in ISSO_PACKAGES)
    script = (
        f"'{sys.executable}' -m venv --clear '{ISSO}'"
        f" && '{ISSO}/bin/python' -m pip install -q --disable-pip-version-check {words}"
        f" && printf '%s' '{' '.join(ISSO_PACKAGES)}' > '{ISSO}/ready'"
    )
    return subprocess.Popen(
        ["/bin/sh", "-c", script],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # so that all of it can be ended at once
    )


@contextmanager
def isso(
    folder: Path, installing: subprocess.Popen[bytes] | None, threads: Mapping[str, list[str]]
) -> Iterator[Peer | None]:
    """Serve threads, texts by address; None where Isso could not be installed."""
    if installing is not None:
        try:
            installing.wait(INSTALL_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(installing.pid, signal.SIGTERM)
    if not _isso_is_there():
        yield None
        return
    folder.mkdir()
    (folder / "isso.conf").write_text(ISSO_CONF.format(folder=folder))
    port = free_port()
    with started_on(SERVER_CPUS):
        server = subprocess.Popen(
            [
                *(str(ISSO / "bin/gunicorn"), "-b", f"127.0.0.1:{port}", "-w", "1"),
                *("-k", "gevent", "--backlog", "2048", "--log-level", "error", "isso.run"),
            ],
            env={"PATH": "/usr/bin:/bin", "ISSO_SETTINGS": str(folder / "isso.conf")},
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    try:
        until_open(port, server)
        _fill(folder / "comments.db", threads)
        version = version_of(
            str(ISSO / "bin/python"),
            "-c",
            "import importlib.metadata as m; print(m.version('isso'))",
        )
        yield Peer(name="Isso", version=version, port=port, pid=server.pid)
    except RuntimeError:
        yield None
    finally:
        end(server)


def _fill(database: Path, threads: Mapping[str, list[str]]) -> None:
    """Write public comments as Isso would have."""
    with sqlite3.connect(database, timeout=10) as base:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and not _tables(base) >= {"threads", "comments"}:
            time.sleep(0.1)
        columns = [row[1] for row in base.execute("PRAGMA table_info(comments)")]
        for number, (address, texts) in enumerate(threads.items(), 1):
            base.execute("INSERT INTO threads VALUES (?, ?, ?)", (number, address, "An article"))
            for at, text in enumerate(texts):
                row = {
                    "tid": number,
                    "parent": None,
                    "created": 1_790_000_000.0 + at,
                    "mode": 1,
                    "remote_addr": "127.0.0.0",
                    "text": text,
                    "author": f"Reader {at % 97}",
                    "likes": 0,
                    "dislikes": 0,
                    "voters": bytes(256),
                    "notification": 0,
                }
                row = {name: value for name, value in row.items() if name in columns}
                marks = ", ".join("?" * len(row))
                base.execute(
                    f"INSERT INTO comments ({', '.join(row)}) VALUES ({marks})",  # noqa: S608
                    tuple(row.values()),
                )


def _tables(base: sqlite3.Connection) -> set[str]:
    return {row[0] for row in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def until_open(port: int, server: subprocess.Popen[bytes]) -> None:
    """Wait until somebody listens.

    Raises:
        RuntimeError: the program ended, or does not listen in time.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{server.args!r} does not listen")


def end(server: subprocess.Popen[bytes], seconds: float = 10.0) -> None:
    """End a program that we started, with all below it."""
    below = tree(server.pid)
    server.terminate()
    try:
        server.wait(seconds)
    except subprocess.TimeoutExpired:
        for pid in below & tree(server.pid):
            subprocess.run(["/bin/kill", "-9", str(pid)], check=False)
        server.wait(seconds)
