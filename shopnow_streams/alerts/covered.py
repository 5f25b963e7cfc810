"""Up to which moment facts are whole: the ends of the topics at that moment lie below the offsets of the facts."""

from collections.abc import Mapping

Ends = Mapping[str, Mapping[int, int]]
"""Next offset by topic and partition."""

_MOST = 64


class Covered:
    """Ends, each with the moment that it was asked for. Facts that stand above them hold all that Kafka had then.

    So nothing is said of an order's payment while payments wait to be folded: who has fallen behind is silent.
    """

    def __init__(self) -> None:
        self._asked: list[tuple[float, Ends]] = []

    def ask(self, at_s: float, ends: Ends) -> None:
        """These are the ends at that moment. Where too many wait, every other one is left out; the oldest stays."""
        self._asked.append((at_s, ends))
        if len(self._asked) > _MOST:
            del self._asked[1:-1:2]

    def up_to(self, offsets: Ends) -> float | None:
        """The last moment that facts at these offsets cover, of those that were asked about since the last one."""
        covered = None
        while self._asked and reaches(offsets, self._asked[0][1]):
            covered = self._asked.pop(0)[0]
        return covered


def reaches(offsets: Ends, others: Ends) -> bool:
    """Whether every record below `others` is below `offsets`; what has no record is left out of either."""
    return all(
        offsets.get(topic, {}).get(partition, 0) >= offset
        for topic, partitions in others.items()
        for partition, offset in partitions.items()
    )
