"""`shopnow tail TOPIC`: the seed's console consumer, with each record decoded."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaException, Message, TopicPartition
from rich.console import Console
from rich.text import Text

from shopnow_streams.errors import EventRejected
from shopnow_streams.events import decode
from shopnow_streams.kafka_admin import KafkaAdmin
from shopnow_streams.kafka_config import KafkaConnection
from shopnow_streams.settings import from_environment
from shopnow_streams.topics import ALERTS, REJECTS, Topic

OTHERS = (REJECTS, ALERTS)
"""Topics whose records are no events."""


@click.command()
@click.argument("topic", type=click.Choice([*map(str, Topic), *OTHERS]))
@click.option("--from-beginning", is_flag=True, help="From the first record that Kafka has; else only new ones.")
@click.option("--max-messages", type=click.IntRange(1), help="Stop after so many.")
@click.option("--timeout-s", type=click.FloatRange(0.1), help="Stop where nothing came for so long.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def tail(topic: str, from_beginning: bool, max_messages: int | None, timeout_s: float | None, as_json: bool) -> None:
    """Records of a topic as they come, decoded; a value that is no event is shown with the reason."""
    connection = from_environment().connection
    partitions = list(KafkaAdmin(connection).watermarks(topic))
    start = OFFSET_BEGINNING if from_beginning else OFFSET_END
    console = Console(soft_wrap=True)
    for message in _records(connection, topic, partitions, start, max_messages, timeout_s):
        if as_json:
            click.echo(json.dumps(_described(topic, message), ensure_ascii=False))
        else:
            console.print(_shown(topic, message))


def _records(
    connection: KafkaConnection,
    topic: str,
    partitions: list[int],
    start: int,
    limit: int | None,
    timeout_s: float | None,
) -> Iterator[Message]:
    client = Consumer({**connection.librdkafka(), "group.id": "shopnow-tail", "isolation.level": "read_committed"})
    try:
        client.assign([TopicPartition(topic, number, start) for number in partitions])
        seen, last = 0, time.monotonic()
        while limit is None or seen < limit:
            message = client.poll(0.5)
            if message is None:
                if timeout_s is not None and time.monotonic() - last > timeout_s:
                    return
                continue
            if message.error() is not None:
                raise KafkaException(message.error())
            seen, last = seen + 1, time.monotonic()
            yield message
    except KeyboardInterrupt:
        return
    finally:
        client.close()


def _described(topic: str, message: Message) -> dict[str, Any]:
    value = message.value()
    return {
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "timestamp": datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC).isoformat(),
        "key": _text(message.key()),
        "value": _text(value),
        **({"headers": _headers(message)} if message.headers() else {}),
        **({"rejected": reason} if (reason := _rejected(topic, value)) else {}),
    }


def _shown(topic: str, message: Message) -> Text:
    at = datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
    line = Text.assemble(
        (f"{message.partition()}:{message.offset():<8} ", "cyan"),
        (f"{at}  ", "dim"),
        (f"{_text(message.key()) or '-':<12} ", "bold"),
        _compact(message.value()),
    )
    reason = _rejected(topic, message.value())
    if reason:
        line.append(f"   rejected: {reason}", "red")
    if topic == REJECTS:
        headers = _headers(message)
        line.append(
            f"   {headers.get('reason')}: {headers.get('detail')} "
            f"({headers.get('topic')} {headers.get('partition')}:{headers.get('offset')})",
            "red",
        )
    return line


def _rejected(topic: str, value: bytes | None) -> str | None:
    if topic in OTHERS:
        return None
    try:
        decode(topic, value)
    except EventRejected as error:
        reason, detail = error.args[0]
        return f"{reason}: {detail}"
    return None


def _compact(value: bytes | None) -> str:
    try:
        return json.dumps(json.loads(value or b""), ensure_ascii=False)
    except ValueError:
        return repr(value)


def _headers(message: Message) -> dict[str, str | None]:
    headers: Any = message.headers() or []
    return {name: _text(value) for name, value in headers}


def _text(raw: bytes | str | None) -> str | None:
    return raw.decode(errors="backslashreplace") if isinstance(raw, bytes) else raw
