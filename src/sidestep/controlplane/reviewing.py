"""When open connections are judged again: after every proxy has taken a change, so that who is cut cannot come back."""

import asyncio
import sys

from sidestep.controlplane.ads.plane import Plane
from sidestep.controlplane.records import Dirty, WorkloadUid
from sidestep.controlplane.review import Review
from sidestep.errors import SidestepError

_PATIENCE, _LOOK = 5.0, 0.005


class Reviewing:
    """Judges in the background.

    Args:
        plane: that tells proxies.
        review: that judges.
    """

    def __init__(self, plane: Plane, review: Review) -> None:
        self._plane, self._review = plane, review
        self._waiting: dict[WorkloadUid, None] = {}
        self._there = asyncio.Event()
        self.cut = 0
        """How many connections were cut."""

    async def notice(self, dirty: Dirty) -> None:
        """Hear of a change; to be awaited before the next is made."""
        concerned = await asyncio.to_thread(self._review.notice, dirty)
        if concerned:
            self._waiting.update(dict.fromkeys(sorted(concerned)))
            self._there.set()

    @property
    def idle(self) -> bool:
        """Whether nothing is left to be judged."""
        return not self._waiting and not self._there.is_set()

    async def run(self) -> None:
        """Judge as long as there is something to judge."""
        while True:
            await self._there.wait()
            self._there.clear()
            await self._settled()
            while self._waiting:
                uid = next(iter(self._waiting))
                del self._waiting[uid]
                self._judge(uid)
                await asyncio.sleep(0)

    def _judge(self, uid: WorkloadUid) -> None:
        try:
            self.cut += self._review.cut(uid)
        except SidestepError as error:
            sys.stderr.write(f"connections of {uid} stay open: {error}\n")

    async def _settled(self) -> None:
        """Wait for proxies, but not for ever for one that is stuck."""
        try:
            async with asyncio.timeout(_PATIENCE):
                while not self._plane.settled:  # noqa: ASYNC110 - any of many sessions may be the last
                    await asyncio.sleep(_LOOK)
        except TimeoutError:
            return
