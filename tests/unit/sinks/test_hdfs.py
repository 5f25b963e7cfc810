"""What WebHDFS answers, or does not, as one of three things: done, not there, or SinkUnavailable that says why."""

import socket
import sys
from collections.abc import Iterator

import pytest

from shopnow_streams.errors import SettingsError, SinkUnavailable
from sinks.hdfs import HdfsFiles
from tests.unit.sinks.webhdfs import Spoiled, WebHdfs


@pytest.fixture
def web() -> Iterator[WebHdfs]:
    server = WebHdfs()
    yield server
    server.stop()


@pytest.fixture
def files(web: WebHdfs) -> HdfsFiles:
    return open_files(web.url)


def open_files(url: str) -> HdfsFiles:
    return HdfsFiles("/archive", url, "shop", connect_timeout_s=1.0, read_timeout_s=2.0)


def unused_url() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@pytest.mark.parametrize(
    ("spoiled", "meaning"),
    [
        ("standby", "No NameNode is active"),
        ("safe-mode", "in safe mode"),
        ("no-datanode", "No DataNode took the file"),
        ("no-namenode", r"lost another on the way.*Connection refused$"),
        ("denied", "The user shop may not do that there"),
        ("error", "refused with RuntimeException: something broke"),
        ("silence", "took the request and did not answer"),
        ("lost", "was cut"),
        ("html", "does not speak WebHDFS"),
    ],
)
def test_every_refusal_says_what_where_and_why(web: WebHdfs, files: HdfsFiles, spoiled: Spoiled, meaning: str) -> None:
    web.plan("GETFILESTATUS", spoiled)
    with pytest.raises(SinkUnavailable, match=meaning) as refused:
        files.stat("t/x")
    assert f"hdfs:/archive/t/x at {web.url}" in str(refused.value)


def test_nobody_at_home() -> None:
    with pytest.raises(SinkUnavailable, match=r"nothing listens at 127\.0\.0\.1"):
        open_files(unused_url()).stat("x")


def test_a_name_that_is_not_known() -> None:
    with pytest.raises(SinkUnavailable, match=r"the name in namenode\.invalid:9870 is not known here"):
        open_files("http://namenode.invalid:9870").stat("x")


def test_a_host_that_does_not_answer_is_not_waited_for_longer_than_allowed() -> None:
    with socket.socket() as deaf:  # its queue of connections is full
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        waiting = [socket.socket() for _ in range(2)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(deaf.getsockname())
        with pytest.raises(SinkUnavailable, match="no connection within the time allowed"):
            open_files(f"http://127.0.0.1:{deaf.getsockname()[1]}").stat("x")
        for each in waiting:
            each.close()


def test_no_file_is_told_from_no_answer(web: WebHdfs, files: HdfsFiles) -> None:
    assert files.stat("t/x") is None
    assert files.list("t") == []
    with pytest.raises(FileNotFoundError, match="/archive/t/x"):
        files.read("t/x", 0, 10)
    web.plan("GETFILESTATUS", "error")
    with pytest.raises(SinkUnavailable):
        files.stat("t/x")


@pytest.mark.parametrize("spoiled", ["standby", "silence", "lost"])
def test_the_other_namenode_of_a_pair_is_asked(web: WebHdfs, spoiled: Spoiled) -> None:
    other = WebHdfs()
    try:
        other.plan("MKDIRS", spoiled)
        pair = open_files(f"{other.url};{web.url}")
        pair.make("t")
        pair.make("u")
        assert other.requests == ["MKDIRS"], "the one that answered is asked first from then on"
        assert web.requests == ["MKDIRS", "MKDIRS"]
    finally:
        other.stop()


def test_a_pair_of_which_one_is_gone(web: WebHdfs) -> None:
    open_files(f"{unused_url()};{web.url}").make("t")
    assert web.files.stat("archive/t") is not None


@pytest.mark.parametrize("spoiled", ["cut", "lost", "silence", "no-datanode"])
def test_an_upload_that_fails_at_the_datanode_is_no_upload(web: WebHdfs, files: HdfsFiles, spoiled: Spoiled) -> None:
    web.plan("DATA-CREATE", spoiled)
    with pytest.raises(SinkUnavailable):
        files.write("_tmp/x", b"0123456789")
    left = files.stat("_tmp/x")
    assert (left and left.size) == {"cut": 5, "lost": 10}.get(spoiled), "as HDFS leaves it: closed, as if whole"


def test_an_upload_may_take_longer_than_a_connection(web: WebHdfs) -> None:
    web.plan("DATA-CREATE", "slow")
    files = HdfsFiles("/archive", web.url, "shop", connect_timeout_s=1.0)
    files.write("x", bytes(20 << 20))
    assert files.stat("x") == web.files.stat("archive/x")


def test_a_download_that_is_cut_is_no_download(web: WebHdfs, files: HdfsFiles) -> None:
    files.write("x", b"0123456789")
    assert files.read("x", 2, 5) == b"23456"
    with pytest.raises(SinkUnavailable, match="gave 8 of 10 bytes"):
        files.read("x", 2, 10)
    web.plan("DATA-OPEN", "lost")
    with pytest.raises(SinkUnavailable):
        files.read("x", 0, 10)


def test_a_rename_that_is_refused_is_no_outage(web: WebHdfs, files: HdfsFiles) -> None:
    files.write("_tmp/x", b"1")
    files.write("_tmp/y", b"2")
    assert not files.rename("_tmp/x", "t/x"), "its directory is missing"
    files.make("t")
    assert files.rename("_tmp/x", "t/x")
    assert not files.rename("_tmp/y", "t/x")
    assert not files.rename("_tmp/gone", "t/y")
    web.plan("RENAME", "safe-mode")
    with pytest.raises(SinkUnavailable, match="safe mode"):
        files.rename("_tmp/y", "t/y")
    assert files.read("t/x", 0, 1) == b"1"


def test_names_with_signs_arrive_as_they_are(web: WebHdfs, files: HdfsFiles) -> None:
    name = "t/date=2025-11-28/t+0+00000000000000000007.parquet"
    files.write("_tmp/a+b", b"1")
    files.make("t/date=2025-11-28")
    assert files.rename("_tmp/a+b", name)
    assert web.files.stat(f"archive/{name}") is not None
    (entry,) = files.list("t/date=2025-11-28")
    assert entry.name == "t+0+00000000000000000007.parquet"


@pytest.mark.parametrize("url", ["", "namenode:9870", "hdfs://namenode:8020", "http://a:9870,http://b:9870", "http://"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match=r"http://namenode:9870"):
        open_files(url)


def test_kerberos_that_is_not_installed_is_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hdfs.ext.kerberos", None)
    with pytest.raises(SettingsError, match=r"pip install 'hdfs\[kerberos\]'"):
        HdfsFiles("/archive", "http://127.0.0.1:9870", "shop", kerberos=True)
