"""Opens the archive that the settings name."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from shopnow_streams.errors import ArchiveMissing, SettingsError
from sinks.archive import Archive, marked_format
from sinks.files import Files
from sinks.formats import format_named

WEBHDFS_PORT = 9870


def open_sink(
    url: str, *, webhdfs: str = "", user: str = "shopnow", kerberos: bool = False, format: str = "parquet"
) -> Archive:
    """The archive at `url`: hdfs://host:8020/root or file:///root. Does no IO.

    `webhdfs` is the address, or the HA pair of addresses, that HDFS is reached at; where it is empty it is port 9870
    of the host in `url`. SettingsError for a URL, format or extra that cannot be used.
    """
    return Archive(_files(url, webhdfs, user, kerberos), format_named(format))


def open_existing(
    url: str, *, webhdfs: str = "", user: str = "shopnow", kerberos: bool = False, format: str = "parquet"
) -> Archive:
    """Like `open_sink`, for whoever looks at an archive: the format is the one that it is marked with, if it is.

    Blocks; raises SinkUnavailable, and ArchiveMissing where nothing stands at `url`.
    """
    files = _files(url, webhdfs, user, kerberos)
    if files.stat("") is None:
        raise ArchiveMissing(
            f"there is no archive at {url}: nothing was archived yet, or it is elsewhere (--archive, SHOPNOW_ARCHIVE)"
        )
    return Archive(files, format_named(marked_format(files) or format))


def _files(url: str, webhdfs: str, user: str, kerberos: bool) -> Files:
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        from sinks.local import LocalFiles

        return LocalFiles(Path(unquote(parts.path)))
    if parts.scheme == "hdfs" and parts.hostname:
        from sinks.hdfs import HdfsFiles

        address = webhdfs or f"http://{parts.hostname}:{WEBHDFS_PORT}"
        return HdfsFiles(unquote(parts.path), address, user, kerberos=kerberos)
    raise SettingsError(f"The archive {url!r} is no URL like hdfs://host:8020/shopnow or file:///srv/shopnow")
