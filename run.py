"""Set up `.venv` when needed, then run something in it: `python3 run.py [COMMAND] [ARGUMENTS]`.

Commands:
    run     start Postbag with its demo site (the default)
    sync    only install what running needs
    dev     only install what running and testing need

It needs Python 3.11 or newer on the machine and nothing else; an older Python may
start it, so it uses old syntax only. Packages are pinned by hash in requirements/.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "postbag-stamp.json"
LOCKS = ROOT / "requirements"

OLDEST = (3, 11)
VENV_ADVICE = "On Debian and Ubuntu `apt install python3-venv` helps; then start again."

NAMES = ("python3", "python3.14", "python3.13", "python3.12", "python3.11", "python")
"""What a Python is called, in the order of trial."""

PIP_KEEPS = (
    "PIP_CACHE_DIR",
    "PIP_CERT",
    "PIP_CLIENT_CERT",
    "PIP_CONFIG_FILE",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_INDEX_URL",
    "PIP_KEYRING_PROVIDER",
    "PIP_NO_CACHE_DIR",
    "PIP_NO_INDEX",
    "PIP_PROXY",
    "PIP_RETRIES",
    "PIP_TIMEOUT",
    "PIP_TRUSTED_HOST",
)
"""Settings that say where packages come from; others, like PIP_USER, would misplace them."""

EXACTLY = ("--require-hashes", "--no-deps", "--only-binary=:all:")
"""The lock files are complete; what their hashes do not name is not installed."""

FIND_PIP = """
import ensurepip, glob, os, sysconfig
places = [os.path.join(os.path.dirname(ensurepip.__file__), "_bundled")]
places.append(sysconfig.get_config_var("WHEEL_PKG_DIR") or "/usr/share/python-wheels")
print([name for place in places for name in glob.glob(place + "/pip-*.whl")][0])
"""
"""Prints the pip every Python carries to give to new environments; it runs as it is."""

OWN_SOURCES = re.compile(r"\.(index-url|no-index|proxy)=")
"""In `pip config list`: packages come from a place that only pip knows."""


def main(arguments: list[str]) -> None:
    """Set up what the command needs, and become it."""
    command = arguments[0] if arguments else "run"
    if command not in {"run", "sync", "dev"}:
        sys.exit(__doc__)
    wanted = ["dev"] if command == "dev" else ["base"]
    if brings_servers():
        wanted.append("embedded")
    if missing(wanted):
        set_up(wanted)
    if command == "run":
        words = [str(PYTHON), "-m", "service", "serve", "--demo"] + arguments[1:]  # noqa: RUF005
        os.chdir(ROOT)
        os.execve(words[0], words, clean_environment())  # noqa: S606 - no shell is meant


def brings_servers() -> bool:
    """Tell whether PostgreSQL and Valkey come as packages: not when others are named.

    There are none for musl (Alpine); the service then looks for the system's.
    """
    named = os.environ.get("POSTBAG_DATABASE_URL") and os.environ.get("POSTBAG_REDIS_URL")
    musl = sys.platform == "linux" and platform.libc_ver()[0] != "glibc"
    return not named and not musl


def missing(wanted: list[str]) -> list[str]:
    """Return the lock files that `.venv` does not hold in their present state."""
    try:
        installed = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return wanted
    if not PYTHON.exists() or installed.get("python") != environment_digest():
        return wanted
    return [name for name in wanted if installed.get(name) != lock_digest(name)]


def set_up(wanted: list[str]) -> None:
    """Make `.venv` and install; whoever comes second waits and finds it done."""
    gate = os.open(str(ROOT), os.O_RDONLY)
    fcntl.flock(gate, fcntl.LOCK_EX)
    try:
        if not missing(wanted):
            return
        if not is_new_enough(str(PYTHON)):
            make_venv()
        needed = missing(wanted)
        installed = install(needed)
        link_project()
        write_stamp([name for name in wanted if name not in needed or name in installed])
    finally:
        os.close(gate)


def make_venv() -> None:
    """Make `.venv` afresh with the first Python that is new enough."""
    python = find_python()
    say(f"Making .venv with {python}")
    if VENV.exists():
        shutil.rmtree(str(VENV))
    made = attempt([python, "-m", "venv", "--without-pip", str(VENV)])
    if made.returncode != 0:
        sys.exit(f"{python} cannot make a virtual environment:\n{made.stdout}\n{VENV_ADVICE}")


def find_pip() -> list[str]:
    """Return the command line of a pip for `.venv`, which need not have one itself."""
    carried = attempt([str(PYTHON), "-c", FIND_PIP])
    if carried.returncode == 0:
        return [str(PYTHON), carried.stdout.strip() + "/pip"]
    for name in NAMES:
        found = shutil.which(name)
        if found and attempt([found, "-m", "pip", "--version"]).returncode == 0:
            return [found, "-m", "pip", "--python", str(PYTHON)]
    return sys.exit(f"There is no pip to install packages with.\n{VENV_ADVICE}")


def find_python() -> str:
    """Return a Python that is new enough: the one that runs this, or one on PATH."""
    own = sys.executable
    if own and sys.version_info >= OLDEST:
        return own
    for name in NAMES:
        found = shutil.which(name)
        if found and is_new_enough(found):
            return found
    sys.exit(
        "Postbag needs Python {}.{} or newer; this is {}.".format(
            *OLDEST, platform.python_version()
        )
    )


def is_new_enough(python: str) -> bool:
    """Ask a Python for its version; one that does not run is not new enough."""
    return (
        attempt([python, "-c", f"import sys; sys.exit(sys.version_info < {OLDEST})"]).returncode
        == 0
    )


def install(names: list[str]) -> list[str]:
    """Install lock files and return the names of those that could be.

    Exits when it is not only PostgreSQL and Valkey that are missing in the end.
    """
    say("Installing the packages pinned in requirements/ (once; a few seconds)")
    pip = find_pip()
    if uv_install(pip, names):
        return names
    failure = pip_install(pip, names)
    if failure and "embedded" in names:
        names = [name for name in names if name != "embedded"]
        say("PostgreSQL and Valkey could not be installed as packages; going on without them.")
        failure = pip_install(pip, names) if names else ""
    if failure:
        sys.exit(f"{failure}\npip could not install the packages.")
    return names


def uv_install(pip: list[str], names: list[str]) -> bool:
    """Install with uv, which takes a third of pip's time, unless pip knows other sources."""
    if OWN_SOURCES.search(attempt([*pip, "config", "list"]).stdout):
        return False
    if pip_install(pip, ["tools"]):
        return False
    words = [str(VENV / "bin" / "uv"), "pip", "install", "--python", str(PYTHON), *EXACTLY]
    return watch([*words, *lock_arguments(names)]) == ""


def pip_install(pip: list[str], names: list[str]) -> str:
    """Install with pip; return what it said if that failed."""
    words = [*pip, "install", "--no-compile", "--no-input", "--no-color", *EXACTLY]
    return watch([*words, "--disable-pip-version-check", *lock_arguments(names)])


def lock_arguments(names: list[str]) -> list[str]:
    """Return `-r` and path for each lock file."""
    return [word for name in names for word in ("-r", str(LOCKS / f"{name}.txt"))]


def watch(words: list[str]) -> str:
    """Run an installer, showing one line that changes; return what it said if it failed."""
    installer = subprocess.Popen(  # noqa: S603 - our own .venv
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=clean_environment(),
        text=True,
    )
    said = []
    for line in installer.stdout or ():
        said.append(line)
        show(line)
    show("")
    return "".join(said[-30:]) or "It failed without a word." if installer.wait() else ""


def link_project() -> None:
    """Make `import service` and `.venv/bin/postbag` work, as an editable installation would."""
    packages = next((VENV / "lib").glob("python3.*")) / "site-packages"
    (packages / "postbag.pth").write_text(f"{ROOT}\n", encoding="utf-8")
    script = VENV / "bin" / "postbag"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(str(PYTHON))} -P -m service "$@"\n', "utf-8")
    script.chmod(0o755)


def write_stamp(wanted: list[str]) -> None:
    """Note what `.venv` holds; the packages for testing include those for running."""
    names = set(wanted) | ({"base"} if "dev" in wanted else set())
    stamp = {name: lock_digest(name) for name in sorted(names)}
    stamp["python"] = environment_digest()
    STAMP.write_text(json.dumps(stamp, indent=2) + "\n", encoding="utf-8")


def lock_digest(name: str) -> str:
    """Return the fingerprint of a lock file."""
    return hashlib.sha256((LOCKS / f"{name}.txt").read_bytes()).hexdigest()


def environment_digest() -> str:
    """Return the fingerprint of the Python in `.venv` and of the place it was made in."""
    said = (VENV / "pyvenv.cfg").read_bytes() if (VENV / "pyvenv.cfg").exists() else b""
    return hashlib.sha256(said + os.fsencode(str(ROOT))).hexdigest()


def clean_environment() -> dict[str, str]:
    """Return our environment without what would lead Python or pip elsewhere, or slow it down."""
    drop = {"PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__"}
    drop.add("PYTHONDONTWRITEBYTECODE")  # every start would compile what was not compiled before
    kept = {
        key: value
        for key, value in os.environ.items()
        if key not in drop and (not key.startswith("PIP_") or key in PIP_KEEPS)
    }
    # These win over a configuration file that says otherwise.
    kept.update(PIP_USER="0", PIP_REQUIRE_VIRTUALENV="0")
    return kept


def attempt(words: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and keep what it says."""
    try:
        return subprocess.run(  # noqa: S603 - a Python found on this machine
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=clean_environment(),
            check=False,
            text=True,
        )
    except OSError as error:
        return subprocess.CompletedProcess(words, 127, str(error))


def say(text: str) -> None:
    """Tell the person a line."""
    print(text, file=sys.stderr, flush=True)


def show(line: str) -> None:
    """Replace the changing line on a terminal; elsewhere say nothing."""
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns - 1
        print("\r\033[K" + line.strip()[:width], end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
