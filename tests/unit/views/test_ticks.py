"""Who is behind gets each row once, as it was last; who is too far behind is told so."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shopnow_streams.views.ticks import Batch, Choice, Log, Tick, event, pieces

ALL = Choice(frozenset({"products", "stock"}))


def tick(id: str | None, products: dict[str, int] | None = None, table: str = "products", **more: Any) -> Tick:
    rows = {key: b"%d" % value for key, value in (products or {}).items()}
    return Tick((Batch(table, rows, b',"at":"%s"}' % str(id).encode()),) if rows else (), id, **more)


def said(ticks: list[Tick], choice: Choice = ALL) -> str:
    return b"".join(piece.data for piece in pieces(ticks, choice)).decode()


def test_the_id_stands_with_the_last_event_of_the_last_tick() -> None:
    assert said([tick("a", {"1": 5}), tick("b", {"2": 6, "3": 7})]) == (
        'event: products\ndata: {"items":[5],"at":"a"}\n\nid: b\nevent: products\ndata: {"items":[6,7],"at":"b"}\n\n'
    )


def test_of_a_row_that_changed_again_the_last_is_sent_with_its_own_offsets() -> None:
    text = said([tick("a", {"1": 5, "2": 6}), tick("b", {"1": 8})])
    assert text.count("items") == 2
    assert '{"items":[6],"at":"a"}' in text
    assert '{"items":[8],"at":"b"}' in text


def test_where_a_reader_must_not_resume_there_is_no_id() -> None:
    assert "id:" not in said([tick("a", {"1": 5}), tick(None, {"1": 6})])


def test_only_what_was_chosen_is_sent() -> None:
    ticks = [tick("a", {"1": 5, "2": 6}), tick("b", {"1": 7}, table="stock")]
    assert said(ticks, Choice(frozenset({"stock"}))).count("items") == 1
    assert '"items":[6]' in said(ticks, Choice(ALL.tables, frozenset({"2", "9"})))
    assert said(ticks, Choice(ALL.tables, frozenset({"9"}))) == ""


def test_a_beginning_stands_for_all_before_it_and_is_for_everybody() -> None:
    ticks = [tick("a", {"1": 5}), tick("b", begins=("reset", event("reset", b"{}"))), tick("c", {"2": 6})]
    text = said(ticks)
    assert text.startswith("event: reset\n")
    assert '"items":[5]' not in text
    assert said(ticks, Choice(frozenset({"stock"}))) == "id: c\nevent: reset\ndata: {}\n\n"


def test_what_is_lasting_is_sent_though_all_begins_anew_and_whatever_ids_were_asked_for() -> None:
    lasting = Tick((Batch("products", {"x@1": b"5", "x@2": b"6"}, b"}", lasting=True),))
    begins = tick("b", begins=("reset", event("reset", b"{}")))
    for choice in (ALL, Choice(ALL.tables, frozenset({"9"}))):
        text = said([lasting, begins, tick("c")], choice)
        assert text.startswith("event: reset\n")
        assert '{"items":[5,6]}' in text
    assert "items" not in said([lasting, begins], Choice(frozenset({"stock"})))


def test_how_complete_it_is_is_said_once_and_last() -> None:
    closes = ("position", event("position", b"{}"))
    text = said([tick("a", closes=closes), tick("b", {"1": 5}, closes=closes)])
    assert text.count("position") == 1
    assert text.endswith("id: b\nevent: position\ndata: {}\n\n")


def test_a_place_in_the_log_is_good_until_it_is_gone() -> None:
    log = Log(max_ticks=2)
    for number in range(3):
        log.append(tick(str(number), {"1": number}))
    assert [log.has(place) for place in (0, 1, 2, 3)] == [False, True, True, True]
    assert log.since(0, ALL) is None
    assert log.since(3, ALL) == ()
    assert (log.place("0"), log.place("1"), log.place("2"), log.id) == (None, 2, 3, "2")
    found = log.since(1, ALL)
    assert log.since(1, ALL) is found, "made once for all clients that are there"


def test_the_log_is_bounded_by_bytes_too() -> None:
    log = Log(max_bytes=100)
    for number in range(30):
        log.append(tick(str(number), {str(key): 10**9 for key in range(4)}))
    assert not log.has(26)
    assert log.has(28)
    log.append(tick("large", {str(key): 10**9 for key in range(40)}))
    assert log.since(30, ALL)


def test_large_events_are_written_one_by_one_and_small_ones_together() -> None:
    large = {str(key): 10**900 for key in range(40)}
    assert len(pieces([tick("a", large), tick("b", large, table="stock")], ALL)) == 2
    (piece,) = pieces([tick("a", {"1": 5}), tick("b", {"1": 5}, table="stock")], ALL)
    assert piece.events == ("products", "stock")


rows = st.dictionaries(st.sampled_from("123"), st.integers(0, 9), max_size=3)


@given(st.lists(rows, max_size=6), st.lists(st.integers(0, 6), max_size=4))
def test_wherever_a_client_was_it_ends_with_the_last_of_each_row(
    changes: list[dict[str, int]], stops: list[int]
) -> None:
    log = Log()
    for number, changed in enumerate(changes):
        log.append(tick(str(number), {key: int(f"{key}{value}") for key, value in changed.items()}))
    held: dict[str, str] = {}
    place = 0
    for stop in [*sorted(min(stop, log.end) for stop in stops), log.end]:
        ticks = [log._ticks[number] for number in range(place, stop)]
        for line in said(ticks).splitlines():
            if line.startswith("data: "):
                for row in line.partition("[")[2].partition("]")[0].split(","):
                    held[row[0]] = row
        place = stop
    last = {key: value for changed in changes for key, value in changed.items()}
    assert held == {key: f"{key}{value}" for key, value in last.items()}
