"""What can be wrong with an archive, in words: what it is, where, and what to do about it. Pure."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from sinks.chain import Overlap, Range

Kind = Literal["gap", "overlap", "unreadable", "mismatch", "lost", "end", "ahead", "foreign", "seal", "stray"]

REPAIR = "`shopnow archive verify --repair` fetches them from Kafka again"
RESTORE = "put it back from HDFS's trash, a snapshot or a copy, under its name"


class Place(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int

    @property
    def text(self) -> str:
        """For messages."""
        return f"{self.topic}/{self.partition}"


class Mend(NamedTuple):
    """Offsets to be fetched from Kafka again, and the file that stands in their way, if there is one."""

    place: Place
    range: Range
    replaces: str | None


class Answer(NamedTuple):
    """What Kafka says of offsets that a file lacks. `held`: there are records in that part; `unknown`: it can't say."""

    range: Range
    held: Range | None
    unknown: Range | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `path` may be a pattern, where the file is missing whose date nobody knows."""

    kind: Kind
    topic: str
    partition: int | None
    range: Range | None
    path: str
    what: str
    todo: str
    mend: Mend | None = None


def gap(place: Place, answer: Answer, ending: str, *, asked: bool) -> Finding:
    """No file covers `answer.range`, and Kafka does not say that nothing was there."""
    mend = Mend(place, answer.held, None) if answer.held else None
    if not asked:
        what, todo = "no file has these offsets", "verify with --kafka while Kafka still goes back so far"
    elif answer.held is None:
        what = "no file has these offsets, and Kafka no longer goes back so far"
        todo = f"{RESTORE}; nothing is lost where only a transaction's marker stood there"
    elif answer.unknown:
        what = f"no file has these offsets, and Kafka has records only from {answer.held.first} on"
        todo = f"{REPAIR} as far as it goes; for the others {RESTORE}"
    else:
        what, todo = "no file has these offsets, and Kafka has records there", REPAIR
    return Finding("gap", *place, answer.range, missing(place, answer.range.first, ending), what, todo, mend)


def end(place: Place, answer: Answer, ending: str, group: str | None) -> Finding:
    """The archive ends before `answer.range`, which `group` committed as archived, or which Kafka let go of."""
    what = "the archive ends before these offsets"
    if group:
        what += f", which the group {group} committed as archived"
    if answer.unknown:
        what += f", and Kafka begins only at {answer.unknown.next}"
    todo = f"{REPAIR}; so does an archiver that is started again" if answer.held else RESTORE
    mend = Mend(place, answer.held, None) if answer.held else None
    return Finding("end", *place, answer.range, missing(place, answer.range.first, ending), what, todo, mend)


def lost(place: Place, held: Range, path: str, mend: Mend | None) -> Finding:
    """The file covers `held` and has no rows for it, though Kafka has records there."""
    return Finding("lost", *place, held, path, "the file lacks records that Kafka has", _renew(mend), mend)


def unreadable(place: Place, covers: Range | None, path: str, reason: str, mend: Mend | None) -> Finding:
    """The file can't be read to its end. `covers` is None where nothing tells up to which offset it goes."""
    todo = "move it to _set-aside: an archiver that is started then goes on from there" if not covers else _renew(mend)
    return Finding("unreadable", *place, covers, path, reason, todo, mend)


def mismatch(place: Place, covers: Range | None, path: str, reason: str, mend: Mend | None) -> Finding:
    """What is in the file is not what its name or its metadata say."""
    return Finding("mismatch", *place, covers, path, reason, _renew(mend), mend)


def overlap(place: Place, found: Overlap) -> Finding:
    """Two files have the same offsets: jobs count those records twice."""
    earlier, later = found.earlier.path, found.later.path
    if found.contained:
        todo = f"move this file to _set-aside: all of it is in {earlier} too"
    else:
        todo = f"move this file to _set-aside; then {REPAIR}, those that it alone has"
    return Finding("overlap", *place, found.range, later, f"{earlier} has these offsets too", todo)


def ahead(place: Place, archive_end: int, log_end: int) -> Finding:
    """Kafka ends before the archive does."""
    return Finding(
        "ahead",
        *place,
        Range(log_end, archive_end),
        f"{place.topic}/",
        f"the archive goes to offset {archive_end - 1}, and Kafka only to {log_end - 1}",
        "the topic was made anew (begin another archive), or SHOPNOW_KAFKA is another cluster (or use --no-kafka)",
    )


def foreign(place: Place, offset: int, path: str) -> Finding:
    """Kafka has another record than the archive."""
    return Finding(
        "foreign",
        *place,
        Range(offset, offset + 1),
        path,
        "Kafka has another record at that offset than this file",
        "the topic was made anew (begin another archive), or SHOPNOW_KAFKA is another cluster (or use --no-kafka)",
    )


def seal(place: Place, hour: str, path: str, sealed: str, found: str, held: Range | None) -> Finding:
    """An hour has other records than it had when it was sealed."""
    what = f"the hour {hour} was sealed with {sealed}, and the archive has {found}"
    todo = "records were changed, or the seal was: compare with a copy (`shopnow archive diff`), then with Kafka"
    return Finding("seal", *place, held, path, what, todo)


def unread_seal(topic: str, path: str, reason: str) -> Finding:
    """A file among the seals says nothing."""
    return Finding("seal", topic, None, None, path, reason, "put it back from a copy, or move it away")


def emptied(place: Place, begins: int, ending: str) -> Finding:
    """Records from `begins` on were archived when those below were expired, and there is no file any more."""
    what = "there is no file of this partition any more, and an expiry never takes the last"
    return Finding("end", *place, Range(begins, begins + 1), missing(place, begins, ending), what, RESTORE)


def stray(topic: str, path: str, reason: str) -> Finding:
    """Something that is no segment stands where jobs read."""
    return Finding("stray", topic, None, None, path, reason, "move it out of the archive: jobs would read it")


def missing(place: Place, first: int, ending: str) -> str:
    """The pattern of a file whose date is not known."""
    return f"{place.topic}/date=*/{place.topic}+{place.partition}+{first:020d}.{ending}"


def _renew(mend: Mend | None) -> str:
    if mend is None:
        return f"Kafka does not have all that belongs in it: {RESTORE}"
    return f"{REPAIR}, and sets this file aside"
