"""A node's proxy gives way to a new one while both serve: as a new ztunnel's rollout, nobody is refused on the way.

Both listen in the pods at the same ports. The new one must have everything that the old one has before the old one
sends its peers away.
"""

import asyncio
from contextlib import suppress

from sidestep.errors import TransportError
from sidestep.lab.envoy import Admin

_PATIENCE, _LOOK = 20.0, 0.02
_LISTENERS, _WARMING = "listener_manager.total_listeners_active", "listener_manager.total_listeners_warming"


async def take_over(old: Admin, new: Admin) -> None:
    """Wait until a new proxy listens wherever the old one does.

    Raises:
        TransportError: it does not come to that.
    """
    try:
        async with asyncio.timeout(_PATIENCE):
            while not await asyncio.to_thread(_listens_as, old, new):  # noqa: ASYNC110 - Envoy tells nobody
                await asyncio.sleep(_LOOK)
    except TimeoutError as error:
        raise TransportError(
            f"the new proxy does not listen as the old one after {_PATIENCE:g} s", remedy="see `sidestep lab logs`"
        ) from error


async def drain(old: Admin, seconds: float) -> bool:
    """Have peers turn to the new proxy; whether nobody is left, within some seconds after it took its last peer."""
    with suppress(TransportError):
        await asyncio.to_thread(old.drain)
    try:
        async with asyncio.timeout(seconds):
            while not await asyncio.to_thread(_empty, old):  # noqa: ASYNC110 - likewise
                await asyncio.sleep(_LOOK)
    except TimeoutError:
        return False
    return True


def _listens_as(old: Admin, new: Admin) -> bool:
    try:
        if not new.ready():
            return False
        has, needed = new.stats("^listener_manager"), old.stats("^listener_manager")
    except TransportError:
        return False
    return not has[_WARMING] and has[_LISTENERS] >= needed[_LISTENERS]


def _empty(old: Admin) -> bool:
    try:
        return old.drained()
    except TransportError:
        return True
