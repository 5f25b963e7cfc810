"""Archives of parsed and verified classes (the JDK's class data sharing): Kafka starts in 2.5 s instead of 4 s."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# A JVM says on its log what it leaves out of an archive, hundreds of lines that help nobody.
QUIET = "-Xlog:disable", "-Xlog:all=error:stderr"


@dataclass(frozen=True, slots=True)
class ClassArchive:
    """The archive that one JVM reads at its start or, where there is none yet, writes at its end."""

    flags: tuple[str, ...]  # for the command line of the JVM
    written: Path | None  # where this JVM leaves it: `JvmProcess.stop` takes off the last suffix


def class_archive(folder: Path | None, name: str, java: Path, jars: Sequence[Path]) -> ClassArchive:
    """The archive in `folder` for `name` on that Java with that class path; none where there is no folder.

    A JVM ignores an archive of another Java or other jars, so both are in the file's name.
    Writing one takes some 4 s and 50 MB, once, at the first orderly stop.
    """
    if folder is None:
        return ClassArchive(QUIET, None)
    java = java.resolve()
    parts = (str(java), str(java.stat().st_mtime_ns), *(f"{jar}:{jar.stat().st_mtime_ns}" for jar in jars))
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    path = folder / f"{name}-{key}.jsa"
    if path.exists():
        return ClassArchive((*QUIET, f"-XX:SharedArchiveFile={path}"), None)
    folder.mkdir(parents=True, exist_ok=True)
    # Stacks of several tests may write the same one at once: a name for each, then a rename.
    written = path.with_name(f"{path.name}.{os.getpid()}-{os.urandom(4).hex()}")
    return ClassArchive((*QUIET, f"-XX:ArchiveClassesAtExit={written}"), written)
