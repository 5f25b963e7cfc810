"""`shopnow health`: broker, topics, group lag, HDFS and worker, a line each. Exit code 1 where one is not well."""

import http.client
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import click
from rich.console import Console
from rich.table import Table

from shopnow_streams.errors import ShopNowError
from shopnow_streams.kafka_admin import OURS, KafkaAdmin
from shopnow_streams.settings import Settings, from_environment
from shopnow_streams.topics import Topic

_TIMEOUT_S = 3.0
_NO_WORKER = "what answers at {} is no worker of ours: look at SHOPNOW_WEB_HOST and SHOPNOW_WEB_PORT"


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    name: str
    well: bool
    detail: str


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def health(as_json: bool) -> None:
    """Whether everything is well, from the broker to the worker."""
    settings = from_environment()
    admin = KafkaAdmin(settings.connection, _TIMEOUT_S)
    checks = [_checked("broker", lambda: f"answers at {settings.kafka}" if admin.topics() is not None else "")]
    if checks[0].well:
        checks.append(_topics(admin, settings))
        checks.append(_checked("live lag", lambda: _lag(admin, settings.application_id)))
        if settings.archive:
            checks.append(_checked("archive lag", lambda: _lag(admin, f"{settings.application_id}-archive")))
    if settings.archive:
        checks.append(_checked("archive", lambda: _archive(settings)))
    checks.append(_checked("worker", lambda: _worker(settings)))
    if as_json:
        click.echo(json.dumps([vars(check) for check in checks]))
    else:
        table = Table(box=None, show_header=False)
        for check in checks:
            table.add_row("[green]well[/]" if check.well else "[red]not well[/]", check.name, check.detail)
        Console().print(table)
    sys.exit(0 if all(check.well for check in checks) else 1)


def _checked(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except (ShopNowError, OSError, ValueError) as error:
        return Check(name, False, str(error))


def _topics(admin: KafkaAdmin, settings: Settings) -> Check:
    found = {state.name: state for state in admin.topics()}
    missing = [name for name in OURS if name not in found]
    wrong = [str(topic) for topic in Topic if str(topic) in found and found[topic].partitions != settings.partitions]
    if missing:
        return Check("topics", False, f"missing: {', '.join(missing)}: `shopnow topics create` makes them")
    if wrong:
        return Check("topics", False, f"not {settings.partitions} partitions: {', '.join(wrong)}")
    return Check("topics", True, f"{len(OURS)} of {len(OURS)}, {settings.partitions} partitions each of the five")


def _lag(admin: KafkaAdmin, group: str) -> str:
    committed = admin.group_offsets(group)
    lag = 0
    for topic in Topic:
        for number, (first, end) in admin.watermarks(topic).items():
            lag += end - max(first, committed.get((str(topic), number), 0))
    return f"{lag:,} records not yet committed by {group}"


def _archive(settings: Settings) -> str:
    settings.sink().check()
    return f"{settings.archive} takes writes"


def _worker(settings: Settings) -> str:
    url = f"http://{settings.web_host}:{settings.web_port}/health/ready"
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as response:
            state = json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            raise ValueError(f"not ready at {url}: {_reasons(error.read()) or error}") from error
    except TimeoutError as error:
        raise ValueError(f"connected to {url}, but no answer within {_TIMEOUT_S:g} s: its log says why") from error
    except OSError as error:
        raise ValueError(
            f"none answers at {url} ({getattr(error, 'reason', error)}): "
            "`faust -A shopnow_streams.app worker -l info` starts one"
        ) from error
    except (ValueError, http.client.HTTPException) as error:
        raise ValueError(_NO_WORKER.format(url)) from error
    try:
        return f"{state['status']} at {url}, {state['lag']:,} records to fold"
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(_NO_WORKER.format(url)) from error


def _reasons(body: bytes) -> str:
    with suppress(ValueError, KeyError, TypeError):
        return "; ".join(json.loads(body)["reasons"])
    return ""
