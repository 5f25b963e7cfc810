"""Settings from the environment: each field, and each way to get one wrong."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from shopnow_streams.errors import SettingsError
from shopnow_streams.settings import OTHERS, Settings, from_environment, or_exit

FIELDS = {field.name: field for field in dataclasses.fields(Settings)}

GIVEN: dict[str, tuple[str, Any]] = {
    "kafka": ("broker-1:9092,broker-2:9092", "broker-1:9092,broker-2:9092"),
    "kafka_security_protocol": ("SASL_SSL", "SASL_SSL"),
    "kafka_sasl_mechanism": ("PLAIN", "PLAIN"),
    "kafka_sasl_username": ("shop", "shop"),
    "kafka_sasl_password_file": ("secrets/password", "secrets/password"),
    "kafka_ssl_ca_file": ("ca.pem", "ca.pem"),
    "kafka_ssl_cert_file": ("cert.pem", "cert.pem"),
    "kafka_ssl_key_file": ("key.pem", "key.pem"),
    "application_id": ("shop-2", "shop-2"),
    "partitions": ("12", 12),
    "replication_factor": ("3", 3),
    "without_tables": ("shoppers", "shoppers"),
    "data_dir": ("elsewhere/tables", Path("elsewhere/tables")),
    "web_host": ("0.0.0.0", "0.0.0.0"),  # noqa: S104
    "web_port": ("8080", 8080),
    "web_advertised": ("worker-1:8080", "worker-1:8080"),
    "web_cors_origins": ("https://a.example,https://b.example", "https://a.example,https://b.example"),
    "web_tokens_file": ("secrets/tokens", "secrets/tokens"),
    "web_rate_per_s": ("2.5", 2.5),
    "web_streams": ("50", 50),
    "log_format": ("json", "json"),
    "session_timeout_s": ("6.5", 6.5),
    "flush_interval_s": ("0.2", 0.2),
    "flush_rows": ("5", 5),
    "keep_rows": ("7", 7),
    "allowed_lateness_s": ("900.5", 900.5),
    "clock_skew_s": ("5", 5.0),
    "alerts_interval_s": ("0.5", 0.5),
    "alerts_most_open": ("20", 20),
    "alert_low_stock": ("-1", -1),
    "alert_out_within_hours": ("12.5", 12.5),
    "alert_unpaid_minutes": ("1.5", 1.5),
    "alert_payments": ("no", False),
    "alert_give_up_hours": ("2", 2.0),
    "alert_rate_fall": ("0.4", 0.4),
    "alert_rate_spike": ("3", 3.0),
    "alert_rate_floor_per_min": ("1", 1.0),
    "alert_webhook_url": ("https://hook.example/a?b=c", "https://hook.example/a?b=c"),
    "alert_webhook_secret_file": ("secrets/hook", "secrets/hook"),
    "alert_webhook_ca_file": ("secrets/ca.pem", "secrets/ca.pem"),
    "archive": ("", ""),
    "archive_webhdfs": ("http://a:9870;http://b:9870", "http://a:9870;http://b:9870"),
    "archive_embedded": ("no", False),
    "archive_user": ("hdfs", "hdfs"),
    "archive_kerberos": ("true", True),
    "archive_format": ("jsonl", "jsonl"),
    "archive_segment_bytes": ("1024", 1024),
    "archive_segment_rows": ("10", 10),
    "archive_segment_age_s": ("1.5", 1.5),
    "archive_buffer_bytes": ("2048", 2048),
}


def test_every_field_is_tested_here_and_has_a_meaning() -> None:
    assert GIVEN.keys() == FIELDS.keys()
    assert all(field.metadata["meaning"] for field in FIELDS.values())


@pytest.mark.parametrize("name", sorted(GIVEN))
def test_a_field_is_read_from_its_variable_and_no_other_changes(name: str) -> None:
    text, value = GIVEN[name]
    settings = from_environment({f"SHOPNOW_{name.upper()}": text})
    assert getattr(settings, name) == value
    assert type(getattr(settings, name)) is type(value)
    assert settings == dataclasses.replace(Settings(), **{name: value})


def test_all_at_once() -> None:
    environment = {f"SHOPNOW_{name.upper()}": text for name, (text, _) in GIVEN.items()}
    assert dataclasses.asdict(from_environment(environment)) == {name: value for name, (_, value) in GIVEN.items()}


def test_an_empty_environment_gives_the_defaults() -> None:
    assert from_environment({}) == Settings()


def test_variables_of_others_are_not_ours() -> None:
    environment = {"PATH": "/bin", "KAFKA": "x", "SHOPNOWKAFKA": "x", "shopnow_kafka": "x", "XSHOPNOW_KAFKA": "x"}
    assert from_environment(environment | dict.fromkeys(OTHERS, "anything")) == Settings()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SHOPNOW_KAFKAS", "SHOPNOW_KAFKA"),
        ("SHOPNOW_WEBPORT", "SHOPNOW_WEB_PORT"),
        ("SHOPNOW_FLUSH_INTERVAL", "SHOPNOW_FLUSH_INTERVAL_S"),
        ("SHOPNOW_partitions", "SHOPNOW_PARTITIONS"),
        ("SHOPNOW_MAVEN_URI", "SHOPNOW_MAVEN_URL"),
    ],
)
def test_a_name_that_is_not_known_is_an_error_that_says_what_was_meant(name: str, meant: str) -> None:
    if meant == "SHOPNOW_PARTITIONS":
        with pytest.raises(SettingsError, match="SHOPNOW_partitions is no setting"):
            from_environment({name: "4"})
        return
    with pytest.raises(SettingsError, match=rf"{name} is no setting: did you mean {meant}\?$"):
        from_environment({name: "4"})


def test_a_name_like_no_other_gets_no_suggestion() -> None:
    with pytest.raises(SettingsError, match=r"^SHOPNOW_ZZZZZZZZZZZZZZZZZZZZZZ is no setting$"):
        from_environment({"SHOPNOW_ZZZZZZZZZZZZZZZZZZZZZZ": ""})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PARTITIONS", "four"),
        ("PARTITIONS", "4.0"),
        ("PARTITIONS", ""),
        ("WEB_PORT", "http"),
        ("FLUSH_INTERVAL_S", "1s"),
        ("FLUSH_INTERVAL_S", ""),
        ("ARCHIVE_KERBEROS", "maybe"),
        ("ARCHIVE_KERBEROS", ""),
        ("ARCHIVE_EMBEDDED", "2"),
    ],
)
def test_a_value_that_does_not_parse_is_named_with_its_variable(name: str, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        from_environment({f"SHOPNOW_{name}": text})
    assert f"SHOPNOW_{name}={text!r}" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("TRUE", True), ("Yes", True), ("0", False), ("false", False), ("NO", False)]
)
def test_a_switch_may_be_written_in_several_ways(text: str, value: bool) -> None:
    assert from_environment({"SHOPNOW_ARCHIVE_KERBEROS": text}).archive_kerberos is value


@pytest.mark.parametrize(
    ("name", "within", "beyond"),
    [
        ("partitions", [1], [0, -4]),
        ("replication_factor", [1], [0]),
        ("web_port", [1, 65_535], [0, 65_536, -1]),
        ("session_timeout_s", [3.0, 40.0], [2.9, 40.1, float("nan"), float("inf"), -10.0]),
        ("web_streams", [0, 100_000], [-1, 100_001]),
        ("web_rate_per_s", [0.0, 1e6], [-0.1, 1e7, float("nan")]),
        (
            "web_cors_origins",
            ["", "*", "https://a.example, http://localhost:3000"],
            ["a.example", "https://a.example/", "https://a.example;https://b.example/x", "null"],
        ),
        ("flush_interval_s", [0.05, 60.0], [0.0, 0.04, 61.0, float("nan")]),
        ("flush_rows", [1], [0, -1]),
        ("alerts_interval_s", [0.0, 0.1, 3_600.0], [-1.0, 0.05, 3_601.0, float("nan")]),
        ("alerts_most_open", [1, 100_000], [0, 100_001]),
        ("alert_low_stock", [-1, 0, 1_000], [-2]),
        ("alert_out_within_hours", [0.0, 8_760.0], [-1.0, 8_761.0, float("nan")]),
        ("alert_unpaid_minutes", [0.0, 525_600.0], [-1.0, 1e6, float("nan")]),
        ("alert_give_up_hours", [0.0, 8_760.0], [-1.0, 8_761.0, float("nan")]),
        ("alert_rate_fall", [0.0, 0.99], [-0.1, 1.0, float("nan")]),
        ("alert_rate_spike", [0.0, 1.1, 1e6], [-1.0, 0.5, 1.0, 1e7, float("nan")]),
        ("alert_rate_floor_per_min", [0.0, 1e9], [-1.0, 1e10, float("nan")]),
        (
            "alert_webhook_url",
            ["", "https://hook.example", "http://127.0.0.1:9/a/b?c=d"],
            ["hook.example", "ftp://a", "https://user:word@hook.example/", "https://a b", "https://a/#b"],
        ),
        ("log_format", ["console", "json"], ["", "JSON", "text"]),
        ("archive_format", ["parquet", "jsonl"], ["", "avro", "PARQUET"]),
    ],
)
def test_bounds(name: str, within: list[Any], beyond: list[Any]) -> None:
    changes: list[dict[str, Any]] = [{name: value} for value in within]
    for change in changes:
        assert getattr(Settings(**change), name) == change[name]
    for value in beyond:
        wrong: dict[str, Any] = {name: value}
        with pytest.raises(SettingsError, match=f"SHOPNOW_{name.upper()} must be"):
            Settings(**wrong)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ARCHIVE_SEGMENT_ROWS", "0"),
        ("ARCHIVE_SEGMENT_BYTES", "-1"),
        ("ARCHIVE_SEGMENT_AGE_S", "nan"),
        ("ARCHIVE_BUFFER_BYTES", "0"),
        ("KEEP_ROWS", "-1"),
        ("APPLICATION_ID", ""),
    ],
)
def test_bounds_of_the_rest(name: str, text: str) -> None:
    with pytest.raises(SettingsError):
        from_environment({f"SHOPNOW_{name}": text})


def test_the_rules_of_alerts_are_what_the_settings_say() -> None:
    values = {"alert_low_stock": 7, "alert_out_within_hours": 1.5, "alert_unpaid_minutes": 2.5, "alert_payments": False}
    values |= {"alert_give_up_hours": 3.5, "alert_rate_fall": 0.4, "alert_rate_spike": 4.5}
    changes: dict[str, Any] = values | {"alert_rate_floor_per_min": 5.5}
    rules = dataclasses.astuple(Settings(**changes).alert_rules)
    assert rules == (7, 1.5, 2.5, False, 3.5, 0.4, 4.5, 5.5)
    assert len(rules) == len(dataclasses.fields(Settings().alert_rules))


def test_settings_do_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().partitions = 5  # type: ignore[misc]


def test_the_connection_is_what_the_settings_say(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("secret\n")
    settings = from_environment(
        {
            "SHOPNOW_KAFKA": "broker:9093",
            "SHOPNOW_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "SHOPNOW_KAFKA_SASL_MECHANISM": "PLAIN",
            "SHOPNOW_KAFKA_SASL_USERNAME": "shop",
            "SHOPNOW_KAFKA_SASL_PASSWORD_FILE": str(password),
        }
    )
    assert settings.connection.librdkafka() == {
        "bootstrap.servers": "broker:9093",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "shop",
        "sasl.password": "secret",
    }


def test_by_default_the_connection_is_plain() -> None:
    assert Settings().connection.librdkafka() == {
        "bootstrap.servers": "127.0.0.1:9092",
        "security.protocol": "PLAINTEXT",
    }


def test_where_settings_are_wrong_faust_ends_with_the_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPNOW_PARTITIONS", "many")
    with pytest.raises(SystemExit, match="SettingsError: SHOPNOW_PARTITIONS='many' must be a whole number"):
        or_exit(lambda settings: settings)
    monkeypatch.setenv("SHOPNOW_PARTITIONS", "3")
    assert or_exit(lambda settings: settings.partitions) == 3


def test_tables_that_are_left_out_are_ones_that_may_be() -> None:
    assert Settings(without_tables=" shoppers,activity ").left_out == {"activity", "shoppers"}
    assert Settings().left_out == frozenset()
    with pytest.raises(SettingsError, match="SHOPNOW_WITHOUT_TABLES"):
        Settings(without_tables="orders")
    with pytest.raises(SettingsError, match="SHOPNOW_ALERT_OUT_WITHIN_HOURS needs the table activity"):
        Settings(without_tables="activity", alert_out_within_hours=4.0)
