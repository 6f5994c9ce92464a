"""A receiver of spans that is none of ours: OTLP over gRPC at 4317 and over HTTP at 4318; a line to stdout for each request.

Run as a pod's own command.
"""

import asyncio
import json
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

_METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_BY_SCOPE = ResourceSpans.DESCRIPTOR.fields_by_number[2].name
"""Renamed in newer versions of the protocol, and the same on the wire."""


def told(how: str, headers: dict[str, str], message: bytes) -> None:
    request = ExportTraceServiceRequest.FromString(message)
    spans = [
        {
            "trace": span.trace_id.hex(),
            "attributes": {
                each["key"]: next(iter(each["value"].values())) for each in MessageToDict(span)["attributes"]
            },
            "resource": {each.key: each.value.string_value for each in resource.resource.attributes},
        }
        for resource in request.resource_spans
        for scope in getattr(resource, _BY_SCOPE)
        for span in scope.spans
    ]
    sys.stdout.write(json.dumps({"how": how, "headers": headers, "spans": spans}) + "\n")
    sys.stdout.flush()


class _Calls(grpc.GenericRpcHandler):
    def service(self, call: Any) -> Any:
        headers = {each.key: each.value for each in call.invocation_metadata if isinstance(each.value, str)}

        async def answer(message: bytes, _: grpc.aio.ServicerContext) -> bytes:
            told("grpc", headers, message)
            return ExportTraceServiceResponse().SerializeToString()

        return grpc.unary_unary_rpc_method_handler(answer) if call.method == _METHOD else None


class _Posts(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        message = self._body()
        told("http", {":path": self.path, **{key.lower(): value for key, value in self.headers.items()}}, message)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def _body(self) -> bytes:
        if (size := self.headers["content-length"]) is not None:
            return self.rfile.read(int(size))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its parent's word
        """Nothing."""


class _Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6


async def main() -> None:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_Calls(),))
    server.add_insecure_port("[::]:4317")
    await server.start()
    Thread(target=_Server(("::", 4318), _Posts).serve_forever, daemon=True).start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main())
