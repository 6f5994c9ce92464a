"""The mesh's settings as they stand today, with the one change that ambient needs of them.

The chart merges `meshConfig` over what it writes by itself (templates/configmap.yaml), so everything that is given
here survives, fields that nobody here knows included.
"""

from collections.abc import Iterator
from typing import Any

from sidestep.model.metadata import ObjectId
from sidestep.plan.install.current import Current
from sidestep.plan.install.trees import inner
from sidestep.plan.install.values import Setting

HBONE = "ISTIO_META_ENABLE_HBONE"
DNS_CAPTURE = "ISTIO_META_DNS_CAPTURE"
_METADATA = ("meshConfig", "defaultConfig", "proxyMetadata")


def mesh_settings(found: Current) -> Iterator[Setting]:
    """`meshConfig`: what is set today, then HBONE for sidecars."""
    if found.mesh_config is None or found.mesh is None:
        yield _hbone("the ambient profile's: sidecars started from now on take HBONE on 15008")
        return
    where = found.mesh_config.id
    yield from _kept(found, found.mesh, where)
    old = inner(found.mesh, "defaultConfig", "proxyMetadata", HBONE)
    if old not in (None, "true", True):
        field = f"{found.mesh_field}: defaultConfig.proxyMetadata.{HBONE}"
        because = f"was {old!r}: a sidecar without HBONE is reached in plain text by ambient clients"
        yield Setting((*_METADATA, HBONE), "true", because, where, field)
    else:
        yield _hbone("sidecars started from now on take HBONE on 15008")


def captures_dns(found: Current) -> bool:
    """Whether sidecars answer DNS today."""
    return str(inner(found.mesh, "defaultConfig", "proxyMetadata", DNS_CAPTURE)).lower() == "true"


def _kept(found: Current, mesh: dict[str, Any], where: ObjectId) -> Iterator[Setting]:
    for key, value in mesh.items():
        kept = _proxy_defaults(found, value) if key == "defaultConfig" else value
        if key == "defaultConfig" and not isinstance(kept, dict):
            continue
        yield Setting(("meshConfig", key), kept, "set today, kept", where, f"{found.mesh_field}: {key}")


def _proxy_defaults(found: Current, defaults: object) -> dict[str, Any] | None:
    """Less the address of the control plane where it is the one that the chart writes; less what is no mapping."""
    if not isinstance(defaults, dict):
        return None
    kept = {key: value for key, value in defaults.items() if key != "proxyMetadata" or isinstance(value, dict)}
    address = str(kept.get("discoveryAddress", ""))
    if address.startswith("istiod") and address.endswith(f".{found.namespace}.svc:15012"):
        del kept["discoveryAddress"]
    return kept


def _hbone(because: str) -> Setting:
    return Setting((*_METADATA, HBONE), "true", because)
