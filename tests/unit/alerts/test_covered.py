"""Facts are as of the last moment whose ends lie below them."""

from shopnow_streams.alerts.covered import Covered, reaches


def test_it_is_the_last_moment_that_is_covered_and_each_counts_once() -> None:
    covered = Covered()
    for at_s in range(1, 5):
        covered.ask(at_s, {"a": {0: at_s * 10, 1: 0}})
    assert covered.up_to({"a": {0: 9}}) is None
    assert covered.up_to({"a": {0: 35}}) == 3
    assert covered.up_to({"a": {0: 35}}) is None
    assert covered.up_to({"a": {0: 40}}) == 4


def test_a_partition_without_records_need_not_be_known() -> None:
    assert reaches({}, {"a": {0: 0}})
    assert not reaches({}, {"a": {0: 1}})
    assert not reaches({"a": {0: 5}}, {"a": {0: 5, 1: 1}})


def test_whoever_is_behind_for_long_keeps_few_of_them_and_the_oldest() -> None:
    covered = Covered()
    for at_s in range(10_000):
        covered.ask(at_s, {"a": {0: at_s}})
        assert len(covered._asked) <= 64
    assert covered._asked[0][0] == 0
    assert covered.up_to({"a": {0: 9_999}}) == 9_999
