"""The same request again and again, as fast as it is answered: by wrk, or by our own client.

wrk runs on the server's processor: a server then always finds as many requests as there are
connections, so that its time is that of answering and not that of waking up.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from bench.speed import client
from bench.speed.client import Clients
from bench.speed.machine import SERVER_CPUS, Meter, started_on

WRK = shutil.which("wrk")
CONNECTIONS = 16
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}

_ROW = re.compile(r"^\s*(50|99)%\s+([\d.]+)(us|ms|s|m)\s*$", re.MULTILINE)
_WHOLE = re.compile(r"(\d+) requests in ([\d.]+)(us|ms|s|m), ([\d.]+)(B|KB|MB|GB) read")
_SIZES = {"B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30}


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round's figures."""

    cpu_us: float
    """Of the server, a request."""
    per_second: float
    p50_ms: float
    p99_ms: float
    bytes: float
    """Of an answer, its head included."""


def round_of(
    clients: Clients,
    port: int,
    target: str,
    headers: Mapping[str, str],
    *,
    pid: int,
    seconds: int,
    connections: int = CONNECTIONS,
) -> Round:
    """Ask one server for some time."""
    meter = Meter({"server": pid})
    meter.begin()
    if WRK is None:
        head = request(target, headers)
        run = clients.now(client.again, port, head, connections, float(seconds))
        wrong = sum(times for status, times in run.statuses.items() if status >= 400)
        requests, took, received = run.requests, run.seconds, float(run.received)
        p50, p99 = percentile(run.latencies, 0.5), percentile(run.latencies, 0.99)
    else:
        said = _wrk(port, target, headers, seconds, connections)
        wrong = said.count("Non-2xx") + said.count("Socket errors")
        found = _WHOLE.search(said)
        if found is None:
            raise RuntimeError(f"wrk said: {said}")
        requests, took = int(found[1]), float(found[2]) * UNITS[found[3]]
        received = float(found[4]) * _SIZES[found[5]]
        rows = {row[1]: float(row[2]) * UNITS[row[3]] for row in _ROW.finditer(said)}
        p50, p99 = rows.get("50", 0.0), rows.get("99", 0.0)
    spent = meter.spent()["server"]
    if wrong or not requests:
        raise RuntimeError(f"{target}: not every answer was good")
    return Round(
        cpu_us=spent / requests * 1e6,
        per_second=requests / took,
        p50_ms=p50 * 1e3,
        p99_ms=p99 * 1e3,
        bytes=received / requests,
    )


def request(target: str, headers: Mapping[str, str]) -> bytes:
    """Write a GET."""
    lines = [f"GET {target} HTTP/1.1", "Host: localhost"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def percentile(values: list[float], share: float) -> float:
    """Return the value below which a share of the values lies; 0 of none."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def _wrk(port: int, target: str, headers: Mapping[str, str], seconds: int, connections: int) -> str:
    assert WRK is not None
    said = [f"{name}: {value}" for name, value in headers.items()]
    with started_on(SERVER_CPUS):
        done = subprocess.run(
            [
                *(WRK, "--latency", "-t1", f"-c{connections}", f"-d{seconds}s"),
                *(word for line in said for word in ("-H", line)),
                f"http://127.0.0.1:{port}{target}",
            ],
            capture_output=True,
            text=True,
            timeout=seconds + 30,
            check=False,
        )
    return done.stdout + done.stderr
