"""What is open, and what was resolved of late: made by reading the topic `alertes` from its first record on."""

from collections import Counter, OrderedDict
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from shopnow_streams.alerts.transition import RULES, Offsets, Rule, Transition


class Recorded(NamedTuple):
    """A record of the topic: None for an alert that was resolved so long ago that it is forgotten."""

    offset: int
    id: str
    transition: Transition | None


class Register:
    """The newest transition of each alert. Of those resolved the last `most_resolved` are kept."""

    def __init__(self, most_resolved: int) -> None:
        self.open: dict[str, Transition] = {}
        self.resolved: OrderedDict[str, Transition] = OrderedDict()
        self.end = 0
        self._most_resolved = most_resolved
        self._stands: dict[int, Offsets] = {}

    def take(self, recorded: Recorded) -> None:
        """The next record. One below those before is of a topic that was made anew."""
        if recorded.offset < self.end:
            self.open.clear()
            self.resolved.clear()
            self._stands.clear()
        self.end = recorded.offset + 1
        self.open.pop(recorded.id, None)
        self.resolved.pop(recorded.id, None)
        transition = recorded.transition
        if transition is None:
            return
        if transition.state == "raised":
            self.open[recorded.id] = transition
        else:
            self.resolved[recorded.id] = transition
            if len(self.resolved) > self._most_resolved:
                self.resolved.popitem(last=False)
        stands = self._stands.setdefault(transition.origin, {})
        for topic, offsets in transition.offsets.items():
            known = stands.setdefault(topic, {})
            for partition, offset in offsets.items():
                known[partition] = max(offset, known.get(partition, 0))

    def stands(self, origin: int) -> Offsets:
        """What was judged already, of that origin: facts below these offsets are older than some judgement."""
        return self._stands.get(origin, {})

    def counts(self) -> Counter[Rule]:
        """Open alerts by rule; 0 where there are none."""
        counts: Counter[Rule] = Counter(dict.fromkeys(RULES, 0))
        counts.update(alert.rule for alert in self.open.values())
        return counts

    def resolved_before(self, moment: datetime) -> Iterator[str]:
        """Alerts whose last transition is older, the oldest first."""
        for id, transition in self.resolved.items():
            if transition.at >= moment:
                return
            yield id
