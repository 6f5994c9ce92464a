"""Node prices as OpenCost knows them: what is really paid, spot and reservations included.

Source: OpenCost API, `GET /assets?window=…&filter=assetType:"node"`; each asset has `properties.name`, `minutes`
and `totalCost`.
"""

from typing import Any

import msgspec

from sidestep.errors import TransportError
from sidestep.model.prices import PriceBook

_WINDOW = "1d"
_TIMEOUT_SECONDS = 30
_LONGEST_BODY = 256 * 2**20
_REMEDY = "check the URL (the API, usually port 9003), or leave --opencost away to use price tables"


def with_opencost(book: PriceBook, url: str) -> PriceBook:
    """The book with the hourly price of every node that OpenCost has seen in the last day.

    Raises:
        TransportError: nobody answered, or not as OpenCost does.
    """
    nodes = _node_prices(_fetch(url.rstrip("/") + "/assets"), url)
    if not nodes:
        raise TransportError("it knows no node", where=url, remedy=_REMEDY)
    return msgspec.structs.replace(book, source=f"OpenCost at {url}, over {book.source}", nodes=nodes)


def _fetch(url: str) -> Any:
    import httpx2  # noqa: PLC0415 - only who asks OpenCost pays for the import

    params = {"window": _WINDOW, "filter": 'assetType:"node"'}
    try:
        response = httpx2.get(url, params=params, timeout=_TIMEOUT_SECONDS, follow_redirects=False)
        response.raise_for_status()
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise TransportError(str(error), where=url, remedy=_REMEDY) from error
    if len(response.content) > _LONGEST_BODY:
        raise TransportError("the answer is too long", where=url, remedy=_REMEDY)
    try:
        return msgspec.json.decode(response.content)
    except msgspec.DecodeError as error:
        raise TransportError(f"the answer is no JSON: {error}", where=url, remedy=_REMEDY) from error


def _node_prices(answer: Any, url: str) -> dict[str, float]:
    data = answer.get("data") if isinstance(answer, dict) else None
    steps = data if isinstance(data, list) else [data]
    prices: dict[str, float] = {}
    try:
        for step in steps:
            for asset in (step or {}).values():
                if asset.get("type", "Node") != "Node":
                    continue
                name, minutes, cost = asset["properties"]["name"], asset["minutes"], asset["totalCost"]
                if minutes > 0 and cost >= 0:
                    prices[str(name)] = float(cost) * 60 / float(minutes)
    except (AttributeError, KeyError, TypeError) as error:
        raise TransportError(
            f"the answer has another shape than OpenCost's: {error}", where=url, remedy=_REMEDY
        ) from error
    return prices
