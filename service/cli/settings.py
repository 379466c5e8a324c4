"""`postbag settings`: every setting, with where its value comes from."""

from __future__ import annotations

import click

from service.cli.options import with_settings
from service.cli.show import table
from service.settings import Explained, Settings

PREAMBLE = """\
# Settings

Every setting is an environment variable and, unless it says "variable only", an option of
`postbag`, before or after the command's name: `--data-dir` is `POSTBAG_DATA_DIR`. An option wins
over the variable; an empty variable counts as not set. A value that is not accepted ends the start
with one line that names it, and exit code 2.

`postbag settings` prints each with its value, unit, bound and source. This page is made by
`postbag settings --markdown`; its text is in `service/settings.py`.
"""

POSTSCRIPT = """\
As soon as `POSTBAG_DATABASE_URL` or `POSTBAG_REDIS_URL` is set, `POSTBAG_SECRET_KEY` is needed. How
it is made, kept and replaced: [decisions/0007](decisions/0007-settings-and-secrets.md).

On Kubernetes set `enableServiceLinks: false` where a service is named `postbag`: its links would
set `POSTBAG_PORT`.
"""


@click.command
@click.option("--markdown", is_flag=True, help="Print the manual's page instead.")
@with_settings()
def settings(settings: Settings, *, markdown: bool) -> None:
    """Print every setting with its value, unit, bound and source."""
    explained = settings.explain()
    if markdown:
        click.echo(manual(explained), nl=False)
        return
    table(
        ("variable", "value", "unit", "bound", "source"),
        [
            (each.variable, each.value or "-", each.unit, _plain(each.bound), each.source)
            for each in explained
        ],
    )


def manual(explained: list[Explained]) -> str:
    """Return the manual's page; it says nothing of this machine."""
    rows = [
        "| variable | unit | bound | default | what it decides |",
        "|---|---|---|---|---|",
        *(
            f"| `{each.variable}` | {each.unit} | {each.bound} |"
            f" {f'`{each.default}`' if each.default else 'none'} |"
            f" {each.description} |"
            for each in explained
        ),
    ]
    return f"{PREAMBLE}\n{chr(10).join(rows)}\n\n{POSTSCRIPT}"


def _plain(bound: str) -> str:
    return bound.replace("`", "")
