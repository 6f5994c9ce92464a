"""Calls that a pod's workload makes onward, with connections that are kept."""

from sidestep.lab.agent.client.ask import Client
from sidestep.lab.agent.messages import Request
from sidestep.lab.workload.application import Called
from sidestep.lab.workload.exchange import Headers


class Onward:
    """Calls onward from one pod."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def call(self, url: str, headers: Headers, seconds: float) -> Called:
        """Ask, with these headers; never raises. A URL may begin with a method: `POST http://…`."""
        method, _, rest = url.rpartition(" ")
        outcome = await self._client.ask(Request(rest, method or "GET", headers, timeout=seconds))
        taken = round(outcome.milliseconds, 3)
        return Called(url, outcome.ok, outcome.kind, outcome.code, outcome.pod, taken, outcome.detail)
