"""What an audit found. No Spark in here: whoever shows it needs none."""

from collections.abc import Mapping
from dataclasses import dataclass

ROW = "row"
"""In the place of a field: the row itself, as JSON, where one side lacks it or has it more than once."""

Value = int | str | None


@dataclass(frozen=True)
class Difference:
    """One field of one row that is not what the archive makes of it; `batch` is what it must be."""

    table: str
    partition: int
    key: str
    field: str
    live: Value
    batch: Value


@dataclass(frozen=True)
class Compared:
    """One table: `rows` in all, of either side; `wrong_rows` of them have `differences`, the first of them `shown`."""

    rows: int
    wrong_rows: int
    differences: int
    shown: list[Difference]


@dataclass(frozen=True)
class TableReport:
    """One table: how many archived `records` its rows were recomputed from."""

    table: str
    partitions: int
    records: int
    compared: Compared


@dataclass(frozen=True)
class Report:
    """The whole audit. `offsets`: by topic and partition the lowest and the highest next offset that a table stood at.

    `records` is the number of archived records below any of them; `notes` say what could not be looked at. `expired`
    says so where some of the records were: then a difference may be theirs.
    """

    tables: list[TableReport]
    offsets: Mapping[str, Mapping[int, tuple[int, int]]]
    records: int
    notes: list[str]
    expired: str = ""

    @property
    def rows(self) -> int:
        """Rows compared."""
        return sum(table.compared.rows for table in self.tables)

    @property
    def wrong_rows(self) -> int:
        """Rows that differ."""
        return sum(table.compared.wrong_rows for table in self.tables)

    @property
    def differences(self) -> int:
        """Fields that differ."""
        return sum(table.compared.differences for table in self.tables)

    @property
    def right(self) -> bool:
        """Whether every field of every row is what the archive makes of it."""
        return not self.differences

    @property
    def verdict(self) -> str:
        """right, wrong, or unknown."""
        return "right" if self.right else "unknown" if self.expired else "wrong"

    def shown(self, limit: int) -> list[Difference]:
        """The first differences, table by table."""
        return [difference for table in self.tables for difference in table.compared.shown][:limit]
