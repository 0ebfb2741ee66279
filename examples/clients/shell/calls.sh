#!/bin/sh
# The services from a shell, by reflection alone: no proto, no stub. Needs buf (npm install @bufbuild/buf).
#
#     sh calls.sh 127.0.0.1:50051
set -eu
address=$1
call() { buf curl --protocol grpc --http2-prior-knowledge "http://$address/handover.v1.$1" --data "$2"; }

echo "== methods"
buf curl --protocol grpc --http2-prior-knowledge --list-methods "http://$address" | grep EventStoreService

echo "== record; the same request id again records nothing again"
transfer='{
  "requestId": "b6a1f1f0-5a39-4f6c-9a54-4a8f0a3f7c11",
  "completed": {
    "attribution": {"sourceId": "demo-source", "locator": "first paragraph"},
    "leg": {"exchangeId": "demo-shell", "to": ["DE"], "unit": "UNIT_PERSON"},
    "count": {"value": 13}
  }
}'
call TransferService/RecordTransfer "$transfer"
call TransferService/RecordTransfer "$transfer"

echo "== figures"
call CountService/GetCountryCounts '{"countries": ["DE"], "minPosition": "1"}'

echo "== read; after_position is the last one that is known already"
call EventStoreService/Read '{"afterPosition": "0", "filter": {"items": [{"tags": ["to:DE"]}]}}'

echo "== an error says what is wrong and where"
call TransferService/RecordTransfer '{"completed": {}}' || true
