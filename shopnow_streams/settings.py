"""The worker's settings: SHOPNOW_* in the environment, one frozen dataclass, and a table of them for the README.

A name that is not known is an error, not a wish: a typo must not run with the default.
"""

import dataclasses
import difflib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from shopnow_streams.errors import SettingsError
from shopnow_streams.kafka_config import KafkaConnection

if TYPE_CHECKING:
    from shopnow_streams.alerts.rules import Rules
    from sinks.archive import Archive

PREFIX = "SHOPNOW_"
_HTTP = r"https?://[^\s/?#@]+(/[^\s#]*|\?[^\s#]*)?"
App = TypeVar("App")


def _setting(default: Any, meaning: str) -> Any:
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True)
class Settings:
    """Each field is read from SHOPNOW_ and its name in capitals."""

    kafka: str = _setting("127.0.0.1:9092", "bootstrap servers, host:port separated by commas")
    kafka_security_protocol: str = _setting("PLAINTEXT", "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL")
    kafka_sasl_mechanism: str = _setting("", "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")
    kafka_sasl_username: str = _setting("", "SASL user name")
    kafka_sasl_password_file: str = _setting("", "file that holds the SASL password")
    kafka_ssl_ca_file: str = _setting("", "PEM file of the authorities to trust")
    kafka_ssl_cert_file: str = _setting("", "PEM file of the client's certificate")
    kafka_ssl_key_file: str = _setting("", "PEM file of the client's key")
    application_id: str = _setting("shopnow-streams", "consumer group, and prefix of changelogs and transactional ids")
    partitions: int = _setting(4, "partitions of the five topics and of every table")
    replication_factor: int = _setting(1, "replicas of the topics that are created")
    without_tables: str = _setting(
        "", "activity, shoppers, or both, separated by a comma: not kept, nor what is shown of them; a faster worker"
    )
    data_dir: Path = _setting(Path("var/worker"), "the tables' local store; one a worker")
    web_host: str = _setting("127.0.0.1", "address that HTTP listens on")
    web_port: int = _setting(6066, "port that HTTP listens on")
    web_advertised: str = _setting(
        "", "host:port under which the other workers reach this one; listen address if empty"
    )
    web_cors_origins: str = _setting(
        "", "origins whose pages may read the API, such as https://shop.example, separated by commas; * is every one"
    )
    web_tokens_file: str = _setting(
        "",
        "file of bearer tokens, one a line, one of which the API asks for; health and pages without numbers are open",
    )
    web_rate_per_s: float = _setting(0.0, "requests a second that one client address may make; 0: no limit")
    web_streams: int = _setting(1_000, "streams of changes that may be open at a time; more are refused")
    log_format: str = _setting(
        "console", "console, lines for people; or json, an object a line with fields for programs"
    )
    session_timeout_s: float = _setting(10.0, "a worker silent for this long loses its partitions")
    flush_interval_s: float = _setting(1.0, "how often changed rows become durable")
    flush_rows: int = _setting(5_000, "changed rows of a partition that make a flush due at once")
    keep_rows: int = _setting(50_000, "rows of a table and partition kept in memory")
    allowed_lateness_s: float = _setting(
        3600.0, "an event so far behind the newest one of its topic and partition is late: counted, in no window"
    )
    clock_skew_s: float = _setting(
        60.0, "an event dated so far ahead of Kafka's time of its record is ahead: counted, in no window"
    )
    alerts_interval_s: float = _setting(5.0, "how often the rules of alerts are judged; 0: never")
    alerts_most_open: int = _setting(1_000, "alerts of one rule that may be open; what there is no room for is counted")
    alert_low_stock: int = _setting(5, "a product with so many units or fewer is low; -1: no such alerts")
    alert_out_within_hours: float = _setting(
        0.0, "a product that is out sooner, at the rate that it is sold, is running out; 0: no such alerts"
    )
    alert_unpaid_minutes: float = _setting(30.0, "an order without a payment for so long is unpaid; 0: no such alerts")
    alert_payments: bool = _setting(True, "alerts of orders paid twice, or another amount")
    alert_give_up_hours: float = _setting(
        24.0, "an alert about an order ends by itself after so long; 0: it never does"
    )
    alert_rate_fall: float = _setting(
        0.0, "views, carts, orders or payments at less than this share of their rate before; 0: no such alerts"
    )
    alert_rate_spike: float = _setting(0.0, "the same at more than so many times that rate; 0: no such alerts")
    alert_rate_floor_per_min: float = _setting(10.0, "rates below it neither fall nor have spikes")
    alert_webhook_url: str = _setting("", "http(s) URL that each transition of an alert is POSTed to; empty: none")
    alert_webhook_secret_file: str = _setting("", "file that holds the secret that signs these requests (HMAC-SHA256)")
    alert_webhook_ca_file: str = _setting("", "PEM file of the authorities to trust there; empty: the system's")
    archive: str = _setting("hdfs://127.0.0.1:8020/shopnow", "where every raw event goes; empty: no archive")
    archive_webhdfs: str = _setting(
        "", "WebHDFS address, or two separated by ';' (HA pair); empty: port 9870 of the archive's host"
    )
    archive_embedded: bool = _setting(
        True, "archive in the live worker; no: run `shopnow_streams.archive_app` beside it"
    )
    archive_user: str = _setting("shopnow", "HDFS user name")
    archive_kerberos: bool = _setting(False, "authenticate to WebHDFS by Kerberos (needs hdfs[kerberos])")
    archive_format: str = _setting("parquet", "parquet or jsonl")
    archive_segment_bytes: int = _setting(32 << 20, "file size that closes a segment")
    archive_segment_rows: int = _setting(500_000, "records that close a segment")
    archive_segment_age_s: float = _setting(
        300.0, "age that closes a segment: shorter is sooner in Spark, longer is fewer files"
    )
    archive_buffer_bytes: int = _setting(32 << 20, "bytes held for unfinished segments, all partitions together")

    def __post_init__(self) -> None:
        _check(self.partitions >= 1, "partitions", "must be at least 1")
        _check(self.replication_factor >= 1, "replication_factor", "must be at least 1")
        _check(self.left_out <= {"activity", "shoppers"}, "without_tables", "must be of activity and shoppers")
        _check(
            not (self.alert_out_within_hours and "activity" in self.left_out),
            "alert_out_within_hours",
            "needs the table activity, which SHOPNOW_WITHOUT_TABLES leaves out",
        )
        _check(0 < self.web_port < 65536, "web_port", "must be a port, 1 to 65535")
        origins = self.web_cors_origins.replace(" ", "").split(",")
        good = all(re.fullmatch(r"|\*|https?://[^\s/?#@]+", origin) for origin in origins)
        _check(good, "web_cors_origins", "must be origins such as https://shop.example, without a path")
        _check(0 <= self.web_rate_per_s <= 1e6, "web_rate_per_s", "must be 0 to 1000000 requests a second")
        _check(0 <= self.web_streams <= 100_000, "web_streams", "must be 0 to 100000")
        _check(self.log_format in ("console", "json"), "log_format", "must be console or json")
        _check(3 <= self.session_timeout_s <= 40, "session_timeout_s", "must be 3 to 40 seconds")
        _check(0.05 <= self.flush_interval_s <= 60, "flush_interval_s", "must be 0.05 to 60 seconds")
        _check(self.flush_rows >= 1, "flush_rows", "must be at least 1")
        _check(self.keep_rows >= 0, "keep_rows", "must be at least 0")
        _check(0 <= self.allowed_lateness_s <= 7 * 86_400, "allowed_lateness_s", "must be 0 seconds to a week")
        _check(0 <= self.clock_skew_s <= 86_400, "clock_skew_s", "must be 0 seconds to a day")
        _check(bool(self.application_id), "application_id", "must not be empty")
        interval_s = self.alerts_interval_s
        _check(interval_s == 0 or 0.1 <= interval_s <= 3_600, "alerts_interval_s", "must be 0, or 0.1 to 3600 seconds")
        _check(1 <= self.alerts_most_open <= 100_000, "alerts_most_open", "must be 1 to 100000")
        _check(self.alert_low_stock >= -1, "alert_low_stock", "must be -1 or more")
        _check(0 <= self.alert_out_within_hours <= 8_760, "alert_out_within_hours", "must be 0 to 8760 (a year)")
        _check(0 <= self.alert_unpaid_minutes <= 525_600, "alert_unpaid_minutes", "must be 0 to 525600 (a year)")
        _check(0 <= self.alert_give_up_hours <= 8_760, "alert_give_up_hours", "must be 0 to 8760 (a year)")
        _check(0 <= self.alert_rate_fall < 1, "alert_rate_fall", "must be 0, or a share below 1")
        spike = self.alert_rate_spike
        _check(spike == 0 or 1 < spike <= 1e6, "alert_rate_spike", "must be 0, or above 1: so many times")
        _check(0 <= self.alert_rate_floor_per_min <= 1e9, "alert_rate_floor_per_min", "must be 0 to 1000000000")
        url = self.alert_webhook_url
        _check(not url or bool(re.fullmatch(_HTTP, url)), "alert_webhook_url", "must be an http(s) URL, without user")
        _check(self.archive_segment_bytes >= 1, "archive_segment_bytes", "must be at least 1")
        _check(self.archive_segment_rows >= 1, "archive_segment_rows", "must be at least 1")
        _check(0 < self.archive_segment_age_s <= 86_400, "archive_segment_age_s", "must be above 0 and at most a day")
        _check(self.archive_buffer_bytes >= 1, "archive_buffer_bytes", "must be at least 1")
        _check(self.archive_format in ("parquet", "jsonl"), "archive_format", "must be parquet or jsonl")

    @property
    def left_out(self) -> frozenset[str]:
        """The tables that are not kept."""
        return frozenset(filter(None, self.without_tables.replace(" ", "").split(",")))

    @property
    def connection(self) -> KafkaConnection:
        """How to reach Kafka."""
        return KafkaConnection(
            bootstrap=self.kafka,
            security_protocol=self.kafka_security_protocol,
            sasl_mechanism=self.kafka_sasl_mechanism or None,
            sasl_username=self.kafka_sasl_username or None,
            sasl_password_file=self.kafka_sasl_password_file or None,
            ssl_ca_file=self.kafka_ssl_ca_file or None,
            ssl_cert_file=self.kafka_ssl_cert_file or None,
            ssl_key_file=self.kafka_ssl_key_file or None,
        )

    @property
    def alert_rules(self) -> "Rules":
        """The thresholds of the alerts."""
        from shopnow_streams.alerts.rules import Rules  # here: the rules import events, and backends need none

        return Rules(
            low_stock_units=self.alert_low_stock,
            out_within_hours=self.alert_out_within_hours,
            unpaid_minutes=self.alert_unpaid_minutes,
            payments=self.alert_payments,
            give_up_hours=self.alert_give_up_hours,
            rate_fall=self.alert_rate_fall,
            rate_spike=self.alert_rate_spike,
            rate_floor_per_min=self.alert_rate_floor_per_min,
        )

    def sink(self) -> "Archive":
        """The archive. Does no IO. Raises SettingsError for a URL that is none."""
        from sinks.open import open_sink  # here: its clients take a second to import, and most commands need none

        return open_sink(
            self.archive,
            webhdfs=self.archive_webhdfs,
            user=self.archive_user,
            kerberos=self.archive_kerberos,
            format=self.archive_format,
        )


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from SHOPNOW_* variables. Raises SettingsError for an unknown name or a value that does not parse."""
    fields = {f"{PREFIX}{setting.name.upper()}": setting for setting in dataclasses.fields(Settings)}
    values: dict[str, Any] = {}
    for name, text in environment.items():
        if not name.startswith(PREFIX) or name in OTHERS:
            continue
        if name not in fields:
            near = difflib.get_close_matches(name, [*fields, *OTHERS], 1)
            raise SettingsError(f"{name} is no setting" + (f": did you mean {near[0]}?" if near else ""))
        setting = fields[name]
        values[setting.name] = _parse(name, setting.type, text)
    return Settings(**values)


def or_exit(create: Callable[[Settings], App]) -> App:
    """`create` of the environment's settings, for modules that Faust imports. Where the settings are wrong, SystemExit
    with the sentence that says so: a traceback through Faust would bury it."""
    try:
        return create(from_environment())
    except SettingsError as error:
        raise SystemExit(f"{type(error).__name__}: {error}") from None


OTHERS = ("SHOPNOW_MAVEN_URL", "SHOPNOW_STACK_HOME", "SHOPNOW_STACK_CACHE", "SHOPNOW_STACK_PORT_OFFSET")
"""Variables of ours that are not the worker's."""


_KINDS = {int: "a whole number", float: "a number", bool: "yes or no (or true or false, 1 or 0)"}


def _parse(name: str, kind: Any, text: str) -> Any:
    try:
        if kind is bool:
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[text.lower()]
        return kind(text)
    except (ValueError, KeyError) as error:
        raise SettingsError(f"{name}={text!r} must be {_KINDS.get(kind, kind.__name__)}") from error


def _check(holds: bool, name: str, what: str) -> None:
    if not holds:
        raise SettingsError(f"{PREFIX}{name.upper()} {what}")
