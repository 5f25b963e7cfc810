"""An archive as any machine finds it."""

from dataclasses import dataclass

from sinks.archive import Archive
from sinks.open import open_existing


@dataclass(frozen=True)
class Address:
    """Where an archive is, and who we are there: what `sinks.open` wants to know. Can be sent to other machines."""

    url: str
    webhdfs: str = ""
    user: str = "shopnow"
    kerberos: bool = False
    format: str = "parquet"

    def open(self) -> Archive:
        """The archive there. Blocks; raises SinkUnavailable, ArchiveMissing, SettingsError."""
        return open_existing(self.url, webhdfs=self.webhdfs, user=self.user, kerberos=self.kerberos, format=self.format)
