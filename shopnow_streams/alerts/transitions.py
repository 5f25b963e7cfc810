"""From findings to transitions: what is raised is what holds and is not open; what is resolved is over, and open."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from shopnow_streams.alerts.judge import Finding
from shopnow_streams.alerts.transition import Offsets, Rule, State, Transition


def transitions(
    open_alerts: Mapping[str, Transition],
    findings: Iterable[Finding],
    at: datetime,
    offsets: Offsets,
    origin: int,
    most_open: int,
) -> tuple[list[Transition], list[Finding]]:
    """What happens, in order of id; and what holds and is left out, since `most_open` alerts of its rule are open.

    What was resolved makes room at once. A subject without a finding stays as it is.
    """
    by_id = {finding.id: finding for finding in findings}
    resolved = [by_id[id] for id in sorted(by_id) if by_id[id].verdict == "over" and id in open_alerts]
    holding = [by_id[id] for id in sorted(by_id) if by_id[id].verdict == "holds" and id not in open_alerts]
    room = Counter(dict.fromkeys({finding.rule for finding in holding}, most_open))
    room.subtract(alert.rule for alert in open_alerts.values())
    room.update(finding.rule for finding in resolved)
    raised: list[Finding] = []
    left_out: list[Finding] = []
    for finding in holding:
        (raised if room[finding.rule] > 0 else left_out).append(finding)
        room[finding.rule] -= 1
    happened = [
        *(_transition(finding, "resolved", at, offsets, origin) for finding in resolved),
        *(_transition(finding, "raised", at, offsets, origin) for finding in raised),
    ]
    return sorted(happened, key=lambda transition: transition.id), left_out


def switched_off(
    open_alerts: Mapping[str, Transition], on: Collection[Rule], at: datetime, origin: int
) -> list[Transition]:
    """Open alerts of rules that are not judged any more end."""
    return [
        Transition(
            id=alert.id,
            rule=alert.rule,
            subject=alert.subject,
            state="resolved",
            at=at,
            value=None,
            threshold=None,
            unit=alert.unit,
            message=f"the rule {alert.rule} was switched off",
            offsets={},
            origin=origin,
        )
        for alert in sorted(open_alerts.values(), key=lambda alert: alert.id)
        if alert.rule not in on
    ]


def _transition(finding: Finding, state: State, at: datetime, offsets: Offsets, origin: int) -> Transition:
    return Transition(
        id=finding.id,
        rule=finding.rule,
        subject=finding.subject,
        state=state,
        at=at,
        value=finding.value,
        threshold=finding.threshold,
        unit=finding.unit,
        message=finding.message,
        offsets=offsets,
        origin=origin,
    )
