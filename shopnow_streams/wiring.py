"""Everything the worker is made of, in reading order: topics → agents → tables, and what serves and archives them."""

from typing import Any

import faust
from faust.tables import TableManager
from faust.types import TP

from agents.fold import folding
from shopnow_streams.delivery.batch import BatchScheduler, BatchSchema
from shopnow_streams.delivery.consumer import Consumer, transport
from shopnow_streams.delivery.reader import Reader
from shopnow_streams.folds import TABLES
from shopnow_streams.settings import Settings
from shopnow_streams.topics import Topic
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.routes import add_routes
from tables.live import LiveTables, LiveTablesConfig

FOREVER_S = 1e9
"""aiokafka leaves a group whose records it does not hand out; ours come from the reader."""


class ShopNowApp(faust.App):
    """A Faust application whose tables are `live` and whose web server serves them."""

    live: LiveTables
    reader: Reader
    partitions: int

    def _new_web(self) -> Any:
        web: Any = super()._new_web()
        gather = Gather(self, self.live, self.partitions)
        add_routes(web.web_app, gather, self.live, self.settled, self.lag)
        return web

    def settled(self) -> bool:
        """Whether partitions are assigned and restored."""
        return bool(self.tables.actives_ready) and not self.rebalancing

    def lag(self) -> dict[TP, int]:
        """Records not yet folded, by partition of a topic, of the partitions that this worker owns."""
        positions = {tp: self.live.next_offset(tp) for tp in self.reader.ends()}
        return {tp: end - (positions[tp] or 0) for tp, end in self.reader.ends().items()}

    async def on_start(self) -> None:
        """Called by Faust before anything else starts."""
        await self.add_runtime_dependency(self.live)
        await super().on_start()


class LiveTableManager(TableManager):
    """Faust's table manager; partitions are fenced and restored before its own recovery looks at them."""

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Called by Faust once a rebalance has assigned `assigned`."""
        app: Any = self.app
        numbers = {tp.partition for tp in assigned if tp.topic in set(Topic)}
        await app.live.take_over(numbers, generation_id)
        await super().on_rebalance(assigned, revoked, newly_assigned, generation_id)


def create_app(settings: Settings) -> ShopNowApp:
    """The live side: five topics, an agent each, the tables, and HTTP. Does no IO."""
    connection = settings.connection
    app = ShopNowApp(
        settings.application_id,
        env={},
        broker=connection.faust_broker(),
        broker_credentials=connection.faust_credentials(),
        autodiscover=False,
        store="shopnow://",
        datadir=str(settings.data_dir),
        topic_partitions=settings.partitions,
        topic_replication_factor=settings.replication_factor,
        topic_allow_declare=True,
        ConsumerScheduler=BatchScheduler,
        TableManager=LiveTableManager,
        broker_commit_interval=settings.flush_interval_s,
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=settings.session_timeout_s / 4,
        broker_max_poll_interval=FOREVER_S,
        stream_buffer_maxsize=2,
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
        table_standby_replicas=0,
        web_host=settings.web_host,
        web_bind=settings.web_host,
        web_port=settings.web_port,
    )
    app.live = LiveTables(
        LiveTablesConfig(
            application_id=settings.application_id,
            data_dir=settings.data_dir,
            librdkafka=connection.librdkafka(),
            flush_interval_s=settings.flush_interval_s,
            flush_rows=settings.flush_rows,
            keep_rows=settings.keep_rows,
        ),
        TABLES,
    )
    app.partitions = settings.partitions
    app.reader = Reader(connection.librdkafka())
    app._transport = transport(app, set(Topic), app.reader, app.live)

    def consumer() -> Consumer:
        ours: Any = app.consumer
        assert isinstance(ours, Consumer)
        return ours

    app.live.on_durable = lambda offsets: consumer().mark_processed(offsets)
    for topic in Topic:
        batches = app.topic(str(topic), schema=BatchSchema(), partitions=settings.partitions)
        app.agent(batches, name=f"fold-{topic}")(folding(topic, app.live, consumer))
    for table in app.live.changelogs:
        app.Table(table, partitions=settings.partitions, schema=RAW)
    return app


RAW = faust.Schema(key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
