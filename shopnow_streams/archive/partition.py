"""One partition of the archive: its files one after the other, the chain they make, and Kafka asked where it breaks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shopnow_streams.archive import findings
from shopnow_streams.archive.evidence import Evidence
from shopnow_streams.archive.findings import Answer, Finding, Mend, Place
from shopnow_streams.archive.inspection import Inspection
from shopnow_streams.archive.seal_check import SealCheck
from sinks.chain import Link, Range, closed, walk


@dataclass
class PartitionReport:
    """What one partition of the archive is. `absent`: offsets at which neither the archive nor Kafka has a record."""

    place: Place
    segments: int = 0
    records: int = 0
    bytes: int = 0
    covers: Range | None = None
    log: Range | None = None
    absent: int = 0

    @property
    def behind(self) -> int | None:
        """Offsets that Kafka has and the archive does not have yet; None where Kafka was not asked."""
        if self.log is None:
            return None
        return max(0, self.log.next - max(self.log.first, self.covers.next if self.covers else 0))


@dataclass(frozen=True)
class Committed:
    """What the archive's consumer group `group` had committed before the archive was listed: that is archived."""

    group: str
    offset: int


class PartitionCheck:
    """Takes the partition's files in order of offset, then says what is wrong. Blocks while Kafka answers.

    What was below the offset `begins` was expired: 0 where nothing was.
    """

    def __init__(
        self,
        place: Place,
        evidence: Evidence,
        ending: str,
        committed: Committed | None = None,
        begins: int = 0,
        seals: SealCheck | None = None,
    ) -> None:
        self.report = PartitionReport(place, log=evidence.bounds)
        self.findings: list[Finding] = []
        self.gone = 0
        self._place = place
        self._evidence = evidence
        self._ending = ending
        self._committed = committed
        self._begins = begins
        self._seals = seals or SealCheck(place, [])
        self._asked = evidence.bounds is not None
        self._links: list[Link] = []
        self._bad: list[Inspection] = []
        self._last: Inspection | None = None

    def add(self, seen: Inspection) -> None:
        """The next file."""
        if seen.gone:
            self.gone += 1
            return
        self.report.segments += 1
        self.report.records += seen.rows
        self.report.bytes += seen.file.size
        self._links.append(seen.link)
        self._seals.add(seen.tallies)
        if seen.unreadable is not None or seen.wrong:
            self._bad.append(seen)
        else:
            self._last = seen
        if seen.holes:
            self._ask_about_holes(seen)

    def finish(self) -> None:
        """There are no more files."""
        links = closed(self._links, self._committed.offset if self._committed else None)
        chain = walk(links)
        self.report.covers = chain.covers
        self._recognise()
        self._compare_ends()
        self._describe_bad({link.path: link for link in links})
        self._ask_about_gaps([gap.range for gap in chain.gaps])
        self.findings += [findings.overlap(self._place, overlap) for overlap in chain.overlaps]
        self._look_before_and_after()
        if not self.findings:  # else those say why an hour is another
            self.findings = self._seals.findings()
        self.findings.sort(key=lambda finding: finding.range or Range(0, 0))

    def _recognise(self) -> None:
        """Compare the last record that can be read with Kafka's: a topic may have been made anew."""
        seen = self._last
        if seen and seen.sample and self._evidence.contradicts(seen.sample):
            self._dismiss(findings.foreign(self._place, seen.sample.offset, seen.file.path))

    def _compare_ends(self) -> None:
        covers, log = self.report.covers, self._evidence.bounds
        if covers and log and covers.next > log.next:
            self._dismiss(findings.ahead(self._place, covers.next, log.next))

    def _dismiss(self, reason: Finding) -> None:
        """Forget all that this log said: it is not the one that the archive was made of."""
        self._evidence.dismiss()
        self.findings = [reason]
        self.report.absent = 0

    def _ask_about_holes(self, seen: Inspection) -> None:
        answers = self._evidence.ask(seen.holes)
        self._count_absent(answers)
        held = [answer.held for answer in answers if answer.held]
        if held:
            span, path = Range(held[0].first, held[-1].next), seen.file.path
            self.findings.append(findings.lost(self._place, span, path, self._renewal(seen.link)))

    def _describe_bad(self, links: dict[str, Link]) -> None:
        for seen in self._bad:
            link = links[seen.file.path]
            covers = Range(link.first, link.next) if link.next and link.next > link.first else None
            mend = self._renewal(link)
            if seen.unreadable is not None:
                found = findings.unreadable(self._place, covers, link.path, seen.unreadable, mend)
            else:
                found = findings.mismatch(self._place, covers, link.path, "; ".join(seen.wrong), mend)
            self.findings.append(found)

    def _ask_about_gaps(self, gaps: Sequence[Range]) -> None:
        answers = self._evidence.ask(gaps)
        self._count_absent(answers)
        self.findings += [
            findings.gap(self._place, answer, self._ending, asked=self._asked)
            for answer in answers
            if answer.held or answer.unknown
        ]

    def _look_before_and_after(self) -> None:
        """There may have been records before the archive's first, or after its last that were archived once."""
        covers, log, committed = self.report.covers, self._evidence.bounds, self._committed
        begins = max(self._begins, log.first if log and not self._begins else 0)
        if covers and begins < covers.first and (log or self._begins):
            self._ask_about_gaps([Range(begins, covers.first)])
        if covers is None and self._begins:
            self.findings.append(findings.emptied(self._place, self._begins, self._ending))
        if log is None:
            return
        end = covers.next if covers else max(log.first, self._begins)
        archived = max(committed.offset if committed else 0, log.first)
        if archived > end:
            (answer,) = self._evidence.ask([Range(end, archived)])
            if answer.held or answer.unknown:
                group = committed.group if committed else None
                self.findings.append(findings.end(self._place, answer, self._ending, group))

    def _count_absent(self, answers: Iterable[Answer]) -> None:
        self.report.absent += sum(a.range.next - a.range.first for a in answers if not (a.held or a.unknown))

    def _renewal(self, link: Link) -> Mend | None:
        """How the file is written anew, None where Kafka does not have all that it covers."""
        if link.next is None or link.next <= link.first:
            return None
        whole = Range(link.first, link.next)
        return Mend(self._place, whole, link.path) if self._evidence.has(whole) else None
