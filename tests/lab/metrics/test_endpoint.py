"""Metrics over HTTP: what is answered, and what is refused in words."""

import threading
import urllib.error
import urllib.request
from contextlib import contextmanager

import click
import pytest

from sidestep.cli.lab.metrics import Place
from sidestep.errors import TransportError, WorldError
from sidestep.lab.metrics.endpoint import Endpoint


@contextmanager
def served(text, host="127.0.0.1"):
    with Endpoint(host, 0, text) as endpoint:
        threading.Thread(target=endpoint.serve_forever, daemon=True).start()
        yield endpoint
        endpoint.shutdown()


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read().decode()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_each_scrape_is_answered_anew(host):
    numbers = iter(range(9))
    with served(lambda: f"some_total {next(numbers)}\n", host) as endpoint:
        assert get(endpoint.url) == (200, "text/plain; version=0.0.4; charset=utf-8", "some_total 0\n")
        assert get(f"{endpoint.url}?x=y")[2] == "some_total 1\n"
        assert get(endpoint.url.replace("metrics", "admin"))[0] == 404


def gone():
    raise TransportError("no lab is up")


def test_a_lab_that_does_not_answer_is_told_as_such_and_asked_again():
    with served(gone) as endpoint:
        assert [get(endpoint.url)[::2] for _ in range(2)] == [(503, "no lab is up\n")] * 2


def test_a_port_that_is_taken_is_named():
    with served(str) as endpoint, pytest.raises(WorldError) as told:
        Endpoint("127.0.0.1", endpoint.server_port, str)
    assert told.value.where == f"127.0.0.1:{endpoint.server_port}"


@pytest.mark.parametrize(
    ("text", "place"),
    [("9090", ("127.0.0.1", 9090)), ("0.0.0.0:1", ("0.0.0.0", 1)), ("[::1]:0", ("::1", 0))],  # noqa: S104
)
def test_places_to_listen_at(text, place):
    assert Place().convert(text, None, None) == place


@pytest.mark.parametrize("text", ["", "http", "65536", "-1", "localhost:80", "1.2.3:80", "::1"])
def test_what_is_no_place(text):
    with pytest.raises(click.BadParameter):
        Place().convert(text, None, None)
