"""Fetch from Kafka again what the archive lacks, and commit it as the segments that are missing.

A segment so made is committed like any other: giving it its name fails where that name is taken. An archiver only ever
writes at the end of the chain, so a repair in the middle does not meet it; at the end one of the two wins.
"""

import uuid
from dataclasses import dataclass, field

from shopnow_streams.archive.catalogue import Catalogue
from shopnow_streams.archive.cutting import cut
from shopnow_streams.archive.findings import Mend
from shopnow_streams.archive.log import Log
from shopnow_streams.errors import OffsetsLost, SegmentConflict, SinkUnavailable
from sinks.rotation import Rotation
from sinks.segments import segment_name

SET_ASIDE = "_set-aside"
"""Where a file goes that is replaced. Hadoop and Spark pass by what begins with '_'."""


@dataclass
class Repair:
    """What came of a `Mend`. `failed` says why it was not done, or not all of it."""

    mend: Mend
    records: int = 0
    paths: list[str] = field(default_factory=list)
    set_aside: str | None = None
    failed: str | None = None


def repair(catalogue: Catalogue, log: Log, mend: Mend, rotation: Rotation) -> Repair:
    """Carry out `mend`. Blocks; raises SinkUnavailable and KafkaUnavailable, after which verify finds what is left.

    A file is set aside once what replaces it is at hand. One segment at a time is in memory, as `rotation` bounds it.
    """
    done = Repair(mend)
    try:
        _carry_out(catalogue, log, mend, rotation, done)
    except (SegmentConflict, OffsetsLost) as error:
        done.failed = str(error)
    if done.failed is None and not done.paths:
        done.failed = "Kafka has no record there any more"
    return done


def _carry_out(catalogue: Catalogue, log: Log, mend: Mend, rotation: Rotation, done: Repair) -> None:
    batches = log.records(*mend.place, mend.range)
    for segment, rows in cut(mend.place, mend.range, batches, catalogue.form, rotation):
        _refuse_company(catalogue, mend, segment.name.first)
        if mend.replaces and done.set_aside is None:
            done.set_aside = _set_aside(catalogue, mend.replaces)
        catalogue.archive.commit(segment)
        done.paths.append(segment_name(segment.name))
        done.records += rows


def _refuse_company(catalogue: Catalogue, mend: Mend, first: int) -> None:
    """SegmentConflict where somebody else put a file between `first` and the end of what is mended."""
    for file in catalogue.listing(mend.place.topic, [mend.place.partition]).segments:
        if first <= file.name.first < mend.range.next and file.path != mend.replaces:
            raise SegmentConflict(f"{file.path} was committed meanwhile by another writer: verify again")


def _set_aside(catalogue: Catalogue, path: str) -> str:
    target = f"{SET_ASIDE}/{path.rpartition('/')[2]}.{uuid.uuid4().hex}"
    catalogue.files.make(SET_ASIDE)
    if not catalogue.files.rename(path, target):
        raise SinkUnavailable(f"{catalogue.files.url(path)} could not be moved to {SET_ASIDE}: is it still there?")
    return target
