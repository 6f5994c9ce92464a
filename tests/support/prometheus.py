"""A real Prometheus with a past of our own making, or one that scrapes."""

import json
import ssl
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.servers import free_port, running, server_binary, wait_until

from sidestep.lab.metrics.endpoint import Endpoint

END = 1_790_000_000
"""The moment at which tests ask."""
STEP = 60
_SCRAPE = """
global: {{scrape_interval: 1s}}
scrape_configs: [{{job_name: lab, static_configs: [{{targets: ["{}"]}}]}}]
"""
Asked = Callable[[str], list[dict[str, str]]]
"""Labels of the series that an expression finds."""


def series(name: str, labels: dict[str, str], values: Iterable[float], ended: int = 0) -> Iterator[str]:
    """One series, a sample a minute, the last `ended` minutes before END."""
    spelled = ",".join(f'{key}="{value}"' for key, value in labels.items())
    listed = list(values)
    first = END - STEP * (ended + len(listed) - 1)
    for index, value in enumerate(listed):
        yield f"{name}{{{spelled}}} {value} {first + index * STEP}"


def counter(per_second: float, minutes: int) -> list[float]:
    """A counter that grows evenly."""
    return [per_second * STEP * minute for minute in range(minutes)]


def steady(value: float, minutes: int) -> list[float]:
    return [value] * minutes


@contextmanager
def prometheus(
    folder: Path, lines: Iterable[str], *flags: str, ca: str = "", config: str = "global: {}\n"
) -> Iterator[str]:
    """Start one that remembers the samples; gives its URL.

    Args:
        folder: where it may write.
        lines: samples in OpenMetrics' text.
        flags: further flags of Prometheus.
        config: of Prometheus.
        ca: file with its certificate authority, where `flags` make it speak TLS.
    """
    program, promtool = server_binary("prometheus"), server_binary("promtool")
    past, data, configured = folder / "past.txt", folder / "data", folder / "prometheus.yml"
    by_family: dict[str, list[str]] = {}
    for line in lines:
        by_family.setdefault(line.partition("{")[0], []).append(line)
    text = "".join(f"# TYPE {family} unknown\n" + "\n".join(found) + "\n" for family, found in by_family.items())
    past.write_text(text + "# EOF\n")
    configured.write_text(config)
    subprocess.run([promtool, "tsdb", "create-blocks-from", "openmetrics", past, data], check=True, capture_output=True)
    port = free_port()
    command = [
        str(program), "--config.file", str(configured), "--storage.tsdb.path", str(data), "--storage.tsdb.retention.time", "50y",
        "--web.listen-address", f"127.0.0.1:{port}", *flags,
    ]  # fmt: skip
    url = f"http{'s' if ca else ''}://127.0.0.1:{port}"
    trusted = ssl.create_default_context(cafile=ca) if ca else None
    with running(command, folder / "prometheus.log") as process:
        ready = lambda: urllib.request.urlopen(f"{url}/-/ready", timeout=2, context=trusted).status == 200  # noqa: E731
        wait_until(ready, process, folder / "prometheus.log")
        yield url


@contextmanager
def scraping(folder: Path, told: Callable[[], str]) -> Iterator[Asked]:
    """One that scrapes every second what is told; gives how to ask it."""
    with Endpoint("127.0.0.1", 0, told) as endpoint:
        threading.Thread(target=endpoint.serve_forever, daemon=True).start()
        target = endpoint.url.removeprefix("http://").removesuffix("/metrics")
        with prometheus(folder, [f'some{{a="b"}} 1 {END}'], config=_SCRAPE.format(target)) as url:

            def ask(expression: str) -> list[dict[str, str]]:
                asked = f"{url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
                with urllib.request.urlopen(asked, timeout=5) as answer:
                    return [each["metric"] for each in json.load(answer)["data"]["result"]]

            yield ask
        endpoint.shutdown()


def complaints(text: str) -> str:
    """What Prometheus' own checker says of metrics; empty for nothing."""
    command = [server_binary("promtool"), "check", "metrics"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 and not done.stderr else done.stdout + done.stderr
