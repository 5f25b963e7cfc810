"""The archive side alone: `faust -A shopnow_streams.archive_app worker`, for those who run it apart."""

import shopnow_streams.delivery.command  # noqa: F401  # `faust worker`, as ours is
from shopnow_streams.settings import or_exit
from shopnow_streams.wiring import create_archive_app

app = or_exit(create_archive_app)
