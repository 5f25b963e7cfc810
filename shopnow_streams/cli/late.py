"""`shopnow late`: which events came too late for any window, or are dated ahead, as a worker tells it."""

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from contextlib import suppress
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from shopnow_streams.errors import NoWorker
from shopnow_streams.settings import Settings, from_environment
from shopnow_streams.topics import Topic
from shopnow_streams.views.tokens import read_tokens

_TIMEOUT_S = 5.0


@click.command()
@click.argument("topic", required=False, type=click.Choice([str(topic) for topic in Topic]))
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 500), help="At most so many events.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def late(topic: str | None, limit: int, as_json: bool) -> None:
    """Events that no window has: late, or dated ahead. Of all topics, or of TOPIC.

    Asks the worker at SHOPNOW_WEB_HOST and SHOPNOW_WEB_PORT, which asks the others.
    """
    page = asked(from_environment(), topic, limit)
    if as_json:
        click.echo(json.dumps(page))
    else:
        shown(page, Console())


def asked(settings: Settings, topic: str | None, limit: int) -> Any:
    """What `/api/late` answers. Raises NoWorker. Blocks 5 s at most."""
    query = urllib.parse.urlencode({"limit": limit} | ({"topic": topic} if topic else {}))
    url = f"http://{settings.web_host}:{settings.web_port}/api/late?{query}"
    request = urllib.request.Request(url, headers=read_tokens(settings.web_tokens_file).own)
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310 (http)
            page = json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            raise NoWorker(f"{url} answers {error.code}: {_detail(error.read()) or error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise NoWorker(
            f"none answers at {url} ({getattr(error, 'reason', error)}): "
            "`faust -A shopnow_streams.app worker -l info` starts one"
        ) from error
    except ValueError as error:
        raise NoWorker(_no_worker(url)) from error
    if not isinstance(page, dict) or not {"topics", "items", "as_of"} <= page.keys():
        raise NoWorker(_no_worker(url))
    return page


def shown(page: Any, console: Console) -> None:
    """As tables."""
    topics = Table("topic", "watermark", box=None)
    for name in ("late", "ahead"):
        topics.add_column(name, justify="right")
    for each in page["topics"]:
        topics.add_row(each["topic"], each["watermark"] or "", f"{each['late']:,}", f"{each['ahead']:,}")
    console.print(topics)
    console.print(
        f"late: over {page['allowed_lateness_s']:g} s behind the watermark of their partition; "
        f"ahead: over {page['clock_skew_s']:g} s after Kafka's time of their record"
    )
    if page["items"]:
        events = Table("", "topic", "partition", "offset", "dated", "arrived", box=None)
        for item in page["items"]:
            place = (item["topic"], str(item["partition"]), str(item["offset"]))
            events.add_row(item["reason"], *place, item["timestamp"], item["arrived_at"] or "")
        console.print(events)
    if not page["complete"]:
        partitions = page["partitions"]
        console.print(f"[red]incomplete[/]: {partitions['answered']} of {partitions['of']} partitions answered")


def _detail(body: bytes) -> str:
    with suppress(ValueError, KeyError, TypeError):
        return str(json.loads(body)["detail"])
    return ""


def _no_worker(url: str) -> str:
    return f"what answers at {url} is no worker of ours: look at SHOPNOW_WEB_HOST and SHOPNOW_WEB_PORT"
