"""What the settings say of who may ask is what holds."""

from pathlib import Path

import pytest

from shopnow_streams.errors import SettingsError
from shopnow_streams.settings import Settings
from shopnow_streams.views.access import access
from tests.unit.views.conftest import MakeWorker, Worker

TOKEN = "a-token-of-the-shop"  # noqa: S105 (of this test)


async def test_all_three_hold_at_once(make_worker: MakeWorker, tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(TOKEN)
    settings = Settings(
        web_cors_origins="https://a.example, https://b.example", web_tokens_file=str(file), web_rate_per_s=2
    )
    worker: Worker = await make_worker(access=access(settings))
    url, headers = worker.server.make_url("/api/stock"), {"Origin": "https://b.example"}
    found = []
    for authorization in ({"Authorization": f"Bearer {TOKEN}"}, {}, {}):
        async with worker.session.get(url, headers=headers | authorization) as response:
            found.append(response.status)
            assert response.headers["Access-Control-Allow-Origin"] == "https://b.example"
    assert found == [200, 401, 429]


async def test_by_default_everybody_may_ask_as_often_as_they_like(make_worker: MakeWorker) -> None:
    worker: Worker = await make_worker(access=access(Settings()))
    for _ in range(20):
        assert (await worker.get("/api/stock"))["items"] == []


def test_a_file_that_is_not_there_is_no_open_door() -> None:
    with pytest.raises(SettingsError, match="can't be read"):
        access(Settings(web_tokens_file="/nowhere/tokens"))
