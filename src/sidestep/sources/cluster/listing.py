"""List everything of a kind, page by page, from one consistent view of the server.

A page's `continue` token holds the resourceVersion of the first. When the server has forgotten it (410), the list is
started again, because a mixture of two moments could show a mesh that never was. The next page is fetched while the
last one is being read.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec
from msgspec import Raw, Struct

from sidestep.sources.cluster.client import ApiClient, FailureKind, Get, RequestError, decoded

PAGE = 500
RESTARTS = 3

Params = tuple[tuple[str, str], ...]


class _ListMeta(Struct, rename="camel", frozen=True):
    continue_: str = msgspec.field(default="", name="continue")
    resource_version: str = ""
    remaining_item_count: int | None = None


class Page(Struct, rename="camel", frozen=True):
    """One page; `items` may be null for an empty list."""

    metadata: _ListMeta = _ListMeta()
    items: list[Raw] | None = None


class Restart(Struct, frozen=True):
    """Everything listed so far is void: the list starts again."""


def pages(client: ApiClient, path: str, params: Params = ()) -> Iterator[Page | Restart]:
    """All pages of a list.

    Raises:
        RequestError: a page could not be had, or the list had to start again too often.
    """
    restarts = 0
    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(_page, client, path, params, "")
        while True:
            try:
                page = coming.result()
            except RequestError as error:
                if error.kind is not FailureKind.GONE or restarts >= RESTARTS:
                    raise
                restarts += 1
                yield Restart()
                coming = ahead.submit(_page, client, path, params, "")
                continue
            token = page.metadata.continue_
            if token:
                coming = ahead.submit(_page, client, path, params, token)
            yield page
            if not token:
                return


def _page(client: ApiClient, path: str, params: Params, token: str) -> Page:
    asked = (*params, ("limit", str(PAGE)), *((("continue", token),) if token else ()))
    page: Page = decoded(client.get(Get(path, asked)), Page)
    return page
