"""What can keep the embedded servers from starting."""

from __future__ import annotations


class EmbeddedUnavailable(Exception):  # noqa: N818 - it is said to a person, not to a program
    """The embedded servers cannot run here; the text is one line for a person."""


class AlreadyRunning(Exception):  # noqa: N818 - the same
    """Another process runs the servers of this data folder.

    The command line says so with exit code 3.
    """

    def __init__(self, *, pid: int | None, urls: tuple[str, ...]) -> None:
        """Carry who runs them, and where; `urls` is empty while the first still starts."""
        who = f"process {pid}" if pid else "another process"
        where = f" at {' and '.join(urls)}" if urls else ""
        super().__init__(f"The embedded servers of this data folder are run by {who}{where}.")
        self.pid = pid
        self.urls = urls


class BackupFailed(Exception):  # noqa: N818 - the same
    """A backup cannot be made, or is none that can be restored; the text is for a person."""
