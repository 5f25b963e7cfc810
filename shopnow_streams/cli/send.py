"""`shopnow send TOPIC JSON`: one event by hand, acknowledged."""

import json
from datetime import UTC, datetime

import click

from shopnow_streams.errors import EventRejected
from shopnow_streams.events import decode
from shopnow_streams.kafka_admin import KafkaAdmin
from shopnow_streams.producer import ProducerOptions, ShopProducer
from shopnow_streams.settings import from_environment
from shopnow_streams.topics import Topic

PATIENCE = ProducerOptions(connect_timeout_s=10.0)
"""Of somebody who waits for the answer: other commands wait as long."""


@click.command()
@click.argument("topic", type=click.Choice([*map(str, Topic)]))
@click.argument("event")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def send(topic: str, event: str, as_json: bool) -> None:
    """Send EVENT (a JSON object; its timestamp is now where it has none) and wait until Kafka has it.

    shopnow send stock-mis-a-jour '{"id_produit": 1597, "stock": 12}'
    """
    try:
        fields = json.loads(event)
    except ValueError as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint="EVENT") from error
    if isinstance(fields, dict):
        fields.setdefault("timestamp", datetime.now(UTC).isoformat())
    try:
        decoded = decode(topic, json.dumps(fields).encode())
    except EventRejected as rejected:
        raise click.BadParameter(
            f"not an event of {topic}: {rejected.args[0].detail}", param_hint="EVENT"
        ) from rejected
    connection = from_environment().connection
    KafkaAdmin(connection).watermarks(topic)  # raises at once where there is no Kafka, or no such topic
    with ShopProducer(connection, PATIENCE) as producer:
        delivery = producer.send_and_wait(decoded)
    if as_json:
        click.echo(json.dumps(delivery._asdict()))
    else:
        click.echo(f"{topic} partition {delivery.partition} has it at offset {delivery.offset}")
