"""`postbag`: its commands, and how a failure ends."""

from __future__ import annotations

import gc
from importlib import import_module
from types import MappingProxyType
from typing import Any

import click

from service.cli.options import root_options, take_options
from service.embedded.errors import AlreadyRunning, BackupFailed, EmbeddedUnavailable
from service.errors import Failure, Invalid
from service.secrets import SealBroken
from service.settings import VERSION, BadSettings
from service.storage.migrations import MigrationFailed

COMMANDS = MappingProxyType(
    {
        "serve": "service.cli.serve:serve",
        "migrate": "service.cli.migrate:migrate",
        "settings": "service.cli.settings:settings",
        "site": "service.cli.site:site",
        "key": "service.cli.key:key",
        "member": "service.cli.member:member",
        "doctor": "service.cli.doctor:doctor",
        "audit": "service.cli.audit:audit",
        "reconcile": "service.cli.reconcile:reconcile",
        "backup": "service.cli.backup:backup",
        "restore": "service.cli.restore:restore",
        "rules": "service.cli.rules:rules",
    }
)
"""Where each command is; loaded when it is asked for, since the server's parts take a while."""


class Refusal(click.ClickException):
    """A failure told on standard error."""

    exit_code = 1

    def show(self, file: Any = None) -> None:
        """Print the text alone: its lines name what is wrong."""
        click.echo(self.message, file=file, err=True)


class WrongUse(Refusal):
    """A setting or an argument that is not accepted."""

    exit_code = 2


class Busy(Refusal):
    """Another process runs the stores."""

    exit_code = 3


class Commands(click.Group):
    """A group that loads its commands when needed and ends expected failures in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of the documentation."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command."""
        del ctx
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        # What is loaded stays: to look through it for garbage takes a sixth of a start.
        gc.disable()
        command = getattr(import_module(module), name)
        gc.freeze()
        gc.enable()
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what was expected to fail ends with its exit code."""
        try:
            return super().invoke(ctx)
        except BadSettings as error:
            raise WrongUse(str(error)) from error
        except AlreadyRunning as error:
            raise Busy(str(error)) from error
        except Failure as failure:
            kind = WrongUse if isinstance(failure, Invalid) else Refusal
            raise kind(failure.detail) from failure
        except (BackupFailed, EmbeddedUnavailable, MigrationFailed, SealBroken) as error:
            raise Refusal(str(error)) from error


@click.group(cls=Commands, context_settings={"max_content_width": 100})
@root_options
@click.version_option(VERSION, prog_name="postbag")
@click.pass_context
def postbag(ctx: click.Context, /, **given: str | None) -> None:
    """Comment moderation for news sites.

    Results are on standard output, everything else on standard error. Exit codes: 0 done,
    1 failed, 2 wrong usage or setting, 3 already running.
    """
    ctx.obj = take_options(given)
