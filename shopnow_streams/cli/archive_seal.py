"""`shopnow archive seal`: say of the hours that are over what they came to. `seals` shows it."""

import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from shopnow_streams.archive.due import Behind, due
from shopnow_streams.archive.exclusive import ExclusiveLock
from shopnow_streams.archive.log import KafkaLog
from shopnow_streams.archive.seal import Seal, hour_text
from shopnow_streams.archive.sealed import Seals
from shopnow_streams.archive.sealing import Sealed, Sealer
from shopnow_streams.archive.tally import HOUR_MS
from shopnow_streams.batch.printing import widen
from shopnow_streams.cli.archive_options import TAKE_OVER, TOPIC, archive_options, opened
from shopnow_streams.errors import ArchiveCorrupt
from shopnow_streams.settings import from_environment


@click.command()
@click.argument("topic", required=False, type=TOPIC, metavar="[TOPIC]")
@click.option("--grace-min", type=click.IntRange(0), default=10, show_default=True, help="After an hour ends.")
@TAKE_OVER
@archive_options
def seal(topic: str | None, grace_min: int, take_over: bool, url: str | None, webhdfs: str, as_json: bool) -> None:
    """Seal the hours that are over: a file an hour and topic with records, offsets and a checksum of each partition.

    Hourly, by a scheduler. An hour is sealed once Kafka has no record of it that the archive has not; what comes later
    is added to its seal as an amendment. Exit code 1 where an hour is over and the archive is not so far yet.
    """
    catalogue = opened(url, webhdfs)
    topics = [topic] if topic else catalogue.topics()
    done: list[Sealed] = []
    behind: list[Behind] = []
    lock = ExclusiveLock(catalogue.files)
    now_ms = int((time.time() - 60 * grace_min) * 1000)
    with (
        lock.holding("seal", take_over=take_over),
        KafkaLog(from_environment().connection) as log,
        Console(stderr=True).status("sealing") as status,
    ):
        for name in topics:
            sealer = Sealer(catalogue, name, lock.check)
            ends = sealer.ends()
            found = due(log, name, ends, _since_ms(sealer, catalogue.url, name), now_ms)
            behind += found.behind
            done.append(sealer.seal(found.until_ms, ends, lambda file: status.update(f"sealing: read {file.path}")))
    _tell(done, behind, as_json)
    sys.exit(1 if behind else 0)


def _since_ms(sealer: Sealer, url: str, topic: str) -> int:
    """Where the hours begin that are not sealed. Raises ArchiveCorrupt where that is yet to come."""
    since_ms = sealer.since_ms() or 0
    if since_ms > time.time() * 1000 + HOUR_MS:
        raise ArchiveCorrupt(
            f"{topic} of {url} is sealed up to {hour_text(since_ms)}, which is yet to come: a clock was ahead. Set "
            f"this machine's right, or remove the seals of hours to come from _seals/{topic}"
        )
    return since_ms


@click.command()
@click.argument("topic", required=False, type=TOPIC, metavar="[TOPIC]")
@click.option("--days", type=click.IntRange(1), default=2, show_default=True, help="The last so many that have any.")
@archive_options
def seals(topic: str | None, days: int, url: str | None, webhdfs: str, as_json: bool) -> None:
    """The hours that are sealed: complete, with what came late."""
    catalogue = opened(url, webhdfs)
    found = [
        seal for name in ([topic] if topic else catalogue.topics()) for seal in Seals(catalogue.files, name).all(days)
    ]
    if as_json:
        click.echo(json.dumps([msgspec.to_builtins(each, str_keys=True) for each in found]))
    else:
        _print(found)


def _tell(done: Sequence[Sealed], behind: Sequence[Behind], as_json: bool) -> None:
    sealed = [each for of_topic in done for each in of_topic.sealed]
    amended = [each for of_topic in done for each in of_topic.amended]
    if as_json:
        click.echo(
            json.dumps(
                {
                    "sealed": msgspec.to_builtins(sealed, str_keys=True),
                    "amended": msgspec.to_builtins(amended, str_keys=True),
                    "behind": [_described(each) for each in behind],
                }
            )
        )
        return
    for each in behind:
        where, hour = each.place.text, hour_text(each.hour_ms)
        click.echo(f"{where} is archived to offset {each.end:,}, and Kafka has more of {hour}: not sealed yet")
    records, late = sum(each.records for each in sealed), sum(each.late for each in amended)
    click.echo(f"sealed: {len(sealed):,} hours of {len({each.topic for each in sealed})} topics, {records:,} records")
    if amended:
        click.echo(f"amended: {len(amended):,} hours, of which {late:,} records came late")


def _described(behind: Behind) -> dict[str, Any]:
    return {**behind.place._asdict(), "archived": behind.end, "hour": hour_text(behind.hour_ms)}


def _print(found: Sequence[Seal]) -> None:
    console = Console(highlight=False)
    table = Table("topic", "hour", box=None, header_style="bold")
    for name in ("partitions", "records", "late"):
        table.add_column(name, justify="right")
    table.add_column("sealed at")
    for seal in found:
        late = f"{seal.late:,}" if seal.late else ""
        at = f"{seal.sealed_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(seal.topic, hour_text(seal.hour_ms), f"{len(seal.partitions):,}", f"{seal.records:,}", late, at)
    widen(console, table)
    console.print(table if found else "no hour is sealed yet: `shopnow archive seal`")
