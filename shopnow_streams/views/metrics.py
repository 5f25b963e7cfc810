"""`/metrics` for Prometheus: read from the tables when asked, so that the hot path counts nothing twice."""

from collections.abc import Callable, Iterator, Mapping

from aiohttp import web
from faust.types import TP
from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from shopnow_streams import __version__
from shopnow_streams.events import REASONS
from shopnow_streams.folds.rejections import REJECTIONS, Rejections
from shopnow_streams.topics import Topic
from tables.live import LiveTables

# else each histogram has a series more, of when it was made, which nobody asks for
disable_created_metrics()  # type: ignore[no-untyped-call]


class TablesCollector(Collector):
    """The live side's progress. Labels are bounded: topics, partitions, tables, and the few reasons of a reject."""

    def __init__(self, live: LiveTables, lag: Callable[[], Mapping[TP, int]]) -> None:
        self._live = live
        self._lag = lag

    def collect(self) -> Iterator[Metric]:
        """Called by the registry for each scrape, on the event loop."""
        live = self._live
        partitions = [owned.partition for owned in live.owned.values()]
        owned = GaugeMetricFamily("shopnow_partitions_owned", "Partition numbers that this worker owns")
        owned.add_metric([], len(partitions))
        yield owned
        events = CounterMetricFamily("shopnow_events", "Events folded by this worker", labels=["topic"])
        accepted = live.accepted
        for topic in Topic:
            events.add_metric([topic], accepted[topic])
        yield events
        refused = CounterMetricFamily(
            "shopnow_rejected", "Records that were no events, met by this worker", labels=["topic", "reason"]
        )
        # 0 where there was none: of a series that is not there, a sum is nothing, and rate() misses its first ones
        met = {(str(topic), reason): 0 for topic in Topic for reason in REASONS} | live.refused
        for labels, count in sorted(met.items()):
            refused.add_metric(labels, count)
        yield refused
        rejected = GaugeMetricFamily(
            "shopnow_rejected_records",
            "Records that are no events, ever, in the partitions that this worker owns",
            labels=["topic", "reason"],
        )
        for labels, count in sorted(self._rejected().items()):
            rejected.add_metric(labels, count)
        yield rejected
        yield from self._event_time()
        position = GaugeMetricFamily(
            "shopnow_position", "Next offset the tables stand at", labels=["topic", "partition"]
        )
        for partition in partitions:
            for name, offset in partition.positions.items():
                position.add_metric([name, str(partition.number)], offset)
        yield position
        lag = GaugeMetricFamily("shopnow_lag_records", "Records not yet folded", labels=["topic", "partition"])
        for tp, behind in self._lag().items():
            lag.add_metric([tp.topic, str(tp.partition)], behind)
        yield lag
        pending = GaugeMetricFamily("shopnow_rows_pending", "Rows changed since the last flush")
        pending.add_metric([], sum(partition.pending for partition in partitions))
        yield pending
        for name, text, value in (
            ("shopnow_flushed_rows", "Rows written to changelogs and stores", live.flushed_rows),
            ("shopnow_restored_rows", "Rows read from changelogs at take-over", live.restored_rows),
        ):
            counter = CounterMetricFamily(name, text)
            counter.add_metric([], value)
            yield counter
        yield from live.timings.collect()
        build = InfoMetricFamily("shopnow_build", "Which version this worker is of")
        build.add_metric([], {"version": __version__})
        yield build

    def _event_time(self) -> Iterator[Metric]:
        live = self._live
        misdated = CounterMetricFamily(
            "shopnow_misdated",
            "Events in no window, met by this worker: late, or dated ahead of Kafka's clock",
            labels=["topic", "reason"],
        )
        apart = live.misdated
        for topic in Topic:
            for reason in ("late", "ahead"):
                misdated.add_metric([topic, reason], apart[topic, reason])
        yield misdated
        watermark = GaugeMetricFamily(
            "shopnow_watermark_timestamp_seconds",
            "The moment of the newest event that was not ahead, in seconds since 1970",
            labels=["topic", "partition"],
        )
        beginning = live.config.event_time.beginning
        for owned in live.owned.values():
            for name, moment in owned.partition.watermarks.items():
                if moment > beginning:
                    watermark.add_metric([name, str(owned.partition.number)], moment.timestamp())
        yield watermark
        windowed = CounterMetricFamily(
            "shopnow_window_rows",
            "Rows of windows that are over: merged into longer ones, or forgotten",
            labels=["table", "went"],
        )
        moved = live.moved
        for name, definition in live.definitions.items():
            for went in ("longer", "forgotten") if definition.windows else ():
                windowed.add_metric([name, went], moved[name, went])
        yield windowed
        rows = GaugeMetricFamily("shopnow_rows_in_memory", "Rows held in memory, by table", labels=["table"])
        for name in live.definitions:
            rows.add_metric([name], sum(owned.partition.tables[name].in_memory for owned in live.owned.values()))
        yield rows

    def _rejected(self) -> dict[tuple[str, str], int]:
        counts: dict[tuple[str, str], int] = {}
        for owned in self._live.owned.values():
            for topic in Topic:
                state = owned.partition.tables[REJECTIONS.name].get(str(topic))
                if isinstance(state, Rejections):
                    for reason, count in state.by_reason.items():
                        counts[topic, reason] = counts.get((topic, reason), 0) + count
        return counts


class Metrics:
    """The exposition of one registry."""

    def __init__(self, *collectors: Collector) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        for collector in collectors:
            self._registry.register(collector)

    async def exposed(self, _request: web.Request) -> web.Response:
        """Prometheus text."""
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
