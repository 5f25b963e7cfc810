"""Shell scripts in the place of Java."""

from collections.abc import Callable
from pathlib import Path

import pytest

MakeJava = Callable[[str], Path]


@pytest.fixture
def java(tmp_path: Path) -> MakeJava:
    """Makes an executable that runs a shell script with the words of its command line."""

    def make(script: str) -> Path:
        made = tmp_path / "java"
        made.write_text(f"#!/bin/sh\n{script}\n")
        made.chmod(0o755)
        return made

    return make
