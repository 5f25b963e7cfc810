"""What is spoilt is no event, beyond doubt; and what is not, is untouched."""

import random
from datetime import UTC, datetime
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopnow_streams.errors import EventRejected
from shopnow_streams.events import TOPIC_OF, decode, encode
from shopnow_streams.simulator.shoppers import shoppers, steady_clock
from shopnow_streams.simulator.spoiling import KINDS, Spoiler, spoil

START = datetime(2025, 11, 28, tzinfo=UTC)
REASONS = {"not_json": "not-json", "empty": "not-json", "tombstone": "no-value"}


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 2**32))
def test_every_kind_is_rejected_for_its_reason(kind: Spoiler, seed: int) -> None:
    chance = random.Random(seed)
    for event in islice(shoppers(seed, steady_clock(START, 1)), 100):
        topic = TOPIC_OF[type(event)]
        with pytest.raises(EventRejected) as caught:
            decode(topic, kind(chance, topic, encode(event)))
        assert caught.value.args[0].reason == REASONS.get(kind.__name__, "not-valid")


def test_all_kinds_are_used() -> None:
    chance = random.Random(1)
    value = encode(next(shoppers(1, steady_clock(START, 1))))
    assert len({spoil(chance, "produit-consulte", value) for _ in range(200)}) > len(KINDS)
