"""One round of judging: what is found part by part, each at the offsets that it was read at, over what is open."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from shopnow_streams.alerts.judge import Finding
from shopnow_streams.alerts.transition import Offsets, Rule, Transition
from shopnow_streams.alerts.transitions import switched_off, transitions


class Round:
    """`happened` is what is to be written; `left_out` holds, and there was no room for it."""

    def __init__(self, open_alerts: Mapping[str, Transition], at: datetime, origin: int, most_open: int) -> None:
        self.happened: list[Transition] = []
        self.findings: list[Finding] = []
        self.left_out: list[Finding] = []
        self._open = dict(open_alerts)
        self._at, self._origin, self._most_open = at, origin, most_open

    def end_others(self, on: Collection[Rule]) -> None:
        """Alerts of rules that are not `on` end."""
        self._take(switched_off(self._open, on, self._at, self._origin))

    def add(self, findings: Iterable[Finding], offsets: Offsets) -> None:
        """What was found in rows that stand there."""
        findings = list(findings)
        happened, left_out = transitions(self._open, findings, self._at, offsets, self._origin, self._most_open)
        self.findings += findings
        self.left_out += left_out
        self._take(happened)

    def _take(self, happened: Iterable[Transition]) -> None:
        for one in happened:
            self.happened.append(one)
            if one.state == "raised":
                self._open[one.id] = one
            else:
                del self._open[one.id]
