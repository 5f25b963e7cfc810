"""Everything this project raises on purpose, as one tree.

ShopNowError
├── SettingsError          a SHOPNOW_* variable is unknown, does not parse, or names what can't be used
├── EventRejected          a record is not an event of its topic
├── KafkaUnavailable       no broker answered in time
├── DeliveryFailed         Kafka did not acknowledge an event
├── TopicMismatch          a topic is missing, or has other partitions than the tables expect
├── OffsetsLost            Kafka no longer has the offsets that a table or the archive needs next
├── TablesChanged          stored rows were folded by another version of the tables
├── DeliveryGap            a batch does not begin where its partition stands
├── StoreBusy              another process has a partition's local store open
├── StoreClosed            a partition was let go while its rows were read
├── WriterFenced           another worker took over the partition
├── NoWorker               what answers where a worker should is none
├── RebuildRefused         the tables can't be rebuilt from the archive as things are
├── SinkUnavailable        the archive did not take a segment; try the same one again
├── SegmentConflict        another writer committed that first offset already
├── ArchiveCorrupt         a name or a file in the archive is not what it should be
├── ArchiveBusy            files are being taken out of the archive, or that did not come to its end
├── ArchiveMissing         there is no archive where one was to be looked at
├── AuditImpossible        the tables could not be compared with the archive
├── SparkError             a question to the archive has no answer
│   ├── SparkMissing       Spark is not installed, or did not start
│   ├── QuestionRefused    Spark can't answer it: no such column, not SQL
│   ├── SparkFailed        Spark gave up on the way
│   └── OutputRefused      its result can't be written where it was asked for
└── StackError             the local stack could not be installed, started or stopped
    ├── JavaMissing
    ├── PortBusy
    └── ProcessDied
"""


class ShopNowError(Exception):
    """Base of all. Its message says what happened, to what, and what to do; commands print it as it is.

    `about` is what it is about, as fields for a log: topic, partition, offset.
    """

    def __init__(self, *args: object, **about: object) -> None:
        super().__init__(*args)
        self.about = about


class SettingsError(ShopNowError):
    """A SHOPNOW_* variable is unknown, does not parse, or names what can't be used."""


class EventRejected(ShopNowError):
    """A record is not an event of its topic; it goes to the reject topic with this message as its reason."""


class KafkaUnavailable(ShopNowError):
    """No broker answered within the time allowed."""


class DeliveryFailed(ShopNowError):
    """Kafka did not acknowledge an event. It may be in the topic all the same: an answer can be lost too."""


class TopicMismatch(ShopNowError):
    """A topic is missing, or has other partitions than the tables expect."""


class OffsetsLost(ShopNowError):
    """Kafka no longer has the offset that `topic`'s `partition` needs next: recreated, or passed by retention."""

    def __init__(self, message: str, topic: str, partition: int) -> None:
        super().__init__(message, topic=topic, partition=partition)
        self.topic, self.partition = topic, partition


class TablesChanged(ShopNowError):
    """A partition's stored rows were folded by other tables than this version has: going on would count too little."""


class DeliveryGap(ShopNowError):
    """A record batch does not begin where its partition stands: going on would lose or repeat events."""


class StoreBusy(ShopNowError):
    """Another process has the partition's store open."""


class StoreClosed(ShopNowError):
    """The partition's store was closed, since its partition was let go."""


class WriterFenced(ShopNowError):
    """Another worker owns the partition now; whatever this one still holds of it must not be written."""


class NoWorker(ShopNowError):
    """What answers at a worker's address is none of ours: a proxy's page, or another server's."""


class RebuildRefused(ShopNowError):
    """The tables can't be rebuilt from the archive as things are: workers run, or something would be lost."""


class SinkUnavailable(ShopNowError):
    """The archive did not take a segment. The same segment may be offered again, unchanged."""


class SegmentConflict(ShopNowError):
    """Another writer already committed a segment with that first offset."""


class ArchiveCorrupt(ShopNowError):
    """A name or a file in the archive is not what the layout says it must be."""


class ArchiveBusy(ShopNowError):
    """Files are being taken out of the archive, by a compaction or an expiry, or that did not come to its end."""


class ArchiveMissing(ShopNowError):
    """There is no archive at that URL, or not that segment in it."""


class SparkError(ShopNowError):
    """A question to the archive has no answer."""


class SparkMissing(SparkError):
    """Spark is not installed, or did not start; the message carries the end of its log."""


class QuestionRefused(SparkError):
    """Spark can't answer the question: it is no SQL, or asks for a table or a column that is not there."""


class SparkFailed(SparkError):
    """Spark gave up while it read or computed: its archive is away, or it ran out of room."""


class OutputRefused(SparkError):
    """A result can't be written there: a file has that name already, or nothing can be written."""


class AuditImpossible(ShopNowError):
    """The tables could not be compared with the archive: that says nothing of either."""


class StackError(ShopNowError):
    """The local stack could not be installed, started or stopped."""


class JavaMissing(StackError):
    """No Java of a usable version was found, and none could be fetched."""


class PortBusy(StackError):
    """Another process listens on a port that the stack needs."""


class ProcessDied(StackError):
    """A process of the stack ended before it was ready; the message carries the end of its log."""
