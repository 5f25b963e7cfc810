"""What `faust models` and `faust model` say of the events, as the events are."""

import msgspec

from shopnow_streams.events import EVENT_TYPES
from shopnow_streams.models import declare_models


def test_each_topic_has_a_model_of_its_name_with_the_events_own_fields() -> None:
    models = {model._options.namespace: model for model in declare_models()}
    assert set(models) == {str(topic) for topic in EVENT_TYPES}
    for topic, event_type in EVENT_TYPES.items():
        fields = msgspec.structs.fields(event_type)
        options = models[topic]._options
        assert list(options.fields) == [field.name for field in fields]
        assert set(options.optionalset) == {field.name for field in fields if not field.required}


def test_a_model_says_in_a_sentence_what_happened() -> None:
    docs = {model._options.namespace: model.__doc__ for model in declare_models()}
    assert docs["paiement-accepte"] == "an order was paid."
    assert all(docs.values())
