"""`/api/products`: what each product does, by id or ranked; `/api/products/{id}`."""

from typing import Any

from aiohttp import web

from shopnow_streams.events import MAX_ID
from shopnow_streams.folds.products import PRODUCTS, ProductActivity
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.page import MAX_LIMIT, Problem, choice, integer, only, standing
from tables.reads import Query

RANKINGS = ("views", "adds", "units_added", "units_sold", "revenue_cents")


def shown(key: Any, product: ProductActivity) -> dict[str, Any]:
    """A product as the API shows it."""
    return {
        "id_produit": key,
        "name": product.name or None,
        "views": product.views,
        "adds": product.adds,
        "units_added": product.units_added,
        "order_lines": product.order_lines,
        "units_sold": product.units_sold,
        "revenue_cents": product.revenue_cents,
    }


class Products:
    """The product resource."""

    def __init__(self, gather: Gather) -> None:
        self._gather = gather

    async def listed(self, request: web.Request) -> dict[str, Any]:
        """A page in order of id, from `after` on; or the first `limit` by `sort`, the highest first."""
        only(request, "after", "limit", "sort")
        limit = integer(request, "limit", 50, 1, MAX_LIMIT)
        sort = choice(request, "sort", "id", ("id", *RANKINGS))
        if sort == "id":
            after = integer(request, "after", -1, 0, MAX_ID)
            answer = await self._gather.read(Query(PRODUCTS.name, start=str(after + 1), limit=limit))
            rows = answer.rows
            following = rows[-1][0] if len(rows) == limit else None
        else:
            if "after" in request.query:
                raise Problem(400, "Bad Request", "after pages in order of id; it does not go with sort")
            answer = await self._gather.read(Query(PRODUCTS.name))
            rows = sorted(answer.rows, key=lambda row: (-getattr(row[1], sort), row[0]))[:limit]
            following = None
        return {"items": [shown(*row) for row in rows], "after": following, **standing(answer)}

    async def one(self, request: web.Request) -> dict[str, Any]:
        """One product. Raises Problem 404 where nothing ever happened to it in the partitions that answered."""
        only(request)
        key = request.match_info["key"]
        answer = await self._gather.read(Query(PRODUCTS.name, keys=[key]))
        if not answer.rows:
            raise Problem(404, "Not Found", missing("product", key, answer.complete))
        return {**shown(*answer.rows[0]), **standing(answer)}


def missing(what: str, key: str, complete: bool) -> str:
    """Nothing found: a fact where all partitions answered, else a maybe."""
    return f"no {what} {key[:200]!r}" + ("" if complete else " in the partitions that answered; not all did")
