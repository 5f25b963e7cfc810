"""A job as a command: its options, read into a question. Both `shopnow batch` and `spark-submit` take these."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, Literal, NamedTuple

import click

from shopnow_streams.batch.answer import SHOWN, Asked
from shopnow_streams.batch.days import Days
from shopnow_streams.batch.jobs import Job, Parameter
from shopnow_streams.batch.output import FORMATS, Output, format_of
from shopnow_streams.batch.printing import Rows, print_csv, print_json, print_table
from shopnow_streams.settings import from_environment

DAY = click.DateTime(["%Y-%m-%d"])
PROLOGUE = {
    "event_time": (
        "Records that are no events are left out. --since and --until are days of event time (UTC). The archive files "
        "records by the day that Kafka had them, so the directories of one day before and --late-days after are read "
        "too; an event that came later still is missed."
    ),
    "kafka_timestamp": (
        "Here --since and --until are days of kafka_timestamp (UTC), since what is no event has no other."
    ),
}

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Shown(NamedTuple):
    """The answer goes to standard output."""

    form: Literal["table", "json", "csv"]

    def show(self, rows: Rows) -> None:
        """Print them, and say where there are more."""
        {"table": print_table, "json": print_json, "csv": print_csv}[self.form](rows)
        if rows.more:
            click.echo(f"the first {len(rows.rows)} rows; --limit shows more", err=True)


def form_options() -> list[Decorator]:
    """How an answer is shown."""
    return [
        click.option("--json", "as_json", is_flag=True, help="One JSON object a line."),
        click.option("--csv", "as_csv", is_flag=True, help="Comma-separated, with a line of names."),
    ]


def form(as_json: bool, as_csv: bool) -> Shown:
    """From those options."""
    if as_json and as_csv:
        raise click.UsageError("--json or --csv, not both")
    return Shown("json" if as_json else "csv" if as_csv else "table")


def archive_option() -> Decorator:
    """Which archive."""
    return click.option("--archive", help="hdfs://host:port/root or file:///root; SHOPNOW_ARCHIVE where not given.")


def archive_url(given: str | None) -> str:
    """The archive that was named, by the option or by the settings."""
    archive = given or from_environment().archive
    if not archive:
        raise click.UsageError("there is no archive to ask: --archive, or SHOPNOW_ARCHIVE")
    return archive


def job_command(
    job: Job, answer: Callable[..., None], more: Sequence[Decorator], *, before: Callable[[], None] = lambda: None
) -> click.Command:
    """The job's command. `answer` is called with the question, where its answer goes, and the options of `more`.

    `before` is what must hold for any question; it may raise.
    """

    def run(**given: Any) -> None:
        where = _where(given)
        days = _days(given)
        parameters = {parameter.name: given.pop(parameter.name) for parameter in job.parameters}
        limit = given.pop("limit")
        before()
        answer(Asked(job, archive_url(given.pop("archive")), parameters, days, limit), where, **given)

    callback: Callable[..., Any] = run
    options = [*map(_parameter, job.parameters), *_day_options(), archive_option(), *more, *_result_options()]
    for option in reversed(options):
        callback = option(callback)
    return click.command(job.name, help=job.summary, epilog=PROLOGUE[job.clock])(callback)


def _parameter(parameter: Parameter) -> Decorator:
    return click.option(
        f"--{parameter.name.replace('_', '-')}",
        type=click.IntRange(parameter.least, parameter.most),
        default=parameter.default,
        show_default=True,
        help=parameter.meaning,
    )


def _day_options() -> list[Decorator]:
    return [
        click.option("--since", type=DAY, metavar="YYYY-MM-DD", help="From this day on."),
        click.option("--until", type=DAY, metavar="YYYY-MM-DD", help="Up to this day, and all of it."),
        click.option(
            "--late-days", type=click.IntRange(0, 36_500), default=1, show_default=True, help="How late is looked for."
        ),
    ]


def _result_options() -> list[Decorator]:
    return [
        click.option("--limit", type=click.IntRange(1, 2**31 - 2), help=f"Rows; {SHOWN} shown, all in a file."),
        *form_options(),
        click.option("--output", metavar="PATH", help="Write a file (or a URL of Hadoop's) instead of showing it."),
        click.option("--format", type=click.Choice(FORMATS), help="Of that file; its name's ending where not given."),
        click.option("--force", is_flag=True, help="Replace the file where it is there."),
    ]


def _where(given: dict[str, Any]) -> Shown | Output:
    shown = form(given.pop("as_json"), given.pop("as_csv"))
    place, asked, force = given.pop("output"), given.pop("format"), given.pop("force")
    if place is None:
        if asked or force:
            raise click.UsageError("--format and --force are about the file of --output")
        return shown
    if shown.form != "table":
        raise click.UsageError(f"--{shown.form} is for what is shown: --output has --format")
    known = format_of(place, asked)
    if known is None:
        raise click.UsageError(f"--format says what {place} is to be: {', '.join(FORMATS)}")
    return Output(place, known, force)


def _days(given: dict[str, Any]) -> Days:
    since, until = _day(given.pop("since")), _day(given.pop("until"))
    try:
        return Days(since, until, given.pop("late_days"))
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _day(given: datetime | None) -> date | None:
    return given.date() if given else None
