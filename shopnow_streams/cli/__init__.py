"""`shopnow`: the commands around the worker, a file a group. An error of ours is one sentence and exit code 1."""

import importlib
import sys

import click

from shopnow_streams import __version__
from shopnow_streams.errors import ShopNowError

COMMANDS = {
    "up": "shopnow_streams.cli.stack:up",
    "down": "shopnow_streams.cli.stack:down",
    "status": "shopnow_streams.cli.stack:status",
    "demo": "shopnow_streams.cli.demo:demo",
    "simulate": "shopnow_streams.cli.simulate:simulate",
    "topics": "shopnow_streams.cli.topics:topics",
    "tail": "shopnow_streams.cli.tail:tail",
    "send": "shopnow_streams.cli.send:send",
    "alerts": "shopnow_streams.cli.alerts:alerts",
    "health": "shopnow_streams.cli.health:health",
    "late": "shopnow_streams.cli.late:late",
    "archive": "shopnow_streams.cli.archive:archive",
    "rebuild": "shopnow_streams.cli.rebuild:rebuild",
    "settings": "shopnow_streams.cli.settings:settings",
    "audit": "shopnow_streams.cli.audit:audit",
    "sql": "shopnow_streams.cli.batch:sql",
    "batch": "shopnow_streams.cli.batch:batch",
}


class Commands(click.Group):
    """Imports a command's module when it is asked for: `shopnow tail` does not wait for Spark's imports."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or None where there is no such."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="shopnow")
def shopnow() -> None:
    """ShopNow+ streams: look inside, send, simulate, query."""


def main() -> None:
    """The entry point."""
    try:
        shopnow.main(standalone_mode=False)
    except ShopNowError as error:
        click.echo(f"shopnow: {error}", err=True)
        sys.exit(1)
    except click.exceptions.Abort:
        click.echo("stopped", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(0)
