"""What both clients are told, and what is refused before either is."""

from pathlib import Path

import pytest
from confluent_kafka import Producer
from faust.auth import SASLCredentials, SSLCredentials
from faust.types.auth import AuthProtocol, SASLMechanism

from shopnow_streams.errors import SettingsError
from shopnow_streams.kafka_config import KafkaConnection


@pytest.fixture
def password_file(tmp_path: Path) -> str:
    file = tmp_path / "password"
    file.write_text("s3cr3t, dé à coudre\n")
    return str(file)


def sasl(password_file: str, **changes: str) -> KafkaConnection:
    return KafkaConnection(
        **{
            "bootstrap": "kafka:9092",
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_username": "shopnow",
            "sasl_password_file": password_file,
            **changes,
        }
    )


def test_plaintext_needs_only_brokers() -> None:
    connection = KafkaConnection("one:19092, two,[::1]:9094")
    assert connection.librdkafka() == {
        "bootstrap.servers": "one:19092,two:9092,[::1]:9094",
        "security.protocol": "PLAINTEXT",
    }
    assert connection.faust_broker() == ["kafka://one:19092", "kafka://two:9092", "kafka://[::1]:9094"]
    assert connection.faust_credentials() is None


@pytest.mark.parametrize(
    "bootstrap", ["", "one,,two", "kafka://one:9092", "one:port", "one:0", "one:70000", "user@one:1"]
)
def test_what_is_no_broker_is_refused(bootstrap: str) -> None:
    with pytest.raises(SettingsError, match="host:port"):
        KafkaConnection(bootstrap)


def test_sasl_for_both_clients(password_file: str) -> None:
    connection = sasl(password_file)
    settings = connection.librdkafka()
    assert settings["sasl.mechanism"] == "SCRAM-SHA-512"
    assert (settings["sasl.username"], settings["sasl.password"]) == ("shopnow", "s3cr3t, dé à coudre")
    credentials = connection.faust_credentials()
    assert isinstance(credentials, SASLCredentials)
    assert credentials.mechanism is SASLMechanism.SCRAM_SHA_512
    assert credentials.protocol is AuthProtocol.SASL_PLAINTEXT
    assert (credentials.username, credentials.password) == ("shopnow", "s3cr3t, dé à coudre")


def test_sasl_over_tls(password_file: str) -> None:
    credentials = sasl(password_file, security_protocol="SASL_SSL").faust_credentials()
    assert isinstance(credentials, SASLCredentials)
    assert credentials.protocol is AuthProtocol.SASL_SSL
    assert credentials.ssl_context is not None


def test_tls_alone_trusts_the_system() -> None:
    connection = KafkaConnection("kafka:9093", security_protocol="SSL")
    assert isinstance(connection.faust_credentials(), SSLCredentials)
    assert connection.librdkafka() == {"bootstrap.servers": "kafka:9093", "security.protocol": "SSL"}


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_librdkafka_takes_the_settings(password_file: str, mechanism: str) -> None:
    Producer({**sasl(password_file, sasl_mechanism=mechanism).librdkafka(), "log_level": 0})


def test_no_repr_shows_a_secret(password_file: str, tmp_path: Path) -> None:
    connection = sasl(password_file)
    connection.librdkafka()
    assert "s3cr3t" not in repr(connection)
    # ... nor where somebody put the password in the place of the file's name
    assert "s3cr3t" not in repr(sasl("s3cr3t"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"security_protocol": "TLS"}, "security protocol is one of"),
        ({"sasl_mechanism": "GSSAPI"}, "needs a SASL mechanism"),
        ({"sasl_username": ""}, "user name and a password file"),
        ({"sasl_password_file": ""}, "user name and a password file"),
        ({"security_protocol": "PLAINTEXT"}, "SASL credentials are set"),
        ({"ssl_ca_file": "ca.pem"}, "TLS files are set"),
        ({"security_protocol": "SASL_SSL", "ssl_cert_file": "cert.pem"}, "go together"),
    ],
)
def test_contradictions_are_refused(password_file: str, changes: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        sasl(password_file, **changes)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    missing = str(tmp_path / "nowhere")
    with pytest.raises(SettingsError, match=f"cannot read {missing}"):
        sasl(missing).librdkafka()
    with pytest.raises(SettingsError, match=f"cannot read {missing}"):
        sasl(missing).faust_credentials()
    tls = KafkaConnection("kafka:9093", security_protocol="SSL", ssl_ca_file=missing)
    with pytest.raises(SettingsError, match=f"cannot read {missing}"):
        tls.librdkafka()
    with pytest.raises(SettingsError, match=missing):
        tls.faust_credentials()


@pytest.mark.parametrize(("content", "said"), [(b"\n", "is empty"), (b"\xff\xfe\n", "is not UTF-8")])
def test_what_is_no_password_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=said):
        sasl(str(file)).librdkafka()


def test_a_file_that_is_no_certificate_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("not PEM")
    with pytest.raises(SettingsError, match="cannot be loaded"):
        KafkaConnection("kafka:9093", security_protocol="SSL", ssl_ca_file=str(file)).faust_credentials()
