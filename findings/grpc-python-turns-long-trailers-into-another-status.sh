#!/usr/bin/env bash
# grpcio 1.85.3 (PyPI): when a call ends with more than 16 KiB of trailing metadata, a client with default settings does not see
# the status that the server ended it with, but RESOURCE_EXHAUSTED. Error details travel in that metadata. A conflict (ABORTED)
# with long details therefore arrives as a code that retry policies repeat. 6,000 bytes arrive with their status.
# For handover: the whole block of an error's trailers is kept below about 6 KiB as it is encoded.
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT && cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check grpcio==1.85.3
cat > call.py <<'PY'
from concurrent.futures import ThreadPoolExecutor
import grpc

def end(request, context):
    context.set_trailing_metadata((("demo-details-bin", b"x" * int(request)),))
    context.abort(grpc.StatusCode.ABORTED, "another client wrote first")

handler = grpc.unary_unary_rpc_method_handler(end)
server = grpc.server(ThreadPoolExecutor(1))
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("demo.Demo", {"End": handler}),))
port = server.add_insecure_port("127.0.0.1:0")
server.start()

def code(size):
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            channel.unary_unary("/demo.Demo/End")(str(size).encode(), timeout=20)
        except grpc.RpcError as error:
            return error.code()

seen = {size: code(size) for size in (6_000, 17_000)}
print(seen)
server.stop(0).wait(10)
assert seen == {6_000: grpc.StatusCode.ABORTED, 17_000: grpc.StatusCode.RESOURCE_EXHAUSTED}
PY
venv/bin/python call.py 2>/dev/null
