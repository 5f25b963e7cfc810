"""Where Kafka is and how to be let in: one description for both clients (librdkafka's and Faust's).

Secrets stay in files: this object names them, and reads them only when a client is configured.
"""

import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from shopnow_streams.errors import SettingsError

if TYPE_CHECKING:
    from faust.auth import Credentials

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
DEFAULT_PORT = 9092

_BROKER = re.compile(r"(?P<host>[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>\d{1,5}))?")


@dataclass(frozen=True)
class KafkaConnection:
    """The brokers to begin with, and the credentials they ask for.

    `bootstrap` is `host:port`, or several of them with commas between; a port left out is 9092. Raises
    SettingsError at construction where the parts contradict one another, and from `librdkafka()` and
    `faust_credentials()` where a file that it names cannot be read.
    """

    bootstrap: str
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    # Not in the repr: somebody will put the password itself here one day, and a repr ends up in a log.
    sasl_password_file: str | None = field(default=None, repr=False)
    ssl_ca_file: str | None = None
    ssl_cert_file: str | None = None
    ssl_key_file: str | None = None

    def __post_init__(self) -> None:
        _parse(self.bootstrap)
        if self.security_protocol not in PROTOCOLS:
            raise SettingsError(f"Kafka's security protocol is one of {PROTOCOLS}, not {self.security_protocol!r}")
        if self._sasl:
            if self.sasl_mechanism not in MECHANISMS:
                raise SettingsError(
                    f"{self.security_protocol} needs a SASL mechanism out of {MECHANISMS}, not {self.sasl_mechanism!r}"
                )
            if not self.sasl_username or not self.sasl_password_file:
                raise SettingsError(f"{self.security_protocol} needs a SASL user name and a password file")
        elif self.sasl_mechanism or self.sasl_username or self.sasl_password_file:
            raise SettingsError(f"SASL credentials are set, but the security protocol is {self.security_protocol}")
        if not self._tls and (self.ssl_ca_file or self.ssl_cert_file or self.ssl_key_file):
            # Else a typo in the protocol would send everything in the clear, certificates and all in place.
            raise SettingsError(f"TLS files are set, but the security protocol is {self.security_protocol}")
        if bool(self.ssl_cert_file) != bool(self.ssl_key_file):
            raise SettingsError("a TLS client certificate and its key go together: set both or neither")

    @property
    def brokers(self) -> list[str]:
        """`host:port` of each broker to begin with."""
        return _parse(self.bootstrap)

    def librdkafka(self) -> dict[str, str]:
        """Settings of a `confluent_kafka` client. Reads the password file; raises SettingsError if it can't."""
        settings = {"bootstrap.servers": ",".join(self.brokers), "security.protocol": self.security_protocol}
        if self._sasl:
            settings["sasl.mechanism"] = self.sasl_mechanism or ""
            settings["sasl.username"] = self.sasl_username or ""
            settings["sasl.password"] = self._password()
        for name, file in (
            ("ssl.ca.location", self.ssl_ca_file),
            ("ssl.certificate.location", self.ssl_cert_file),
            ("ssl.key.location", self.ssl_key_file),
        ):
            if file:
                _read(file, name)
                settings[name] = file
        return settings

    def faust_broker(self) -> list[str]:
        """The brokers as Faust's `broker=` wants them: `kafka://host:port` each."""
        return [f"kafka://{broker}" for broker in self.brokers]

    def faust_credentials(self) -> "Credentials | None":
        """What Faust's `broker_credentials=` wants; None for PLAINTEXT. Raises SettingsError on a bad file."""
        if self.security_protocol == "PLAINTEXT":
            return None
        from faust.auth import SASLCredentials, SSLCredentials  # here: it takes half a second, and producers need none

        context = self._ssl_context() if self._tls else None
        if self._sasl:
            return SASLCredentials(
                username=self.sasl_username,
                password=self._password(),
                mechanism=self.sasl_mechanism,
                ssl_context=context,
            )
        return SSLCredentials(context)

    @property
    def _sasl(self) -> bool:
        return self.security_protocol.startswith("SASL_")

    @property
    def _tls(self) -> bool:
        return self.security_protocol.endswith("SSL")

    def _password(self) -> str:
        # An editor's or `echo`'s newline at the end is no part of a password.
        raw = _read(self.sasl_password_file or "", "the SASL password file").rstrip(b"\r\n")
        try:
            password = raw.decode()
        except UnicodeDecodeError as error:
            raise SettingsError(f"the SASL password file {self.sasl_password_file} is not UTF-8") from error
        if not password:
            raise SettingsError(f"the SASL password file {self.sasl_password_file} is empty")
        return password

    def _ssl_context(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.ssl_ca_file)
            if self.ssl_cert_file:
                # An empty password: an encrypted key is then an error, where OpenSSL would else ask the terminal.
                context.load_cert_chain(self.ssl_cert_file, self.ssl_key_file, password="")
        except OSError as error:  # ssl.SSLError is one: a file that is there, but is not PEM
            files = ", ".join(filter(None, (self.ssl_ca_file, self.ssl_cert_file, self.ssl_key_file)))
            raise SettingsError(f"the TLS files for Kafka ({files}) cannot be loaded: {error}") from error
        return context


def _parse(bootstrap: str) -> list[str]:
    brokers = []
    for part in bootstrap.split(","):
        match = _BROKER.fullmatch(part.strip())
        port = int(match["port"] or DEFAULT_PORT) if match else 0
        if match is None or not 0 < port < 65_536:
            raise SettingsError(f"a Kafka broker is written host:port, not {part!r} (in {bootstrap!r})")
        brokers.append(f"{match['host']}:{port}")
    return brokers


def _read(file: str, role: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise SettingsError(f"cannot read {file} ({role}): {error.strerror}") from error
