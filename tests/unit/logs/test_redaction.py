"""No secret gets into a log, and little else is left out of it."""

from typing import Any

import pytest

from shopnow_streams.logs.redaction import REDACTED, redact


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "Password",
        "sasl_password",
        "sasl.password",
        "token",
        "tokens",
        "access_token",
        "Authorization",
        "authorization",
        "Proxy-Authorization",
        "Cookie",
        "Set-Cookie",
        "client_secret",
        "credentials",
        "api_key",
        "api-key",
        "private_key",
    ],
)
@pytest.mark.parametrize("value", ["geheim", ["geheim"], {"a": "geheim"}, 1234])
def test_a_field_that_is_named_like_a_secret(name: str, value: Any) -> None:
    assert redact(None, "info", {name: value, "partition": 3}) == {name: REDACTED, "partition": 3}
    assert redact(None, "info", {"headers": [{name: value}]}) == {"headers": [{name: REDACTED}]}


@pytest.mark.parametrize(
    "fields",
    [
        {"partition": 3, "topic": "produit-consulte", "offset": 0},
        {"kafka_sasl_password_file": "secrets/password", "web_tokens_file": "secrets/tokens"},
        {"key": "1597", "keyed": True, "tokenizer": "a", "id_commande": "b"},
        {"password": None, "token": ""},
        {"event": "the token is not one of the file's: ask with another; http://127.0.0.1:6066/api answers 401"},
        {"event": "basic arithmetic of the bearer"},
        {"seconds": 1.5, "partitions": [0, 1], "offsets": {"produit-consulte": {"0": 5}}},
    ],
)
def test_what_is_no_secret_is_left_as_it_is(fields: dict[str, Any]) -> None:
    assert redact(None, "info", fields) == fields


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer geheim-1.2_3~x",
        "headers={'Authorization': 'Bearer geheim-und-lang'}",
        '{"authorization": "geheim"}',
        "<CIMultiDict('authorization': 'Basic Z2VoZWltZ2VoZWlt')>",
        "asked with bearer geheim-und-lang",
        "sasl.password=geheim",
        "sasl_password='geheim und lang', user='shop'",
        "password: geheim",
        "https://example/?token=geheim&page=2",
        "kafka://shop:geheim@broker:9092",
        "SASLCredentials(username='shop', password='geheim')",
    ],
)
def test_what_looks_like_a_secret_in_a_text(text: str) -> None:
    (left,) = redact(None, "info", {"exception": f"before {text} after"}).values()
    assert "geheim" not in left
    assert "Z2Vo" not in left
    assert REDACTED in left
    assert left.startswith("before ")
    assert left.endswith(" after")
