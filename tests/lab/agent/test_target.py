"""Where a request goes, by its URL."""

import pytest

from sidestep.errors import UsageError
from sidestep.lab.agent.client.target import target_of


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "authority"),
    [
        ("http://cart", "cart", 80, "/", "cart"),
        ("http://cart.shop:8080/a?b=c", "cart.shop", 8080, "/a?b=c", "cart.shop:8080"),
        (
            "http://cart.shop.svc.cluster.local.:80/",
            "cart.shop.svc.cluster.local.",
            80,
            "/",
            "cart.shop.svc.cluster.local:80",
        ),
        ("grpc://cart./a.B/C", "cart.", 80, "/a.B/C", "cart"),
        ("http://[fd00::1]:80/", "fd00::1", 80, "/", "[fd00::1]:80"),
    ],
)
def test_the_parts_of_a_url(url, host, port, path, authority):
    found = target_of(url)
    assert (found.host, found.port, found.path, found.authority) == (host, port, path, authority)


@pytest.mark.parametrize("url", ["cart", "ftp://cart/", "http://", "http://cart:x/"])
def test_what_is_no_url_is_refused(url):
    with pytest.raises(UsageError):
        target_of(url)
