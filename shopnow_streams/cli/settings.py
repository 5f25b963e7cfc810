"""`shopnow settings`: every SHOPNOW_* variable, its value here, its default and its meaning."""

import dataclasses
import json

import click
from rich.console import Console
from rich.table import Table

from shopnow_streams.settings import PREFIX, Settings, from_environment


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--markdown", is_flag=True, help="The table of the README.")
def settings(as_json: bool, markdown: bool) -> None:
    """The worker's settings as they stand in this environment."""
    now = from_environment()
    rows = [
        (f"{PREFIX}{field.name.upper()}", str(getattr(now, field.name)), str(field.default), field.metadata["meaning"])
        for field in dataclasses.fields(Settings)
    ]
    if as_json:
        click.echo(json.dumps({name: value for name, value, _, _ in rows}))
    elif markdown:
        click.echo("| variable | default | meaning |\n| --- | --- | --- |")
        for name, _, default, meaning in rows:
            click.echo(f"| `{name}` | {f'`{default}`' if default else ''} | {meaning} |")
    else:
        table = Table("variable", "value", "meaning", box=None, header_style="bold")
        for name, value, default, meaning in rows:
            table.add_row(name, value if value == default else f"[bold yellow]{value}[/]", meaning)
        Console().print(table)
