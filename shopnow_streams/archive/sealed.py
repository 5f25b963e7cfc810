"""The seals that an archive has: found, read, and written so that each name is given once."""

from collections.abc import Callable, Iterator

from shopnow_streams.archive.in_order import in_order
from shopnow_streams.archive.seal import SEALS, Seal, SealName, decode_seal, encode_seal, parse_seal_path, seal_path
from shopnow_streams.errors import ArchiveCorrupt, SinkUnavailable
from sinks.files import Files
from sinks.placing import place


class Seals:
    """Of `topic`, on `files`. Every method blocks; raises SinkUnavailable, ArchiveCorrupt where one can't be read."""

    def __init__(self, files: Files, topic: str) -> None:
        self._files = files
        self._topic = topic

    def newest(self) -> Seal | None:
        """Of the latest hour, as it was sealed at first; None where none is."""
        for day in sorted(self._days(), reverse=True):
            names = self._day(day)
            if names:
                return self._read(SealName(max(names).hour_ms, 0))
        return None

    def of(self, hour_ms: int) -> tuple[Seal | None, int]:
        """That hour's, with all its parts, and the number that its next revision has."""
        path = seal_path(self._topic, SealName(hour_ms, 0))
        day = path.split("/")[2]
        revisions = [name.revision for name in self._day(day) if name.hour_ms == hour_ms]
        if not revisions:
            return None, 0
        return self._read(SealName(hour_ms, max(revisions))), max(revisions) + 1

    def all(self, last_days: int | None = None) -> Iterator[Seal]:
        """All hours', each with all its parts, in order; of the last days alone where told so."""
        return in_order(self._read, self._latest(last_days))

    def readable(self, told: Callable[[str, str], None]) -> list[Seal]:
        """`all`, but for those that can't be read: `told` of their paths, and why."""

        def read(name: SealName) -> Seal | None:
            try:
                return self._read(name)
            except ArchiveCorrupt as error:
                told(seal_path(self._topic, name), str(error))
                return None

        return [seal for seal in in_order(read, self._latest()) if seal is not None]

    def _latest(self, last_days: int | None = None) -> list[SealName]:
        latest: dict[int, int] = {}
        for day in sorted(self._days())[-last_days if last_days else None :]:
            for name in self._day(day):
                latest[name.hour_ms] = max(name.revision, latest.get(name.hour_ms, 0))
        return [SealName(*each) for each in sorted(latest.items())]

    def put(self, name: SealName, seal: Seal) -> None:
        """Write it, durable on return. SinkUnavailable where another one has its name."""
        path = seal_path(self._topic, name)
        if not place(self._files, path, encode_seal(seal)):
            raise SinkUnavailable(f"{self._files.url(path)} could not be written: seal again")

    def _days(self) -> list[str]:
        return [entry.name for entry in self._files.list(f"{SEALS}/{self._topic}") if entry.is_directory]

    def _day(self, day: str) -> list[SealName]:
        folder = f"{SEALS}/{self._topic}/{day}"
        found = (parse_seal_path(f"{folder}/{entry.name}") for entry in self._files.list(folder))
        return [name for name in found if name is not None]

    def _read(self, name: SealName) -> Seal:
        path = seal_path(self._topic, name)
        entry = self._files.stat(path)
        data = self._files.read(path, 0, entry.size) if entry else b""
        return decode_seal(data, name, self._files.url(path))
