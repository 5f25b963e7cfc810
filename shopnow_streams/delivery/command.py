"""`faust worker`, without the banner where all that is printed must be a record. Imported by what Faust imports."""

from typing import Any

from faust.cli import worker as faust_worker


class worker(faust_worker.worker):  # Faust names a command by its class
    """Start worker instance for given app."""

    def on_worker_created(self, worker: Any) -> None:
        """Called by Faust just before the worker is run."""
        if not worker.quiet:
            super().on_worker_created(worker)
