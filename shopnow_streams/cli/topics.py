"""`shopnow topics list|create|describe`: the seed's `kafka-topics.sh --list`, and more."""

import json

import click
from rich.console import Console
from rich.table import Table

from shopnow_streams.kafka_admin import KafkaAdmin
from shopnow_streams.settings import from_environment
from shopnow_streams.topics import ALERTS, REJECTS, TRAITS, Topic

DESCRIPTIONS = {str(topic): traits.description for topic, traits in TRAITS.items()} | {
    REJECTS: "records that are not events, with the reason in their headers",
    ALERTS: "what was raised and resolved, by alert",
}

KEYS = {REJECTS: "that of the rejected record", ALERTS: "the alert's id"}
"""Of the topics that are no events'."""


@click.group()
def topics() -> None:
    """The topics on Kafka."""


@topics.command("list")
@click.option("--all", "everything", is_flag=True, help="Changelogs and other topics too.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def listed(everything: bool, as_json: bool) -> None:
    """Our topics, their partitions and offsets.

    A record has an offset; so has the marker that ends a transaction: rejects' topic and changelogs have many.
    """
    found = [
        state
        for state in KafkaAdmin(from_environment().connection).topics()
        if everything or state.name in DESCRIPTIONS
    ]
    if as_json:
        click.echo(json.dumps([vars(state) for state in found]))
        return
    table = Table("topic", "what", box=None, header_style="bold")
    for column in ("partitions", "replicas", "offsets"):
        table.add_column(column, justify="right")
    for state in found:
        table.add_row(
            state.name,
            DESCRIPTIONS.get(state.name, ""),
            str(state.partitions),
            str(state.replication_factor),
            f"{state.offsets:,}",
        )
    Console().print(table)


@topics.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def create(as_json: bool) -> None:
    """Make those of our topics that are missing, with SHOPNOW_PARTITIONS partitions."""
    settings = from_environment()
    made = KafkaAdmin(settings.connection).create(settings.partitions, settings.replication_factor)
    if as_json:
        click.echo(json.dumps({"created": made}))
    else:
        click.echo(f"created {', '.join(made)}" if made else "all topics are there")


@topics.command()
@click.argument("topic", type=click.Choice([*map(str, Topic), *KEYS]))
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def describe(topic: str, as_json: bool) -> None:
    """One topic: its event, its key, and each partition's offsets."""
    marks = KafkaAdmin(from_environment().connection).watermarks(topic)
    key = KEYS[topic] if topic in KEYS else TRAITS[Topic(topic)].key_field
    if as_json:
        offsets = {number: {"first": low, "end": high} for number, (low, high) in marks.items()}
        click.echo(json.dumps({"topic": topic, "key": key, "partitions": offsets}))
        return
    console = Console()
    console.print(f"[bold]{topic}[/]: {DESCRIPTIONS[topic]}; keyed by {key}")
    table = Table(box=None, header_style="bold")
    for column in ("partition", "first offset", "end", "offsets"):
        table.add_column(column, justify="right")
    for number, (low, high) in marks.items():
        table.add_row(str(number), f"{low:,}", f"{high:,}", f"{high - low:,}")
    console.print(table)
