"""A small file that gets its name once and whole: written elsewhere, looked at, renamed."""

import uuid

from shopnow_streams.errors import SinkUnavailable
from sinks.archive import UNFINISHED
from sinks.files import Files


def place(files: Files, path: str, data: bytes) -> bool:
    """Whether `path` holds `data` now; False where another file has that name.

    Blocks; raises SinkUnavailable where that can't be told: do it again. An answer that was lost is looked after, so
    that who is told False, or an error, has not placed it; but for a name that came later than its error.
    """
    unfinished = f"{UNFINISHED}/{path.replace('/', '+')}.{uuid.uuid4().hex}"
    files.write(unfinished, data)
    arrived = files.stat(unfinished)
    if arrived is None or arrived.size != len(data):
        raise SinkUnavailable(f"{files.url(path)}: the upload was cut. Do it again.")
    parent = path.rpartition("/")[0]
    if parent:
        files.make(parent)
    try:
        renamed = files.rename(unfinished, path)
    except SinkUnavailable:
        if not _holds(files, path, data):
            raise
        return True
    return renamed or _holds(files, path, data)


def _holds(files: Files, path: str, data: bytes) -> bool:
    entry = files.stat(path)
    return entry is not None and entry.size == len(data) and files.read(path, 0, entry.size) == data
