"""The demo's Faust worker: a process of its own, found again by its pid file."""

import sys
import threading
from pathlib import Path

from shopnow_streams.demo.numbers import WorkerApi
from shopnow_streams.settings import Settings
from shopnow_streams.stack.process import JvmProcess, wait_ready
from shopnow_streams.views.tokens import read_tokens

READY_S = 90.0


class DemoWorker:
    """`faust -A shopnow_streams.app worker` with the demo's settings."""

    def __init__(self, home: Path, settings: Settings) -> None:
        self.process = JvmProcess("worker", home)
        own = read_tokens(settings.web_tokens_file).own
        self.api = WorkerApi(f"http://{settings.web_host}:{settings.web_port}", own)
        self._settings = settings

    def launch(self) -> None:
        """Start it, and don't wait: it waits for Kafka by itself."""
        environment = [f"{name}={value}" for name, value in self._environment().items()]
        command = [sys.executable, "-m", "faust", "-A", "shopnow_streams.app", "worker", "-l", "info"]
        self.process.start(["/usr/bin/env", *environment, *command])

    def wait(self, cancelled: threading.Event | None = None) -> None:
        """Block until it answers with numbers. Raises ProcessDied where it ends before, StackError once `cancelled` is
        set."""
        wait_ready([self.process], self.api.ready, READY_S, cancelled=cancelled)

    def stop(self) -> None:
        """TERM: it flushes, commits and leaves the group. Blocks until it is gone."""
        self.process.stop()

    def _environment(self) -> dict[str, str]:
        settings = self._settings
        return {
            "SHOPNOW_KAFKA": settings.kafka,
            "SHOPNOW_DATA_DIR": str(settings.data_dir),
            "SHOPNOW_WEB_PORT": str(settings.web_port),
            "SHOPNOW_ARCHIVE": settings.archive,
            "SHOPNOW_ARCHIVE_WEBHDFS": settings.archive_webhdfs,
            "SHOPNOW_ARCHIVE_SEGMENT_AGE_S": str(settings.archive_segment_age_s),
        }
