"""Workloads that are gone, for who asks afterwards whom a proxy spoke with."""

from sidestep.controlplane.records import Workload, WorkloadUid

_MOST = 10_000


class Departed:
    """The last that went.

    Args:
        most: how many are kept.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._by_uid: dict[WorkloadUid, Workload] = {}
        self._at: dict[str, WorkloadUid] = {}

    def keep(self, workload: Workload) -> None:
        """One that went just now."""
        self._by_uid.pop(workload.uid, None)
        self._by_uid[workload.uid] = workload
        if not workload.host_network:
            self._at.update(dict.fromkeys(workload.addresses, workload.uid))
        if len(self._by_uid) > self._most:
            self._forget(self._by_uid[next(iter(self._by_uid))])

    def named(self, uid: WorkloadUid) -> Workload | None:
        """The one with a key."""
        return self._by_uid.get(uid)

    def at(self, address: str) -> Workload | None:
        """The last one with an address."""
        return self._by_uid.get(self._at.get(address, WorkloadUid("")))

    def _forget(self, workload: Workload) -> None:
        del self._by_uid[workload.uid]
        for address in workload.addresses:
            if self._at.get(address) == workload.uid:
                del self._at[address]
