"""Everything the worker is made of, in reading order: topics → agents → tables, and what serves and archives them."""

import asyncio
import ctypes
import gc
import resource
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import faust
import pyarrow
from faust.types import TP

from agents.archive import archiving
from agents.archiver import Archiver
from agents.fold import folding
from shopnow_streams.alerting.service import Alerting
from shopnow_streams.alerting.webhook import Target, target
from shopnow_streams.delivery.batch import BatchScheduler, BatchSchema
from shopnow_streams.delivery.consumer import Consumer, Progress, transport
from shopnow_streams.delivery.reader import Reader
from shopnow_streams.delivery.worker import JsonWorker, Worker
from shopnow_streams.errors import KafkaUnavailable, SettingsError
from shopnow_streams.folds import kept
from shopnow_streams.folds.watermark import EventTime
from shopnow_streams.kafka_admin import TIMEOUT_S, KafkaAdmin
from shopnow_streams.logs.format import logging_config
from shopnow_streams.logs.logger import get_logger
from shopnow_streams.settings import Settings
from shopnow_streams.topics import Topic
from shopnow_streams.views.access import Access, access
from shopnow_streams.views.alerts import Alerts
from shopnow_streams.views.archive import ArchiveProgress
from shopnow_streams.views.changed import Changed
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.hub import Hub
from shopnow_streams.views.peers import Peers
from shopnow_streams.views.routes import add_routes
from shopnow_streams.views.server import Server
from shopnow_streams.views.snapshots import Snapshots
from shopnow_streams.views.stream import Stream
from sinks.rotation import Rotation
from tables.changes import Changes
from tables.live import LiveTables, LiveTablesConfig
from tables.recovery import LiveTableManager

logger = get_logger(__name__)

M_ARENA_MAX = -8
"""glibc's name for the bound on arenas (mallopt(3))."""

OPEN_FILES = 1_000
"""Of the stores, Kafka's connections and other requests; clients of streams come to that."""

FOREVER_S = 1e9
"""aiokafka leaves a group whose records it does not hand out; ours come from the reader."""


class BatchApp(faust.App):
    """A Faust application whose consumer reads our topics in batches."""

    reader: Reader
    settings: Settings

    def _create_directories(self) -> None:
        """Called by Faust before anything starts; it makes the last folder only. Raises SettingsError."""
        folder: Path = self.conf.datadir
        try:
            folder.mkdir(parents=True, exist_ok=True)
            super()._create_directories()
        except OSError as error:
            raise SettingsError(
                f"no tables can be kept in {folder.absolute()}: {error.strerror} ({error.filename}). "
                "Set SHOPNOW_DATA_DIR to a folder that this user may make, and write in"
            ) from error

    def _on_rebalance_when_stopped(self) -> None:
        """Nothing: Faust would close aiokafka's client here, from the wrong loop, and its coordinator then spins while
        the stop waits for it."""


class ArchiveApp(BatchApp):
    """A Faust application whose agents feed `archiver`."""

    archiver: Archiver

    async def on_start(self) -> None:
        """Called by Faust before anything else starts."""
        await ensure_topics(self.settings)
        await self.add_runtime_dependency(self.archiver)
        await super().on_start()

    def lag(self) -> dict[TP, int]:
        """Records not yet committed to the archive, by partition of a topic, of those that this worker owns."""
        ends = self.reader.ends()
        partitions = self.archiver.partitions
        return {tp: end - partitions[tp].durable for tp, end in ends.items() if tp in partitions}


class ShopNowApp(BatchApp):
    """A Faust application whose tables are `live` and whose web server serves them."""

    live: LiveTables
    access: Access
    webhook: Target | None = None
    alerting: Alerting
    archive: ArchiveApp | None = None

    def _new_web(self) -> Any:
        web = Server(self)
        peers = Peers(self, self.access.tokens)
        gather = Gather(peers, self.live, self.settings.partitions)
        progress = ArchiveProgress(self.archive.archiver, self.settings.archive, peers) if self.archive else None
        snapshots = Snapshots(peers, self.live, self.settings.partitions)
        changed = Changed(gather, Changes(self.live))
        self.alerting = Alerting(self.settings, changed, gather, self.live, self.webhook)
        stream = Stream(Hub(changed), self.settings.web_streams, self.alerting)
        self.alerting.tail.on_records = stream.alerts_changed
        alerts = Alerts(self.alerting, peers)
        add_routes(
            web.web_app, gather, self.live, self.settled, self.lag, progress, snapshots, self.access, stream, alerts
        )
        return web

    async def on_started(self) -> None:
        """Called by Faust when everything else has started."""
        await super().on_started()
        tune_memory()
        allow_open_files(self.settings.web_streams + OPEN_FILES)
        await self.add_runtime_dependency(self.alerting)
        if self.archive is not None:
            self.archive.finalize()
            await self.add_runtime_dependency(self.archive)

    def settled(self) -> bool:
        """Whether partitions are assigned and restored."""
        return bool(self.tables.actives_ready) and not self.rebalancing

    def lag(self) -> dict[TP, int]:
        """Records not yet folded, by partition of a topic, of the partitions that this worker owns."""
        positions = {tp: self.live.next_offset(tp) for tp in self.reader.ends()}
        return {tp: end - (positions[tp] or 0) for tp, end in self.reader.ends().items()}

    async def on_start(self) -> None:
        """Called by Faust before anything else starts."""
        await ensure_topics(self.settings)
        await self.add_runtime_dependency(self.live)
        await super().on_start()


def tune_memory() -> None:
    """For this process: let Python's cycle collector look seldom, and let freed memory be used again.

    Rows and events hold no cycles, and looking through batches of them took a third of the time of folding. glibc gives
    each of our dozen threads an arena of its own, and Arrow a pool, that keep what was once needed.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    with suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())


def allow_open_files(count: int) -> None:
    """Let this process have so many open, where the system allows it: clients take them, and the stores need some."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        logger.warning(
            "only {limit} files may be open, and SHOPNOW_WEB_STREAMS needs {needed}: raise the limit, or lower it",
            limit=hard,
            needed=count,
        )
    elif soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


async def ensure_topics(settings: Settings) -> None:
    """Make the topics that are missing. Waits for Kafka as long as it takes; raises TopicMismatch for other partitions
    than the tables expect."""
    admin = KafkaAdmin(settings.connection, refused_s=TIMEOUT_S)  # it tells of its waiting, and not at every moment
    while True:
        try:
            await asyncio.to_thread(admin.create, settings.partitions, settings.replication_factor)
        except KafkaUnavailable as error:
            logger.warning("waiting for Kafka: {error}", error=error)
        else:
            return


def create_app(settings: Settings) -> ShopNowApp:
    """The live side: five topics, an agent each, the tables, and HTTP; the archive in it, or not.

    Does no IO but to read the files of tokens and of the webhook's secret. Raises SettingsError where one is none.
    """
    connection = settings.connection
    tables = kept(settings.left_out)
    app = ShopNowApp(
        settings.application_id,
        **_common(settings),
        store="shopnow://",
        TableManager=LiveTableManager,
        table_standby_replicas=0,
        web_host=settings.web_host,
        web_bind=settings.web_host,
        web_port=settings.web_port,
        canonical_url=f"http://{settings.web_advertised or f'{settings.web_host}:{settings.web_port}'}",
    )
    app.settings = settings
    app.access = access(settings)
    app.webhook = target(settings)
    app.live = LiveTables(
        LiveTablesConfig(
            application_id=settings.application_id,
            data_dir=settings.data_dir,
            librdkafka=connection.librdkafka(),
            flush_interval_s=settings.flush_interval_s,
            flush_rows=settings.flush_rows,
            keep_rows=settings.keep_rows,
            event_time=EventTime.of_seconds(settings.allowed_lateness_s, settings.clock_skew_s),
        ),
        tables,
    )
    app.reader = _read_batches(app, settings, app.live)
    app.live.on_durable = lambda offsets: _consumer(app).mark_processed(offsets)
    for topic in Topic:
        batches = app.topic(str(topic), schema=BatchSchema(), partitions=settings.partitions)
        agent: Any = app.agent(batches, name=f"fold-{topic}")(folding(topic, app.live, lambda: _consumer(app)))
        fed = (table.name for table in tables if any(flow.topic == topic for flow in table.flows))
        agent.help = f"into {', '.join(fed)}"
    helps = {definition.name: definition.help for definition in tables}
    for table in app.live.changelogs:
        about = helps.get(table, "each topic: the offset that the partition's rows stand at")
        app.Table(table, partitions=settings.partitions, schema=RAW, help=about)
    if settings.archive and settings.archive_embedded:
        app.archive = create_archive_app(settings)
    return app


def create_archive_app(settings: Settings) -> ArchiveApp:
    """The archive side: a group of its own, so that HDFS may be away for hours while live numbers go on. No IO."""
    app = ArchiveApp(f"{settings.application_id}-archive", **_common(settings), store="memory://", web_enabled=False)
    app.settings = settings
    sink = settings.sink()
    rotation = Rotation(settings.archive_segment_bytes, settings.archive_segment_rows, settings.archive_segment_age_s)
    app.archiver = Archiver(sink, sink.form, rotation, settings.archive_buffer_bytes)
    app.reader = _read_batches(app, settings, app.archiver)
    app.archiver.on_durable = lambda offsets: _consumer(app).mark_processed(offsets)
    for topic in Topic:
        batches = app.topic(str(topic), schema=BatchSchema(), partitions=settings.partitions)
        app.agent(batches, name=f"archive-{topic}")(archiving(topic, app.archiver, lambda: _consumer(app)))

    @app.on_partitions_assigned.connect(weak=False)
    async def let_go_of_the_rest(_app: Any, assigned: set[TP], **_: Any) -> None:
        app.archiver.assigned(assigned)

    return app


def _common(settings: Settings) -> dict[str, Any]:
    """What both applications tell Faust; each line here is a trap that design.md names."""
    connection = settings.connection
    return {
        "env": {},  # else BROKER_URL in the environment would win over `broker`
        "broker": connection.faust_broker(),
        "broker_credentials": connection.faust_credentials(),
        "autodiscover": False,
        "Worker": JsonWorker if settings.log_format == "json" else Worker,
        "logging_config": logging_config(settings.log_format),
        "datadir": str(settings.data_dir),
        "topic_partitions": settings.partitions,
        "topic_replication_factor": settings.replication_factor,
        "ConsumerScheduler": BatchScheduler,
        "broker_commit_interval": settings.flush_interval_s,
        "broker_session_timeout": settings.session_timeout_s,
        "broker_heartbeat_interval": settings.session_timeout_s / 4,
        "broker_max_poll_interval": FOREVER_S,
        "stream_buffer_maxsize": 2,
        "stream_wait_empty": False,
        "recovery_consistency_check": False,  # it looks at partitions that are between two owners
        "stream_recovery_delay": 0.0,
        "worker_redirect_stdouts": False,
    }


def _read_batches(app: faust.App, settings: Settings, progress: Progress) -> Reader:
    reader = Reader(settings.connection.librdkafka())
    app._transport = transport(app, set(Topic), reader, progress)
    return reader


def _consumer(app: faust.App) -> Consumer:
    return cast(Consumer, app.consumer)


RAW: Any = faust.Schema(key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
