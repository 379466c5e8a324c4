"""`python -m service` and `postbag`."""

from __future__ import annotations

from service.cli import later


def main() -> None:
    """Run the command line and exit with its code."""
    later.install()
    later.load_plain_log()
    later.load_redis()
    later.load_web()
    from service.cli.root import postbag  # noqa: PLC0415 - now that it is said what waits

    postbag(prog_name="postbag")


if __name__ == "__main__":
    main()
