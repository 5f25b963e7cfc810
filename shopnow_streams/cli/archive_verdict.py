"""What `shopnow archive verify` says: a table, each thing that is wrong, and one line that sums it up."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table

from shopnow_streams.archive.findings import Finding, Place
from shopnow_streams.archive.partition import PartitionReport
from shopnow_streams.archive.repair import Repair
from shopnow_streams.archive.verification import Report
from shopnow_streams.batch.printing import widen

SHOWN = 50


def described(url: str, report: Report, repairs: Sequence[Repair], unfinished: int) -> dict[str, Any]:
    """All of it, for programs."""
    return {
        "archive": url,
        "verdict": "right" if report.right else "wrong",
        "partitions": [_partition(part) for part in report.partitions],
        "findings": [_finding(finding) for finding in report.findings],
        "repairs": [_repair(done) for done in repairs],
        "unfinished": unfinished,
    }


def print_report(console: Console, report: Report, unfinished: int, *, asked: bool) -> None:
    """For people. `asked`: Kafka was."""
    table = _table(report)
    widen(console, table)
    console.print(table)
    for finding in report.findings[:SHOWN]:
        _print_finding(console, finding)
    if len(report.findings) > SHOWN:
        console.print(f"and {len(report.findings) - SHOWN:,} other findings: --json has them all")
    if unfinished:
        console.print(f"[dim]unfinished uploads: {unfinished}, of commits under way or to be swept after six hours[/]")
    behind = sum(part.behind or 0 for part in report.partitions)
    if behind:
        console.print(f"[dim]not archived yet: {behind:,} offsets that Kafka has[/]")
    console.print(_verdict(report, asked), soft_wrap=True)


def print_repairs(console: Console, repairs: Sequence[Repair]) -> None:
    """What `--repair` did."""
    for done in repairs:
        place, offsets = done.mend.place, done.mend.range
        what = f"{place.text} offsets {offsets.text}"
        if done.paths:
            files = ", ".join(done.paths)
            console.print(f"[green]mended[/] {what}: {done.records:,} records from Kafka in {files}", soft_wrap=True)
        if done.set_aside:
            console.print(f"  {done.mend.replaces} is now {done.set_aside}", soft_wrap=True)
        if done.failed:
            console.print(f"[red]not mended[/] {what}: {escape(done.failed)}", soft_wrap=True)


def _table(report: Report) -> Table:
    table = Table("partition", box=None, header_style="bold")
    for name in ("segments", "records", "bytes", "first", "next", "absent", "behind"):
        table.add_column(name, justify="right")
    table.add_column("")
    for part in report.partitions:
        found = sum((finding.topic, finding.partition) == part.place for finding in report.findings)
        table.add_row(
            part.place.text,
            f"{part.segments:,}",
            f"{part.records:,}",
            decimal(part.bytes),
            f"{part.covers.first:,}" if part.covers else "-",
            f"{part.covers.next:,}" if part.covers else "-",
            f"{part.absent:,}" if part.absent else "",
            f"{part.behind:,}" if part.behind else "",
            f"[red]{found} wrong[/]" if found else "[green]right[/]",
        )
    return table


def _print_finding(console: Console, finding: Finding) -> None:
    place = finding.topic if finding.partition is None else Place(finding.topic, finding.partition).text
    offsets = f" offsets {finding.range.text}" if finding.range else ""
    console.print(f"\n[bold red]{finding.kind}[/] {place}{offsets}: {escape(finding.what)}", soft_wrap=True)
    console.print(f"  {escape(finding.path)}", soft_wrap=True)
    console.print(f"  → {escape(finding.todo)}", soft_wrap=True)


def _verdict(report: Report, asked: bool) -> str:
    if report.right:
        records, segments = (sum(getattr(p, name) for p in report.partitions) for name in ("records", "segments"))
        own = "" if asked else ", as far as the archive itself tells: Kafka was not asked"
        return f"[bold green]right[/]: {records:,} records in {segments:,} segments, each once{own}"
    mendable = sum(finding.mend is not None for finding in report.findings)
    hint = f"; --repair mends {mendable}" if mendable else ""
    places = len({(finding.topic, finding.partition) for finding in report.findings})
    return f"[bold red]wrong[/]: {_count(len(report.findings), 'finding')} in {_count(places, 'place')}{hint}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _partition(part: PartitionReport) -> dict[str, Any]:
    return {
        "topic": part.place.topic,
        "partition": part.place.partition,
        "segments": part.segments,
        "records": part.records,
        "bytes": part.bytes,
        "first": part.covers.first if part.covers else None,
        "next": part.covers.next if part.covers else None,
        "absent": part.absent,
        "kafka_first": part.log.first if part.log else None,
        "kafka_end": part.log.next if part.log else None,
        "behind": part.behind,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "topic": finding.topic,
        "partition": finding.partition,
        "first": finding.range.first if finding.range else None,
        "next": finding.range.next if finding.range else None,
        "path": finding.path,
        "what": finding.what,
        "todo": finding.todo,
        "mendable": finding.mend is not None,
    }


def _repair(done: Repair) -> dict[str, Any]:
    return {
        "topic": done.mend.place.topic,
        "partition": done.mend.place.partition,
        "first": done.mend.range.first,
        "next": done.mend.range.next,
        "records": done.records,
        "paths": done.paths,
        "set_aside": done.set_aside,
        "failed": done.failed,
    }
