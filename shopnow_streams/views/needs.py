"""Which paths need a table that an application may leave out."""

from collections.abc import Collection

from shopnow_streams.folds.activity import ACTIVITY
from shopnow_streams.folds.shoppers import SHOPPERS

_NEEDS = {
    "/api/products/{id}/windows": ACTIVITY.name,
    "/api/trending": ACTIVITY.name,
    "/internal/totals": ACTIVITY.name,
    "/internal/sales": ACTIVITY.name,
    "/api/carts": SHOPPERS.name,
    "/api/carts/{user_id}": SHOPPERS.name,
    "/api/sessions": SHOPPERS.name,
    "/api/sessions/{user_id}": SHOPPERS.name,
}


def there(path: str, tables: Collection[str]) -> bool:
    """Whether there is such a path where these tables are kept."""
    needed = _NEEDS.get(path)
    return needed is None or needed in tables
