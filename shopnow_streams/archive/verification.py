"""Whether the archive has every record once: each file read once, its chain walked, Kafka asked where it is broken."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby

from shopnow_streams.archive import findings
from shopnow_streams.archive.catalogue import Catalogue, Listing, SegmentFile
from shopnow_streams.archive.evidence import Evidence
from shopnow_streams.archive.expiry import expired
from shopnow_streams.archive.findings import Finding, Mend, Place
from shopnow_streams.archive.in_order import in_order
from shopnow_streams.archive.inspection import inspect
from shopnow_streams.archive.log import Log
from shopnow_streams.archive.partition import Committed, PartitionCheck, PartitionReport
from shopnow_streams.archive.seal import Seal
from shopnow_streams.archive.seal_check import SealCheck, bounds_of
from shopnow_streams.archive.sealed import Seals
from sinks.chain import Range

Told = Callable[[SegmentFile], None]
"""Called with each file that was read: for a progress bar."""


@dataclass
class Report:
    """All partitions looked at, and all that is wrong with them. `gone`: files that went away before they were read."""

    partitions: list[PartitionReport] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    gone: int = 0

    @property
    def right(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def mends(self) -> list[Mend]:
        """What a repair would do, each thing once."""
        return list(dict.fromkeys(finding.mend for finding in self.findings if finding.mend))

    def without(self, topics: Collection[str]) -> "Report":
        """What is said of the other topics."""
        return Report(
            [part for part in self.partitions if part.place.topic not in topics],
            [finding for finding in self.findings if finding.topic not in topics],
        )

    def add(self, check: PartitionCheck) -> None:
        """Take in what the check of a partition that has no more files says."""
        check.finish()
        self.partitions.append(check.report)
        self.findings += check.findings
        self.gone += check.gone

    def merge(self, other: "Report") -> None:
        """Take in another one, of other partitions."""
        self.partitions += other.partitions
        self.findings += other.findings
        self.gone += other.gone


class Verifier:
    """Compares an archive with itself, and with `log` where there is one.

    Beside a running archiver it sees a beginning of what is written, which must be whole. `committed` is what the
    archive's group had committed *before* the archive is listed. Blocks while it is made; raises SinkUnavailable.
    """

    def __init__(
        self, catalogue: Catalogue, log: Log | None = None, committed: Mapping[Place, Committed] | None = None
    ) -> None:
        self._catalogue = catalogue
        self._log = log
        self._committed = committed or {}
        self._expired = expired(catalogue.files)

    def listing(self, topic: str, partitions: Collection[int] = ()) -> Listing:
        """The topic's files, of those partitions or of all: what `verify` is to read."""
        return self._catalogue.listing(topic, partitions)

    def verify(
        self, topic: str, listing: Listing, partitions: Collection[int] = (), told: Told = lambda _file: None
    ) -> Report:
        """Read all files of `listing`, once. Blocks; raises SinkUnavailable and KafkaUnavailable.

        Memory is bounded by the number of files, not by what is in them.
        """
        report = Report(findings=[findings.stray(topic, *stray) for stray in listing.strays])
        bounds = self._log.bounds(topic) if self._log else {}
        unread: list[tuple[str, str]] = []
        seals = Seals(self._catalogue.files, topic).readable(lambda *bad: unread.append(bad))
        report.findings += [findings.unread_seal(topic, *bad) for bad in sorted(unread)]
        known = {*bounds, *bounds_of(seals), *(place.partition for place in self._expired if place.topic == topic)}
        without_files = known & set(partitions) if partitions else known
        inspections = in_order(partial(inspect, self._catalogue, bounds=bounds_of(seals)), listing.segments)
        for number, seen in groupby(inspections, lambda inspection: inspection.file.name.partition):
            check = self._check(Place(topic, number), bounds.get(number), seals)
            for inspection in seen:
                check.add(inspection)
                told(inspection.file)
            report.add(check)
            without_files.discard(number)
        for number in sorted(without_files):
            report.add(self._check(Place(topic, number), bounds.get(number), seals))
        return report

    def _check(self, place: Place, bounds: Range | None, seals: Sequence[Seal]) -> PartitionCheck:
        evidence = Evidence(self._log, place, bounds)
        note = self._expired.get(place)
        begins = note.next if note else 0
        check = SealCheck(place, seals, begins)
        return PartitionCheck(place, evidence, self._catalogue.form.NAME, self._committed.get(place), begins, check)
