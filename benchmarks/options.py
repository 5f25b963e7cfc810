"""Options that several benchmarks have."""

import click

of_a_shop = click.option(
    "--per-s",
    default=500.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Events a second that the shop has, by the events' own time. 0: a mix at 23, each event of another customer.",
)
