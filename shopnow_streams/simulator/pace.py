"""How many records are due at a moment, at a given rate. Pure: it is told the time."""

TICK_S = 0.01  # a rate above this one's inverse comes in small bursts, rather than with a wake-up for each record
BEHIND_S = 1.0


class Pace:
    """A steady rate from the moment it begins.

    Whoever falls behind by more than a second (an outage, a stopped process) is not asked to make up for it.
    """

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._since = now
        self._sent = 0

    def due(self, now: float, most: int) -> int:
        """Records to send now, `most` at most; they count as sent. The first is due at once."""
        elapsed = (now - self._since) * self._rate
        if elapsed - self._sent > max(BEHIND_S * self._rate, 1):
            self._since, self._sent, elapsed = now, 0, 0.0
        count = max(0, min(most, int(elapsed) + 1 - self._sent))
        self._sent += count
        return count

    def wait_s(self, now: float) -> float:
        """Seconds until the next is due, or a tick where that is longer."""
        return max(self._since + self._sent / self._rate - now, TICK_S)
