"""An application's changelogs from the archive: its workers then start as if Kafka had kept all."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from faust.types import TP

from shopnow_streams.archive.catalogue import Catalogue, SegmentFile
from shopnow_streams.errors import OffsetsLost, RebuildRefused
from shopnow_streams.folds import kept
from shopnow_streams.folds.watermark import EventTime
from shopnow_streams.kafka_admin import KafkaAdmin
from shopnow_streams.rebuild.changelogs import Changelogs
from shopnow_streams.rebuild.state import Done, fold
from shopnow_streams.settings import Settings
from shopnow_streams.topics import Topic
from tables.cut import POSITIONS
from tables.live import LiveTablesConfig
from tables.partition import Partition
from tables.restore import topic_ids
from tables.store import PartitionStore
from tables.writer import PartitionWriter


@dataclass
class Rebuilt:
    """What was rebuilt: records read, rejected ones among them not told apart, and where workers will read on."""

    records: int = 0
    positions: dict[TP, int] = field(default_factory=dict)


class Application:
    """The application of `settings`, to be rebuilt. Every method blocks; raises KafkaUnavailable, SinkUnavailable."""

    def __init__(self, settings: Settings, catalogue: Catalogue) -> None:
        connection = settings.connection
        self._settings = settings
        self._catalogue = catalogue
        self._rules = EventTime.of_seconds(settings.allowed_lateness_s, settings.clock_skew_s)
        self._config = LiveTablesConfig(settings.application_id, settings.data_dir, connection.librdkafka())
        self._definitions = kept(settings.left_out)
        tables = [*(definition.name for definition in self._definitions), POSITIONS]
        self._topics = {table: self._config.changelog(table) for table in tables}
        self._changelogs = Changelogs(connection, settings.application_id, self._topics.values())
        self._admin = KafkaAdmin(connection)
        self._sources: dict[str, str] = {}

    def check(self, planned: Mapping[TP, list[SegmentFile]], replace: bool) -> None:
        """Whether a rebuild can be done, before anything is touched.

        Raises RebuildRefused while workers run, or where there are tables already and they may not be replaced;
        OffsetsLost where Kafka does not have what comes after the archive's end.
        """
        if not any(planned.values()):
            raise RebuildRefused(f"the archive {self._catalogue.url} has no segment: there is nothing to rebuild from")
        self._changelogs.refuse_workers()
        existing = self._changelogs.existing()
        if existing and not replace:
            raise RebuildRefused(
                f"the application {self._settings.application_id} has tables already ({len(existing)} changelogs): "
                "--replace deletes them first, or rebuild under another SHOPNOW_APPLICATION_ID"
            )
        self._check_continuation(planned)

    def rebuild(self, planned: Mapping[TP, list[SegmentFile]], done: Done) -> Rebuilt:
        """Make the changelogs anew and fill them, partition by partition. Call `check` before.

        A kill leaves tables that end early: whoever starts a worker on them reads on from there if Kafka still has
        it, and a second rebuild with `replace` begins anew.
        """
        self._changelogs.remove()
        self._changelogs.create(self._settings.partitions, self._settings.replication_factor)
        self._sources = topic_ids(self._config.librdkafka, [str(topic) for topic in Topic])
        rebuilt = Rebuilt()
        with tempfile.TemporaryDirectory(prefix="shopnow-rebuild-") as folder:
            for number in range(self._settings.partitions):
                self._rebuild_partition(number, Path(folder), planned, done, rebuilt)
        return rebuilt

    def _rebuild_partition(
        self, number: int, folder: Path, planned: Mapping[TP, list[SegmentFile]], done: Done, rebuilt: Rebuilt
    ) -> None:
        transactional_id = self._config.transactional_id(number)
        writer = PartitionWriter(self._config.librdkafka, transactional_id, number, self._topics)
        store = PartitionStore(folder / str(number))
        try:
            writer.open()
            partition = Partition(number, self._definitions, store, self._rules)
            partition.recognise(self._sources)
            rebuilt.records += fold(self._catalogue, partition, planned, writer.commit, done)
            rebuilt.positions.update({TP(topic, number): offset for topic, offset in partition.positions.items()})
        finally:
            writer.close()
            store.close()

    def _check_continuation(self, planned: Mapping[TP, list[SegmentFile]]) -> None:
        partitions = range(self._settings.partitions)
        for topic in Topic:
            marks = self._admin.watermarks(str(topic))
            if len(marks) != len(partitions):
                raise RebuildRefused(
                    f"{topic} has {len(marks)} partitions, the tables expect {len(partitions)}: set SHOPNOW_PARTITIONS"
                )
            archived = [number for number in partitions if planned[TP(str(topic), number)]]
            for number, end in self._catalogue.archive.ends(topic, archived).items():
                first, after = marks[number]
                if end is not None and not first <= end <= after:
                    raise OffsetsLost(
                        f"{topic} partition {number}: the archive ends at {end}, and Kafka has {first} to {after}: "
                        "what lies between is lost, or the topic was recreated",
                        str(topic),
                        number,
                    )
