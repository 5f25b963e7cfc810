"""Which class archive a JVM reads or writes."""

import os
from pathlib import Path

import pytest

from shopnow_streams.stack.archive import class_archive


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, list[Path]]:
    java, jar = tmp_path / "java", tmp_path / "a.jar"
    java.touch()
    jar.touch()
    return java, [jar]


def test_the_first_jvm_writes_it_and_the_next_ones_read_it(tmp_path: Path, files: tuple[Path, list[Path]]) -> None:
    java, jars = files
    first = class_archive(tmp_path / "cds", "kafka", java, jars)
    beside = class_archive(tmp_path / "cds", "kafka", java, jars)
    assert first.written is not None
    assert first.written != beside.written  # two may write at once
    assert f"-XX:ArchiveClassesAtExit={first.written}" in first.flags
    path = first.written.with_suffix("")
    path.touch()
    second = class_archive(tmp_path / "cds", "kafka", java, jars)
    assert second.written is None
    assert f"-XX:SharedArchiveFile={path}" in second.flags


def test_one_of_other_jars_or_another_java_is_not_read(tmp_path: Path, files: tuple[Path, list[Path]]) -> None:
    java, jars = files
    first = class_archive(tmp_path, "kafka", java, jars).written
    assert first is not None
    first.with_suffix("").touch()
    for changed in (java, jars[0]):
        os.utime(changed, ns=(1, 1))
        assert class_archive(tmp_path, "kafka", java, jars).written is not None


def test_without_a_folder_there_is_none(files: tuple[Path, list[Path]]) -> None:
    java, jars = files
    assert class_archive(None, "kafka", java, jars).written is None
