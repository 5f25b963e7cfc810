"""`shopnow simulate`: plausible shoppers, at any rate, with a ledger to check the tables against."""

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any

import click
from rich import progress as bars
from rich.console import Console

from shopnow_streams.settings import from_environment
from shopnow_streams.simulator.options import Progress, SimulationOptions
from shopnow_streams.simulator.sending import simulate as run
from shopnow_streams.simulator.shoppers import HABITS, Habits


class Rate(click.ParamType):
    """Records a second, or `max`."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        """None for `max`."""
        if value == "max":
            return None
        try:
            rate = float(value)
        except ValueError:
            self.fail(f"{value!r} is neither a number nor max", param, ctx)
        if not 0 < rate < float("inf"):
            self.fail("must be above 0", param, ctx)
        return rate


class Moment(click.ParamType):
    """ISO 8601 with an offset."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment; a naive one is refused, as it is in events."""
        try:
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not like 2025-11-28T10:00:00Z", param, ctx)
        if moment.tzinfo is None:
            self.fail("needs an offset: Z, or +01:00", param, ctx)
        return moment


class UntilStopped(threading.Event):
    """Set by SIGINT and SIGTERM; a second signal raises KeyboardInterrupt, for who can't wait for a broker."""

    @contextmanager
    def on_signals(self) -> Iterator["UntilStopped"]:
        """Listen within the block; from the main thread only."""
        before = {number: signal.signal(number, self._heard) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _heard(self, _number: int, _frame: FrameType | None) -> None:
        if self.is_set():
            raise KeyboardInterrupt
        self.set()


@click.command()
@click.option("--rate", type=Rate(), default="100", show_default=True, help="Records a second, or max.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same shoppers for the same seed.")
@click.option("--duration", type=click.FloatRange(0), help="Seconds; else until stopped.")
@click.option("--events", type=click.IntRange(0), help="Records; else until stopped.")
@click.option(
    "--products", type=click.IntRange(1), default=HABITS.products, show_default=True, help="In the catalogue."
)
@click.option(
    "--shoppers", type=click.IntRange(1), default=HABITS.in_shop, show_default=True, help="In the shop at once."
)
@click.option("--start", type=Moment(), help="When the first event happens, e.g. 2025-11-28T10:00:00Z; else now.")
@click.option(
    "--speed", type=click.FloatRange(0, min_open=True), default=1.0, show_default=True, help="Event seconds a second."
)
@click.option("--malformed", type=click.FloatRange(0, 0.99), default=0.0, help="Share of values that are no event.")
@click.option("--null-keys", type=click.FloatRange(0, 1), default=0.0, help="Share of records without a key.")
@click.option(
    "--ledger", type=click.Path(dir_okay=False, path_type=Path), help="Keep count here; a later run adds to it."
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def simulate(
    rate: float | None,
    seed: int,
    duration: float | None,
    events: int | None,
    products: int,
    shoppers: int,
    start: datetime | None,
    speed: float,
    malformed: float,
    null_keys: float,
    ledger: Path | None,
    as_json: bool,
) -> None:
    """Send what plausible shoppers do, until the end or Ctrl-C; then wait until Kafka has it all.

    A week ago, in ten minutes:
    shopnow simulate --rate 2000 --start 2025-11-21T00:00:00Z --speed 1008 --duration 600
    """
    options = SimulationOptions(
        rate=rate,
        seed=seed,
        duration_s=duration,
        records=events,
        habits=Habits(products=products, in_shop=shoppers),
        start=start,
        speed=speed,
        malformed=malformed,
        null_keys=null_keys,
        ledger=ledger,
    )
    connection = from_environment().connection
    with UntilStopped().on_signals() as stop, _Display(options) as display:
        done = run(connection, options, display.show, stop)
    if as_json:
        click.echo(
            json.dumps({name: getattr(done, name) for name in ("sent", "acknowledged", "malformed", "elapsed_s")})
        )
    else:
        kept = f"; counted in {ledger}" if ledger else ""
        click.echo(
            f"Kafka has {done.acknowledged:,} records ({done.malformed:,} malformed) "
            f"after {done.elapsed_s:.1f} s, {done.per_second:,.0f} a second{kept}"
        )


class _Display:
    """A line on stderr that moves: sent, per second, in flight."""

    def __init__(self, options: SimulationOptions) -> None:
        self._options = options
        self._bars = bars.Progress(
            bars.SpinnerColumn(),
            bars.TextColumn("{task.fields[sent]:>12,} sent"),
            bars.TextColumn("{task.fields[per_second]:>9,.0f}/s"),
            bars.TextColumn("{task.fields[in_flight]:>7,} in flight"),
            bars.BarColumn(),
            bars.TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bars.add_task(
            "simulate", total=options.duration_s or options.records, sent=0, per_second=0.0, in_flight=0
        )
        self._last = (time.monotonic(), 0)
        self._per_second = 0.0

    def __enter__(self) -> "_Display":
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def show(self, progress: Progress) -> None:
        """The rate is that of the last second or so."""
        now = time.monotonic()
        at, sent = self._last
        if now - at >= 1.0:
            self._per_second = (progress.sent - sent) / (now - at)
            self._last = (now, progress.sent)
        self._bars.update(
            self._task,
            completed=progress.elapsed_s if self._options.duration_s else progress.sent,
            sent=progress.sent,
            per_second=self._per_second or progress.per_second,
            in_flight=progress.in_flight,
        )
