"""Finds the Java that runs Kafka, HDFS and Spark."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import cjdk

from shopnow_streams.errors import JavaMissing

OLDEST, NEWEST = 17, 23  # Kafka 4 needs 17; Hadoop 3.4 calls Subject.getSubject, which Java 24 took away
FETCHED = "17"  # the one that Kafka, Hadoop and Spark all support


def find_java(cache: Path) -> Path:
    """The `java` executable to use: JAVA_HOME's, the PATH's, or one fetched into `cache` (about 200 MB, once).

    Blocks: a few tens of milliseconds, or as long as the download takes.
    Raises JavaMissing where none is usable and none could be fetched.
    """
    tried = []
    for origin, java in _candidates():
        if java is None:
            tried.append(f"{origin} is not set" if origin == "JAVA_HOME" else f"there is no {origin}")
            continue
        major = java_major(java)
        if major is not None and OLDEST <= major <= NEWEST:
            return java
        tried.append(f"{origin} {'does not run' if major is None else f'is version {major}'}")
    try:
        home = cjdk.java_home(vendor="temurin", version=FETCHED, cache_dir=cache, progress=False)
    except (cjdk.CjdkError, OSError) as error:
        tried.append(f"fetching one failed ({error})")
    else:
        return home / "bin" / "java"
    raise JavaMissing(
        f"Kafka and HDFS need Java {OLDEST} to {NEWEST}, and none was found: {'; '.join(tried)}. "
        f"Install a JDK {FETCHED} or 21, or set JAVA_HOME to one."
    )


def java_major(java: Path) -> int | None:
    """The major version of that executable, or None where it does not run."""
    try:
        ran = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_major(ran.stderr) if ran.returncode == 0 else None


def parse_major(banner: str) -> int | None:
    """The major version in what `java -version` prints: 8 for "1.8.0_402", 21 for "21.0.8" or "21-ea"."""
    found = re.search(r'version "(?:1\.)?(\d+)', banner)
    return int(found[1]) if found else None


def _candidates() -> list[tuple[str, Path | None]]:
    home, on_path = os.environ.get("JAVA_HOME"), shutil.which("java")
    return [
        ("JAVA_HOME", Path(home) / "bin" / "java" if home else None),
        ("java on the PATH", Path(on_path) if on_path else None),
    ]
