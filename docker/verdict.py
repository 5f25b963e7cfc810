"""Whether the tables and the archive of the composed system hold what the simulator sent, number by number.

docker compose -f docker/compose.yaml stop simulator
docker compose -f docker/compose.yaml run --rm --no-deps --no-TTY simulator python - < docker/verdict.py
"""

import sys
import time
from pathlib import Path

from rich.console import Console

from shopnow_streams.demo.numbers import WorkerApi
from shopnow_streams.demo.verdict import compare, read_archive, shown
from shopnow_streams.settings import from_environment
from shopnow_streams.simulator import LedgerFile

LEDGER = Path("/data/ledger.json")
WORKER = "http://worker:6066"
CATCH_UP_S = 120.0
EVERY_S = 3.0


def main() -> int:
    """Print the verdict; wait for the archive's last segments first. Returns 0 where all counts are the same."""
    ledger, api, sink = LedgerFile(LEDGER).load(), WorkerApi(WORKER), from_environment().sink()
    until = time.monotonic() + CATCH_UP_S
    while True:
        lines = compare(ledger, api, read_archive(sink))
        right = all(line.agrees for line in lines)
        if right or time.monotonic() > until:
            break
        time.sleep(EVERY_S)
    Console().print(shown(lines))
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
