"""The application as it is put together: nothing vanished, nothing touched yet."""

import resource
import socket
import threading
from pathlib import Path
from typing import Any

import confluent_kafka
import pytest
from faust.types import TP

from shopnow_streams.delivery.batch import BatchScheduler, BatchSchema
from shopnow_streams.delivery.consumer import Consumer
from shopnow_streams.errors import SettingsError
from shopnow_streams.settings import Settings
from shopnow_streams.topics import Topic
from shopnow_streams.wiring import ShopNowApp, allow_open_files, create_app, create_archive_app

TABLES = {"products", "stock", "orders", "hours", "rejections", "activity", "shop", "shoppers", "late", "positions"}
TOPICS = {"produit-consulte", "article-ajoute", "commande-validee", "paiement-accepte", "stock-mis-a-jour"}


def settings(tmp_path: Path, **changes: Any) -> Settings:
    return Settings(**{"application_id": "shop", "data_dir": tmp_path / "data", "archive": "", **changes})


@pytest.fixture
async def app(tmp_path: Path) -> ShopNowApp:
    return create_app(settings(tmp_path))


async def test_a_file_of_tokens_that_is_none_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="SHOPNOW_WEB_TOKENS_FILE"):
        create_app(settings(tmp_path, web_tokens_file=str(tmp_path / "nowhere")))


async def test_a_webhook_without_a_secret_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="SHOPNOW_ALERT_WEBHOOK_SECRET_FILE"):
        create_app(settings(tmp_path, alert_webhook_url="https://hook.example"))


@pytest.mark.parametrize(
    ("limits", "becomes"), [((256, 4_096), 2_000), ((3_000, 4_096), None), ((256, 1_000), None), ((-1, -1), None)]
)
def test_as_many_files_may_be_open_as_streams_need_where_the_system_allows_it(
    monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int], becomes: int | None
) -> None:
    set_to: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _which: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _which, limits: set_to.append(limits))
    allow_open_files(2_000)
    assert set_to == ([] if becomes is None else [(becomes, limits[1])])


def test_agents_and_tables_are_all_there(app: ShopNowApp) -> None:
    assert set(app.agents) == {f"fold-{topic}" for topic in TOPICS}
    assert set(app.tables) == TABLES
    assert set(app.live.definitions) == TABLES - {"positions"}


async def test_what_faust_lists_says_what_each_is(app: ShopNowApp) -> None:
    agents: list[Any] = list(app.agents.values())
    assert all(agent.help for agent in agents)
    assert all(table.help for table in app.tables.values())
    assert len({table.help for table in app.tables.values()}) == len(TABLES)


async def test_each_agent_reads_the_batches_of_its_topic(app: ShopNowApp) -> None:
    for topic in TOPICS:
        channel: Any = app.agents[f"fold-{topic}"].channel
        assert list(channel.topics) == [topic]
        assert isinstance(channel.schema, BatchSchema)
        assert channel.partitions == 4


async def test_changelogs_are_named_as_the_tables_write_them(app: ShopNowApp) -> None:
    names = {name: table.changelog_topic.get_topic_name() for name, table in app.tables.items()}
    assert names == app.live.changelogs
    assert names["products"] == "shop-products-changelog"


async def test_tables_have_as_many_partitions_as_topics(tmp_path: Path) -> None:
    app = create_app(settings(tmp_path, partitions=7))
    assert {table.partitions for table in app.tables.values()} == {7}
    agents: list[Any] = list(app.agents.values())
    assert {agent.channel.partitions for agent in agents} == {7}


async def test_the_traps_of_faust_are_avoided(app: ShopNowApp) -> None:
    conf: Any = app.conf
    assert conf.ConsumerScheduler is BatchScheduler
    assert conf.stream_wait_empty is False, "a stuck agent would block SIGTERM for ever"
    assert conf.autodiscover is False, "a broken module would be hidden"
    assert conf.broker_session_timeout == 10.0
    assert conf.table_standby_replicas == 0
    assert str(conf.processing_guarantee.value) == "at_least_once"
    assert str(conf.store) == "shopnow:"


async def test_the_environment_has_no_say_over_the_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKER_URL", "kafka://elsewhere:1")
    monkeypatch.setenv("APP_BROKER_URL", "kafka://elsewhere:1")
    app = create_app(settings(tmp_path, kafka="broker-1:9092,broker-2:9093"))
    assert [str(url) for url in app.conf.broker] == ["kafka://broker-1:9092", "kafka://broker-2:9093"]


@pytest.mark.parametrize(
    ("advertised", "url"), [("", "http://127.0.0.1:6066"), ("worker-1:7000", "http://worker-1:7000")]
)
async def test_the_other_workers_are_told_the_advertised_address(tmp_path: Path, advertised: str, url: str) -> None:
    app = create_app(settings(tmp_path, web_advertised=advertised))
    assert str(app.conf.canonical_url).rstrip("/") == url


async def test_the_transport_makes_our_consumer_over_the_reader_and_the_tables(app: ShopNowApp) -> None:
    transport: Any = app.transport
    assert issubclass(transport.Consumer, Consumer)
    assert transport.Consumer.reader is app.reader
    assert transport.Consumer.progress is app.live
    assert transport.Consumer.topics == set(Topic)
    assert "produit-consulte" in transport.Consumer.topics, "a topic of Kafka is plain text"


async def test_what_a_flush_made_durable_is_marked_with_the_consumer(app: ShopNowApp) -> None:
    marks: list[Any] = []
    fake: Any = type("FakeConsumer", (), {"mark_processed": lambda _self, offsets: marks.append(offsets)})()
    app._consumer = fake
    app.live.on_durable({TP("produit-consulte", 1): 5})
    assert marks == [{TP("produit-consulte", 1): 5}]


async def test_the_archive_is_a_group_of_its_own_within_the_worker_or_not_at_all(tmp_path: Path) -> None:
    folder = f"file://{tmp_path / 'archive'}"
    with_archive = create_app(settings(tmp_path, archive=folder))
    assert with_archive.archive is not None
    assert with_archive.archive.conf.id == "shop-archive"
    assert set(with_archive.archive.agents) == {f"archive-{topic}" for topic in TOPICS}
    assert set(with_archive.archive.tables) == set()
    assert create_app(settings(tmp_path, archive=folder, archive_embedded=False)).archive is None
    assert create_app(settings(tmp_path)).archive is None


async def test_each_application_has_a_reader_of_its_own(tmp_path: Path) -> None:
    app = create_app(settings(tmp_path, archive=f"file://{tmp_path / 'archive'}"))
    assert app.archive is not None
    transport: Any = app.archive.transport
    assert transport.Consumer.reader is app.archive.reader is not app.reader
    assert transport.Consumer.progress is app.archive.archiver


def refuse(what: str) -> Any:
    def refused(*_: Any, **__: Any) -> Any:
        raise AssertionError(f"create_app did IO: {what}")

    return refused


def test_to_create_it_does_no_io(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_app(settings(tmp_path))  # once before, for what is imported late
    monkeypatch.setattr(socket.socket, "connect", refuse("connect"))
    monkeypatch.setattr(socket, "getaddrinfo", refuse("getaddrinfo"))
    monkeypatch.setattr(threading.Thread, "start", refuse("a thread"))
    monkeypatch.setattr(confluent_kafka, "Consumer", refuse("a consumer"))
    monkeypatch.setattr(confluent_kafka, "Producer", refuse("a producer"))
    monkeypatch.setattr("os.mkdir", refuse("mkdir"))
    monkeypatch.setattr("rocksdict.Rdict", refuse("a store"))
    create_app(settings(tmp_path))
    create_archive_app(settings(tmp_path, archive="hdfs://nowhere:8020/shopnow"))
    assert list(tmp_path.iterdir()) == []


class TestDataDir:
    async def test_it_is_made_at_the_start_with_the_folders_above_it(self, tmp_path: Path) -> None:
        for create in (create_app, create_archive_app):
            folder = tmp_path / create.__name__ / "shop" / "worker"
            archive = f"file://{tmp_path / 'archive'}"
            await create(settings(tmp_path, data_dir=folder, archive=archive)).on_first_start()
            assert folder.is_dir()

    async def test_one_that_stands_is_kept_as_it_is(self, tmp_path: Path) -> None:
        (tmp_path / "data" / "tables").mkdir(parents=True)
        await create_app(settings(tmp_path)).on_first_start()
        assert (tmp_path / "data" / "tables").is_dir()

    @pytest.mark.parametrize("name", ["file", "file/below"])
    async def test_one_that_cannot_be_made_is_told_with_what_to_set(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "file").touch()
        app = create_app(settings(tmp_path, data_dir=tmp_path / name))
        with pytest.raises(SettingsError, match=f"kept in {tmp_path / name}: .* Set SHOPNOW_DATA_DIR"):
            await app.on_first_start()


class TestLag:
    async def test_it_is_what_was_not_folded_yet(self, app: ShopNowApp, monkeypatch: pytest.MonkeyPatch) -> None:
        tp = TP("produit-consulte", 0)
        monkeypatch.setattr(app.reader, "ends", lambda: {tp: 100})
        monkeypatch.setattr(app.live, "next_offset", lambda _tp: 40)
        assert app.lag() == {tp: 60}

    async def test_of_nothing_assigned_there_is_none(self, app: ShopNowApp) -> None:
        assert app.lag() == {}
