"""`python -m service` and `postbag`."""

from __future__ import annotations

from service.cli import later
from service.cli.root import postbag


def main() -> None:
    """Run the command line and exit with its code."""
    later.install()
    postbag(prog_name="postbag")


if __name__ == "__main__":
    main()
