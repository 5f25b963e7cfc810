"""`shopnow archive verify`: whether the archive has every record once; `--repair` fetches from Kafka what it lacks."""

import json
import sys
from collections.abc import Collection, Sequence
from contextlib import nullcontext

import click
from rich.console import Console

from shopnow_streams.archive.catalogue import Catalogue
from shopnow_streams.archive.exclusive import ExclusiveLock, refuse_while_changing
from shopnow_streams.archive.findings import Place
from shopnow_streams.archive.log import KafkaLog
from shopnow_streams.archive.partition import Committed
from shopnow_streams.archive.repair import Repair, repair
from shopnow_streams.archive.verification import Report, Verifier
from shopnow_streams.cli.archive_options import TAKE_OVER, TOPIC, archive_options, opened, progress
from shopnow_streams.cli.archive_verdict import described, print_repairs, print_report
from shopnow_streams.errors import ArchiveBusy, KafkaUnavailable
from shopnow_streams.kafka_admin import KafkaAdmin
from shopnow_streams.settings import Settings, from_environment
from shopnow_streams.topics import Topic
from sinks.rotation import Rotation


@click.command()
@click.argument("topic", required=False, type=TOPIC, metavar="[TOPIC]")
@click.option("--partition", type=click.IntRange(0), help="This one alone.")
@click.option("--kafka/--no-kafka", "ask_kafka", default=True, help="Ask Kafka what it has where the archive has not.")
@click.option("--repair", "mending", is_flag=True, help="Fetch from Kafka again what is missing or can't be read.")
@TAKE_OVER
@archive_options
def verify(
    topic: str | None,
    partition: int | None,
    ask_kafka: bool,
    mending: bool,
    take_over: bool,
    url: str | None,
    webhdfs: str,
    as_json: bool,
) -> None:
    """Read every file once: is each record there, and there once? Exit code 1 where something is wrong.

    Nothing is written without --repair. That sets a file aside that can't be read (to _set-aside), fetches its
    records from Kafka, or those that no file has, and commits them as an archiver does; one may be at work meanwhile.
    """
    if mending and not ask_kafka:
        raise click.UsageError("--repair fetches from Kafka, so it can't go with --no-kafka")
    settings = from_environment()
    catalogue = opened(url, webhdfs)
    topics = [topic] if topic else [str(each) for each in Topic]
    partitions = [] if partition is None else [partition]
    if not mending:
        refuse_while_changing(catalogue.files)
    held = ExclusiveLock(catalogue.files).holding("repair", take_over=take_over) if mending else nullcontext()
    try:
        with held:
            report, repairs = _verify(settings, catalogue, topics, partitions, ask_kafka, mending, own=url is None)
    except KafkaUnavailable as error:
        raise KafkaUnavailable(f"{error}. --no-kafka verifies the archive by itself") from error
    unfinished = len(catalogue.unfinished())
    if as_json:
        click.echo(json.dumps(described(catalogue.url, report, repairs, unfinished)))
    else:
        print_repairs(Console(highlight=False), repairs)
        print_report(Console(highlight=False), report, unfinished, asked=ask_kafka)
    sys.exit(0 if report.right else 1)


def _verify(
    settings: Settings,
    catalogue: Catalogue,
    topics: Sequence[str],
    partitions: Collection[int],
    ask_kafka: bool,
    mending: bool,
    *,
    own: bool,
) -> tuple[Report, list[Repair]]:
    """The report as things stand in the end, and what was mended before."""
    if not ask_kafka:
        return _read(Verifier(catalogue), topics, partitions), []
    with KafkaLog(settings.connection) as log:
        verifier = Verifier(catalogue, log, _committed(settings) if own else {})
        report = _read(verifier, topics, partitions)
        if not mending or not report.mends:
            return report, []
        rotation = Rotation(
            settings.archive_segment_bytes, settings.archive_segment_rows, settings.archive_segment_age_s
        )
        with Console(stderr=True).status("fetching from Kafka"):
            repairs = [repair(catalogue, log, mend, rotation) for mend in report.mends]
        mended = {mend.place.topic for mend in report.mends}
        after = report.without(mended)
        after.merge(_read(verifier, [topic for topic in topics if topic in mended], partitions))
        return after, repairs


def _read(verifier: Verifier, topics: Sequence[str], partitions: Collection[int]) -> Report:
    listings = {topic: verifier.listing(topic, partitions) for topic in topics}
    report = Report()
    with progress("verifying", (file for listing in listings.values() for file in listing.segments)) as told:
        for topic, listing in listings.items():
            report.merge(verifier.verify(topic, listing, partitions, told))
    if report.gone and not report.right:
        raise ArchiveBusy(
            f"{report.gone:,} files went away while the archive was read, as a compaction does: verify again"
        )
    return report


def _committed(settings: Settings) -> dict[Place, Committed]:
    group = f"{settings.application_id}-archive"
    offsets = KafkaAdmin(settings.connection).group_offsets(group)
    return {Place(*at): Committed(group, offset) for at, offset in offsets.items()}
