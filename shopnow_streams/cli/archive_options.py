"""What the commands on the archive share: which archive, which topic, and a bar while they work."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from shopnow_streams.archive.address import Address
from shopnow_streams.archive.catalogue import Catalogue, SegmentFile
from shopnow_streams.settings import Settings, from_environment
from shopnow_streams.topics import Topic

Command = Callable[..., Any]

TOPIC = click.Choice([str(topic) for topic in Topic])

DAY = click.DateTime(["%Y-%m-%d"])

TAKE_OVER = click.option(
    "--take-over", is_flag=True, help="What else changed the archive was killed, and is surely gone."
)
"""Of commands that take the archive's lock."""


def archive_options(command: Command) -> Command:
    """Which archive, and for whom the answer is."""
    for option in reversed(
        [
            click.option(
                "--archive", "url", help="hdfs://host:port/root or file:///root; SHOPNOW_ARCHIVE where not given."
            ),
            click.option("--webhdfs", default="", help="Its WebHDFS address, where that is not SHOPNOW_ARCHIVE's."),
            click.option("--json", "as_json", is_flag=True, help="For programs."),
        ]
    ):
        command = option(command)
    return command


def address(url: str | None, webhdfs: str) -> Address:
    """Of the archive at `url`, or else of the settings' one. Raises SettingsError."""
    settings = from_environment()
    url = url or settings.archive
    if not url:
        raise click.UsageError("there is no archive to look at: --archive, or SHOPNOW_ARCHIVE")
    return Address(
        url,
        webhdfs or (settings.archive_webhdfs if _same_host(url, settings) else ""),
        settings.archive_user,
        settings.archive_kerberos,
        settings.archive_format,
    )


def opened(url: str | None, webhdfs: str) -> Catalogue:
    """The archive at `url`, or the settings' one. Blocks; raises SinkUnavailable, ArchiveMissing, SettingsError."""
    where = address(url, webhdfs)
    return Catalogue(where.open(), where.url)


@contextmanager
def progress(what: str, files: Iterable[SegmentFile]) -> Iterator[Callable[[SegmentFile], None]]:
    """A bar of bytes on standard error, if that is a terminal; call what it gives with each file that is done."""
    console = Console(stderr=True)
    columns = (TextColumn(what), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=sum(file.size for file in files))
        yield lambda file: bar.update(task, advance=file.size)


def _same_host(url: str, settings: Settings) -> bool:
    return urlsplit(url).hostname == urlsplit(settings.archive).hostname
