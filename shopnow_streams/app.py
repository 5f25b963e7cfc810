"""The one module-level Faust application: `faust -A shopnow_streams.app worker -l info`."""

import shopnow_streams.delivery.command  # noqa: F401  # `faust worker`, as ours is
from shopnow_streams.models import declare_models
from shopnow_streams.settings import or_exit
from shopnow_streams.wiring import create_app

declare_models()
app = or_exit(create_app)
