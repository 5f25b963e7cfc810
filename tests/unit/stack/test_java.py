"""Which Java is taken, and what is said where there is none."""

from pathlib import Path

import cjdk
import pytest

from shopnow_streams.errors import JavaMissing
from shopnow_streams.stack.java import find_java, java_major, parse_major


def fake_java(home: Path, version: str, *, code: int = 0) -> Path:
    java = home / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\nexit {code}\n")
    java.chmod(0o755)
    return java


@pytest.fixture
def no_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")

    def offline(**options: object) -> Path:
        raise cjdk.InstallError("no network")

    monkeypatch.setattr(cjdk, "java_home", offline)


@pytest.mark.parametrize(
    ("banner", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment', 17),
        ('java version "1.8.0_402"', 8),
        ('openjdk version "21" 2023-09-19', 21),
        ('openjdk version "24-ea" 2025-03-18', 24),
        ("The operation couldn't be completed. Unable to locate a Java Runtime.", None),
    ],
)
def test_parse_major(banner: str, major: int | None) -> None:
    assert parse_major(banner) == major


def test_java_home_comes_first(no_java: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = fake_java(tmp_path / "home", "21.0.8")
    on_path = fake_java(tmp_path / "path", "17.0.1")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(on_path.parent))
    assert find_java(tmp_path) == java


@pytest.mark.parametrize("version", ["11.0.2", "24.0.1"])
def test_a_java_home_of_a_wrong_version_gives_way(
    no_java: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    fake_java(tmp_path / "home", version)
    on_path = fake_java(tmp_path / "path", "17.0.1")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(on_path.parent))
    assert find_java(tmp_path) == on_path


def test_one_is_fetched_where_there_is_none(no_java: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cjdk, "java_home", lambda **options: options["cache_dir"] / "jdk-17")
    assert find_java(tmp_path) == tmp_path / "jdk-17" / "bin" / "java"


def test_what_was_tried_is_said(no_java: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_java(tmp_path, "11.0.2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(JavaMissing) as raised:
        find_java(tmp_path)
    assert "JAVA_HOME is version 11" in str(raised.value)
    assert "there is no java on the PATH" in str(raised.value)
    assert "no network" in str(raised.value)


def test_a_java_that_does_not_run_has_no_version(tmp_path: Path) -> None:
    assert java_major(fake_java(tmp_path, "17.0.1", code=1)) is None
    assert java_major(tmp_path / "missing") is None
