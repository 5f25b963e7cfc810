"""`python -m shopnow_streams.stack up|down|status|lock`: the stack's commands without the rest of ours."""

import sys

import click

from shopnow_streams.cli.stack import down, status, up
from shopnow_streams.errors import ShopNowError


@click.group()
def main() -> None:
    """The local Kafka and HDFS."""


@click.command()
def lock() -> None:
    """Write the lock file of the jars anew, from the versions in lock.py. Takes a minute or two."""
    from shopnow_streams.stack.lock import write_lock  # Maven's side of the world: nothing else here needs it

    for name, jars in write_lock().items():
        click.echo(f"{name}: {len(jars)} jars, {sum(jar.size for jar in jars) / 1e6:.0f} MB")


main.add_command(up)
main.add_command(down)
main.add_command(status)
main.add_command(lock)


if __name__ == "__main__":
    try:
        main()
    except ShopNowError as error:
        sys.exit(f"error: {error}")
