"""A server that speaks Prometheus' API and answers by what is asked."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

from tests.support.http import Answer, serving


def vector(*samples: tuple[dict[str, str], str], **more) -> Answer:
    result = [{"metric": labels, "value": [1, value]} for labels, value in samples]
    tree = {"status": "success", "data": {"resultType": "vector", "result": result}, **more}
    return Answer(body=json.dumps(tree).encode())


def failure(status: int, told: str) -> Answer:
    return Answer(status, json.dumps({"status": "error", "errorType": "x", "error": told}).encode())


OWNED = {"namespace": "shop", "owner_kind": "Deployment", "owner_name": "cart"}
NAMED = {"namespace": "shop", "stem": "cart", "form": "replicaset"}
RECEIVED = {"destination_workload_namespace": "shop", "destination_workload": "cart"}


def healthy(query: str) -> Answer:
    """One workload, cart, with an owner; every figure is 7."""
    if query.startswith("count by (namespace, cluster)"):
        return vector(({"namespace": "shop"}, "2"))
    if query.startswith("count by (namespace, owner_kind)"):
        return vector(({"namespace": "shop", "owner_kind": "Deployment"}, "2"))
    return vector((RECEIVED if "istio_" in query else OWNED if "owner_name" in query else NAMED, "7"))


@contextmanager
def speaking(answer: Callable[[str], Answer]) -> Iterator[str]:
    """Answers each query; gives the URL."""
    with serving(lambda path, _: answer(parse_qs(urlsplit(path).query).get("query", [""])[0])) as url:
        yield url
