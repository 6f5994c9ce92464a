"""WasmPlugins and TrafficExtensions in lists of HTTP filters: Lua, and modules of WebAssembly that are files.

Source: pilot/pkg/networking/core/extension/extensionfilter.go, pilot/pkg/model/extensions.go (buildWasmConfig). Nobody
fetches modules in a lab: one that is no file is told, and where its `failStrategy` shuts, requests are answered 500, as
by a proxy of Istio's that waits for it.
"""

from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import urlsplit

import msgspec
from envoy.config.core.v3.base_pb2 import AsyncDataSource
from envoy.config.listener.v3.listener_components_pb2 import FilterChain
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.filters.http.fault.v3.fault_pb2 import HTTPFault
from envoy.extensions.filters.http.lua.v3.lua_pb2 import Lua
from envoy.extensions.filters.http.wasm.v3.wasm_pb2 import Wasm
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
    HttpFilter,
)
from envoy.extensions.wasm.v3.wasm_pb2 import FailurePolicy, PluginConfig
from google.protobuf.wrappers_pb2 import StringValue

from sidestep.controlplane.generators.http.actions import CORS, FAULT
from sidestep.controlplane.generators.http.authorization import JWT_FILTER
from sidestep.controlplane.generators.http.filters import AUDIT, ROUTER
from sidestep.controlplane.generators.http.remarks import Remark
from sidestep.controlplane.generators.node.messages import packed
from sidestep.semantics.envoy_filters import Context
from sidestep.semantics.loose import as_dict, as_dicts, as_text
from sidestep.semantics.modules import Module, Phase

_MANAGER = "envoy.filters.network.http_connection_manager"
_ROUTING = (FAULT, CORS, ROUTER)
_BEFORE = {
    Phase.AUTHN: (JWT_FILTER, AUDIT, *_ROUTING),
    Phase.AUTHZ: (AUDIT, *_ROUTING),
    Phase.STATS: _ROUTING,
    Phase.UNSPECIFIED: _ROUTING,
}
"""The first of these that a list has is the one before which a phase's filters stand."""
_OF_REQUESTS = frozenset({AUDIT, FAULT})
"""One of these is in each list but that of tunnels, in which no code runs."""
_POLICIES = {
    "FAIL_OPEN": FailurePolicy.FAIL_OPEN,
    "FAIL_CLOSE": FailurePolicy.FAIL_CLOSED,
    "FAIL_RELOAD": FailurePolicy.FAIL_RELOAD,
}
_FILE, _NETWORK, _OPEN = "file", "NETWORK", "FAIL_OPEN"


def remarks(modules: Iterable[Module]) -> list[Remark]:
    """What of modules is not carried out, and why."""
    return [Remark(each.object, *lost) for each in modules if (lost := _lost(each)) is not None]


def with_modules(listener: Listener, modules: Sequence[Module], context: Context) -> Listener:
    """A listener whose connection managers run what is for their traffic."""
    if not modules:
        return listener
    made = Listener()
    made.CopyFrom(listener)
    for chain in (*made.filter_chains, *([made.default_filter_chain] if made.HasField("default_filter_chain") else ())):
        port = chain.filter_chain_match.destination_port.value or made.address.socket_address.port_value
        _insert(chain, [each for each in modules if each.runs_in(context, port)])
    return made


def _insert(chain: FilterChain, modules: Sequence[Module]) -> None:
    for each in chain.filters:
        if each.name != _MANAGER or not modules:
            continue
        manager = HttpConnectionManager.FromString(each.typed_config.value)
        if not any(found.name in _OF_REQUESTS for found in manager.http_filters):
            continue
        for phase in Phase:
            names = [found.name for found in manager.http_filters]
            place = next(names.index(name) for name in _BEFORE[phase] if name in names)
            for module in reversed([one for one in modules if one.phase is phase]):
                for made in _filter(module):
                    manager.http_filters.insert(place, made)
        each.typed_config.CopyFrom(packed(manager))


def _filter(module: Module) -> Iterator[HttpFilter]:
    name = f"{module.object.kind}/{module.object.namespace}.{module.object.name}"
    if module.lua:
        yield HttpFilter(name=name, typed_config=packed(Lua(default_source_code={"inline_string": module.lua})))
    elif module.wasm is not None and _lost(module) is None:
        yield HttpFilter(name=name, typed_config=packed(Wasm(config=_plugin(module))))
    elif module.wasm is not None and as_text(module.wasm.get("failStrategy")) != _OPEN and not _is_of_bytes(module):
        always = {"numerator": 100}
        yield HttpFilter(name=name, typed_config=packed(HTTPFault(abort={"http_status": 500, "percentage": always})))


def _plugin(module: Module) -> PluginConfig:
    said = module.wasm or {}
    found = PluginConfig(
        name=f"{module.object.namespace}.{module.object.name}",
        root_id=as_text(said.get("pluginName")),
        failure_policy=_POLICIES.get(as_text(said.get("failStrategy")), FailurePolicy.UNSPECIFIED),
    )
    found.vm_config.runtime = "envoy.wasm.runtime.v8"
    code = AsyncDataSource(local={"filename": urlsplit(as_text(said.get("url"))).path})
    found.vm_config.code.CopyFrom(code)
    if said.get("pluginConfig"):
        told = msgspec.json.encode(said["pluginConfig"]).decode()
        found.configuration.CopyFrom(packed(StringValue(value=told)))
    for each in as_dicts(as_dict(said.get("vmConfig")).get("env")):
        if as_text(each.get("valueFrom")) != "HOST":
            found.vm_config.environment_variables.key_values[as_text(each.get("name"))] = as_text(each.get("value"))
    return found


def _lost(module: Module) -> tuple[str, str] | None:
    """The field for which nothing runs, and why; None where something does."""
    if module.lua:
        return None
    if module.wasm is None:
        return "lua.inlineCode", "neither Lua nor a module of WebAssembly is named"
    if _is_of_bytes(module):
        return "type", "the lab runs modules on requests alone, and not on bytes"
    if urlsplit(as_text(module.wasm.get("url"))).scheme != _FILE:
        return "url", "nobody fetches modules in a lab: expected file:///… of this machine"
    return None


def _is_of_bytes(module: Module) -> bool:
    return as_text((module.wasm or {}).get("type")) == _NETWORK
