"""`shopnow alerts`: what is open, as the topic `alertes` has it. No worker is asked, so it works while none runs."""

from datetime import UTC, datetime

import click
import msgspec
from confluent_kafka import KafkaException
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shopnow_streams.alerting.records import AlertRecords
from shopnow_streams.alerts.register import Register
from shopnow_streams.alerts.transition import RULES, Transition
from shopnow_streams.errors import KafkaUnavailable
from shopnow_streams.kafka_admin import KafkaAdmin
from shopnow_streams.kafka_config import KafkaConnection
from shopnow_streams.settings import from_environment
from shopnow_streams.topics import ALERTS

MOST_RESOLVED = 10_000
_WAIT_S = 0.5


@click.command()
@click.option("--rule", type=click.Choice(RULES), help="Only alerts of this rule.")
@click.option("--state", type=click.Choice(["open", "resolved", "any"]), default="open", show_default=True)
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many, the newest.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def alerts(rule: str | None, state: str, limit: int, as_json: bool) -> None:
    """Alerts of the shop: those that are open, or were resolved of late."""
    register = read(from_environment().connection)
    found: list[Transition] = []
    if state != "resolved":
        found += register.open.values()
    if state != "open":
        found += register.resolved.values()
    fitting = sorted(
        (one for one in found if rule is None or one.rule == rule), key=lambda one: (one.at, one.id), reverse=True
    )
    if as_json:
        for one in fitting[:limit]:
            click.echo(msgspec.json.encode(one))
        return
    console = Console()
    if fitting:
        console.print(shown(fitting[:limit], datetime.now(UTC)))
    counts = ", ".join(f"{count:,} {name}" for name, count in register.counts().items() if count)
    left = f"; {len(fitting) - limit:,} more are not shown" if len(fitting) > limit else ""
    console.print(f"open: {counts or 'none'}{left}")


def read(connection: KafkaConnection) -> Register:
    """All of the topic. Blocks; raises KafkaUnavailable, and TopicMismatch where there is no such topic."""
    KafkaAdmin(connection).watermarks(ALERTS)
    register = Register(MOST_RESOLVED)
    records = AlertRecords(connection.librdkafka())
    try:
        records.begin()
        while not records.at_end:
            for recorded in records.fetch(_WAIT_S):
                register.take(recorded)
    except KafkaException as error:
        raise KafkaUnavailable(f"{ALERTS} can't be read: {error.args[0].str()}") from error
    finally:
        records.close()
    return register


def shown(found: list[Transition], now: datetime) -> Table:
    """A row each: for how long, and what decided."""
    table = Table("state", "alert", "for", "what", box=None, header_style="bold")
    for one in found:
        state = Text(one.state, style="red" if one.state == "raised" else "green")
        age = _age((now - one.at).total_seconds())
        table.add_row(state, Text(one.id), age, Text(one.message))  # a producer chose the ids: no markup of theirs
    return table


def _age(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
