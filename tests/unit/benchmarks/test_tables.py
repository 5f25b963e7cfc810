"""What tables cost: every one there is, timed by itself, and a table of it from numbers that are easy to check."""

from io import StringIO

from rich.console import Console

from benchmarks.load import START, mixed
from benchmarks.table_results import Cost, Pass, shown, typical
from benchmarks.tables import DEFAULTS, folded
from shopnow_streams.events import OrderPlaced
from shopnow_streams.folds import TABLES
from shopnow_streams.topics import Topic
from tables.cut import POSITIONS
from tests.fakes import batch_of


def rows(passes: list[Pass]) -> dict[str, list[str]]:
    """The cells that are printed, by what stands before them."""
    console = Console(file=StringIO(), width=80)
    console.print(shown(passes))
    assert isinstance(console.file, StringIO)
    lines = console.file.getvalue().splitlines()[2:]
    assert not any("…" in line for line in lines)
    cells = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines]
    return {name: values for name, *values in cells}


def test_each_part_is_the_median_by_itself() -> None:
    costs = [Cost(1.0, 9.0, 2.0, 10, 1), Cost(3.0, 8.0, 1.0, 10, 1), Cost(2.0, 7.0, 3.0, 10, 1)]
    assert typical(costs) == Cost(2.0, 8.0, 2.0, 10, 1)


def test_a_line_a_table_its_share_and_the_sum_of_all() -> None:
    of = {"one": Cost(0.2, 0.1, 0.1, 4_000, 60), "other": Cost(0.1, 0.0, 0.1, 1_500, 20)}
    assert rows([Pass(1_000_000, 2, reader_s=0.3, decode_s=0.1, tables=of)]) == {
        "reader": ["0.30", "30.0"],
        "decode": ["0.10", "10.0"],
        "one": ["0.20", "0.10", "0.10", "0.40", "40.0", "0.0", "30"],
        "other": ["0.10", "0.00", "0.10", "0.20", "20.0", "0.0", "10"],
        "all tables": ["0.30", "0.10", "0.20", "0.60", "60.0", "0.0", "40"],
        "all": ["1.00", "100.0"],
    }


def test_every_table_is_folded_cut_and_stored() -> None:
    values: dict[str, list[bytes | None]] = {str(topic): [] for topic in Topic}
    for topic, _, value in mixed(2_000):
        values[topic].append(value)
    batches = [batch_of(topic, 0, of_topic) for topic, of_topic in values.items()]
    result = folded(batches, reader_s=0.5)
    assert (result.events, result.cuts, result.reader_s) == (2_000, 1, 0.5)
    assert result.decode_s > 0
    assert list(result.tables) == [*(table.name for table in TABLES), POSITIONS]
    for table in TABLES:
        cost = result.tables[table.name]
        assert (cost.fold_s > 0) == bool(table.flows)  # of what has no flow there was nothing to fold
        assert (cost.rows > 0) == (cost.changelog_bytes > 0) == bool(table.flows)
        assert cost.store_s > 0


def test_a_cut_is_made_as_soon_as_a_flush_is_due() -> None:
    orders = [
        OrderPlaced(timestamp=START, id_commande=f"c{number}", user_id=1, articles=[], montant_total=1.0)
        for number in range(DEFAULTS.flush_rows + 1_000)
    ]
    result = folded([batch_of(Topic.ORDER_PLACED, 2, orders)], reader_s=0)
    assert result.cuts >= 2
    assert result.tables["orders"].rows == len(orders)
