"""The dashboard's page, scripts and styles: static files that `shopnow_streams.views.dashboard` serves as they are."""
