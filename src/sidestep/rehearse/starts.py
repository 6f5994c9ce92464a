"""How long pods take from being made until they are ready, by what stands beside or below them."""

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from statistics import median
from typing import Any, Self

from sidestep.errors import SidestepError
from sidestep.lab.api import messages as api
from sidestep.lab.api.client import Client
from sidestep.lab.cluster.pods import is_ready
from sidestep.model.kinds import POD
from sidestep.rehearse.result import Start
from sidestep.semantics.loose import as_dict, as_dicts
from sidestep.semantics.proxies import GATEWAY_NAME, PROXY, REDIRECTION


class Starts:
    """Watches pods until it is left.

    Args:
        speaker: to the lab.
    """

    def __init__(self, speaker: Client) -> None:
        self._speaker = speaker
        self._made: dict[str, float] = {}
        self._took: dict[str, tuple[str, float]] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="starts", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def by_kind(self) -> Mapping[str, Start]:
        """Pods that were made and got ready while it watched: with a sidecar, in ambient, or plain."""
        found: dict[str, list[float]] = {}
        for kind, seconds in dict(self._took).values():
            found.setdefault(kind, []).append(seconds)
        return {kind: Start(len(took), median(took), max(took)) for kind, took in sorted(found.items())}

    def _watch(self) -> None:
        """Pods that were there before are not told how long they took."""
        told = False
        with suppress(SidestepError):
            for event in self._speaker.events(api.Watch([POD.key])):
                if self._over.is_set():
                    return
                told = told or event["type"] == "SYNCED"
                if told and event["type"] in {"ADDED", "MODIFIED"}:
                    self._see(event["type"] == "ADDED", event["object"])

    def _see(self, new: bool, pod: dict[str, Any]) -> None:
        uid, now = str(pod["metadata"]["uid"]), time.monotonic()
        if new:
            self._made[uid] = now
        if uid in self._made and uid not in self._took and is_ready(pod):
            self._took[uid] = (_kind(pod), now - self._made[uid])


def _kind(pod: dict[str, Any]) -> str:
    meta = as_dict(pod.get("metadata"))
    if GATEWAY_NAME in as_dict(meta.get("labels")):
        return "gateway"
    spec = as_dict(pod.get("spec"))
    rows = (*as_dicts(spec.get("containers")), *as_dicts(spec.get("initContainers")))
    if any(row.get("name") == PROXY for row in rows):
        return "sidecar"
    return "ambient" if as_dict(meta.get("annotations")).get(REDIRECTION) == "enabled" else "plain"
