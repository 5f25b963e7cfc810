"""A Java that also compiles: what peers on the JVM are run from is their source."""

import subprocess
from pathlib import Path

from shopnow_streams.errors import JavaMissing
from shopnow_streams.stack.java import find_java


def find_jdk(cache: Path) -> Path:
    """The `java` of `find_java`. Raises JavaMissing where it is a JRE, without a compiler."""
    java = find_java(cache / "jdk")
    modules = subprocess.run([java, "--list-modules"], capture_output=True, text=True, timeout=30, check=False)
    if "jdk.compiler" not in modules.stdout:
        raise JavaMissing(f"{java} has no compiler, and the peer is run from its source: set JAVA_HOME to a JDK.")
    return java
