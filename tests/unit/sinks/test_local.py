"""A directory as an archive: what the disk says, said to whoever looks after it."""

import errno
import os
from pathlib import Path

import pytest

from shopnow_streams.errors import SinkUnavailable
from sinks.local import LocalFiles


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "No space left on device; free some space"),
        (errno.EACCES, "let the user that runs this write there"),
        (errno.EROFS, "mount it so that it can be written to"),
        (errno.EIO, "Input/output error; the same segment can be offered again"),
    ],
)
def test_what_a_disk_refuses_is_said_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, advice: str
) -> None:
    def refuse(_handle: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(SinkUnavailable, match=advice) as refused:
        LocalFiles(tmp_path).write("t/x", b"1")
    assert str(tmp_path) in str(refused.value)


def test_a_file_system_without_links_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    files = LocalFiles(tmp_path)
    files.write("x", b"1")
    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(SinkUnavailable, match="without hard links"):
        files.rename("x", "y")


def test_a_file_in_the_way_of_a_directory(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path)
    files.write("t", b"1")
    with pytest.raises(SinkUnavailable, match="t/x"):
        files.write("t/x", b"1")


def test_a_name_is_taken_once_and_the_unfinished_one_is_gone(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path)
    files.write("_tmp/x", b"1")
    files.write("_tmp/y", b"2")
    assert files.rename("_tmp/x", "z")
    assert not files.rename("_tmp/y", "z")
    assert not files.rename("_tmp/x", "w")
    assert (tmp_path / "z").read_bytes() == b"1"
    assert os.listdir(tmp_path / "_tmp") == ["y"]  # noqa: PTH208


def test_less_than_was_asked_for_is_not_given(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path)
    files.write("x", b"12345")
    assert files.read("x", 1, 3) == b"234"
    with pytest.raises(SinkUnavailable, match="gave 2 of 5 bytes"):
        files.read("x", 3, 5)
    with pytest.raises(FileNotFoundError):
        files.read("y", 0, 1)
