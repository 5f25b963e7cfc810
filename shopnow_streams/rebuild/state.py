"""One partition's tables, folded from the archive by the live side's own code."""

from collections.abc import Callable, Mapping

from faust.types import TP

from shopnow_streams.archive.catalogue import Catalogue, SegmentFile
from shopnow_streams.archive.expiry import expired
from shopnow_streams.errors import RebuildRefused
from shopnow_streams.rebuild.archived import ALL_MS, batches
from shopnow_streams.topics import Topic
from tables.cut import Cut
from tables.partition import Partition
from tables.store import prefix

CUT_ROWS = 20_000
KEEP_ROWS = 50_000

Done = Callable[[SegmentFile, int], None]


def plan(catalogue: Catalogue, partitions: int) -> dict[TP, list[SegmentFile]]:
    """What there is to read, by partition of a topic. Blocks; raises SinkUnavailable."""
    planned: dict[TP, list[SegmentFile]] = {
        TP(str(topic), number): [] for topic in Topic for number in range(partitions)
    }
    for topic in Topic:  # once a topic: a listing goes through all of its days
        for file in catalogue.listing(str(topic), range(partitions)).segments:
            planned[TP(str(topic), file.name.partition)].append(file)
    return planned


def refuse_expired(catalogue: Catalogue) -> None:
    """Raises RebuildRefused where records were expired: tables made of the others would count too little. Blocks."""
    notes = expired(catalogue.files)
    if notes:
        place, note = min(notes.items())
        raise RebuildRefused(
            f"of {len(notes)} partitions of {catalogue.url} records were expired ({place.text} begins at offset "
            f"{note.next}): tables made of the others count too little. --without-expired makes them all the same"
        )


def fold(
    catalogue: Catalogue,
    partition: Partition,
    planned: Mapping[TP, list[SegmentFile]],
    write: Callable[[Cut], dict[str, int]],
    done: Done,
    until_ms: int = ALL_MS,
) -> int:
    """Fold all that is archived of `partition`, cut by cut: `write` makes each durable. The number of records.

    `done` is told after each batch which file it came from, and how many records it had. Which topic comes first does
    not matter: folds give the same row for any order. Blocks; raises what `batches` and `write` raise.
    """
    count = 0
    for topic in Topic:
        tp = TP(str(topic), partition.number)
        for batch, file in batches(catalogue, tp, planned[tp], until_ms):
            partition.begin(tp.topic, batch.start)
            partition.apply(batch)
            count += len(batch.records)
            done(file, len(batch.records))
            if partition.pending >= CUT_ROWS:
                flush(partition, write)
    flush(partition, write)
    return count


def flush(partition: Partition, write: Callable[[Cut], dict[str, int]]) -> None:
    """Make durable what changed. Rejects are left out: they went to the reject topic when they came."""
    cut = partition.cut()
    if cut is None:
        return
    cut.rejects.clear()
    ends = write(cut)
    partition.store.write({prefix(table): rows for table, rows in cut.rows.items()}, ends)
    partition.settle(KEEP_ROWS)
