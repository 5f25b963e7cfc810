"""Which archive a URL names."""

from pathlib import Path

import pytest

from shopnow_streams.errors import ArchiveMissing, SettingsError
from sinks.archive import FORMAT_MARK
from sinks.open import open_existing, open_sink


def test_a_directory(tmp_path: Path) -> None:
    open_sink(f"file://{tmp_path}/my%20archive").check()
    assert (tmp_path / "my archive" / "_tmp").is_dir()


@pytest.mark.parametrize(
    ("url", "webhdfs", "where"),
    [
        ("hdfs://namenode:8020/shopnow", "", "hdfs:/shopnow at http://namenode:9870"),
        ("hdfs://cluster/a/b/", "http://a:9870;http://b:9870", "hdfs:/a/b at http://a:9870;http://b:9870"),
        ("hdfs://namenode", "", "hdfs:/ at http://namenode:9870"),
    ],
)
def test_hdfs(url: str, webhdfs: str, where: str) -> None:
    assert open_sink(url, webhdfs=webhdfs).files.url("") == where


@pytest.mark.parametrize(
    "url", ["", "shopnow", "/srv/shopnow", "s3://bucket/shopnow", "file://host/srv", "hdfs:///shopnow"]
)
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match=r"hdfs://host:8020/shopnow or file:///srv/shopnow"):
        open_sink(url)


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="one of parquet, jsonl"):
        open_sink(f"file://{tmp_path}", format="avro")


def test_an_existing_archive_is_opened_in_the_format_it_is_marked_with(tmp_path: Path) -> None:
    (tmp_path / FORMAT_MARK).write_text("jsonl\n")
    assert open_existing(f"file://{tmp_path}", format="parquet").form.NAME == "jsonl"
    (tmp_path / FORMAT_MARK).unlink()
    assert open_existing(f"file://{tmp_path}", format="parquet").form.NAME == "parquet"


def test_an_archive_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(ArchiveMissing, match=r"no archive at file:///.*/nothing.*SHOPNOW_ARCHIVE"):
        open_existing(f"file://{tmp_path}/nothing")
    assert not (tmp_path / "nothing").exists()
