"""Waiting ends when all is there, and when the time is over."""

import pytest

from shopnow_streams.audit import patience
from shopnow_streams.audit.patience import Patience, behind
from shopnow_streams.errors import AuditImpossible

WANTED = {"produit-consulte": {0: 5, 1: 7}, "stock-mis-a-jour": {0: 0}}


def test_what_is_lacking_is_counted_by_partition() -> None:
    assert behind(WANTED, {}) == {("produit-consulte", 0): 5, ("produit-consulte", 1): 7}
    assert behind(WANTED, {"produit-consulte": {0: 5, 1: 6}}) == {("produit-consulte", 1): 1}
    assert behind(WANTED, {"produit-consulte": {0: 50, 1: 7}}) == {}


def test_it_waits_until_all_is_there_and_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_PAUSE_S", 0.0)
    told: list[str] = []
    steps = iter([{}, {"produit-consulte": {0: 5}}, {"produit-consulte": {0: 5, 1: 7}}])
    Patience(10.0, told.append).until("the archive", WANTED, lambda: next(steps), "hint")
    assert [line.partition(",")[0] for line in told] == [
        "waiting for the archive: 12 offsets behind",
        "waiting for the archive: 7 offsets behind",
    ]


def test_after_its_time_it_says_what_is_lacking_and_what_to_do() -> None:
    with pytest.raises(AuditImpossible) as raised:
        Patience(0.0, print).until("the archive", WANTED, lambda: {"produit-consulte": {0: 4}}, "Do this.")
    assert str(raised.value) == (
        "the archive did not come as far as the workers within 0 s: 8 offsets are lacking, 7 of them in "
        "produit-consulte partition 1. Do this."
    )


def test_what_is_there_needs_no_time() -> None:
    Patience(0.0, print).until("the archive", WANTED, lambda: WANTED, "")
