"""Records that 13 persons came to Germany, and reads what that makes of Germany's figure.

    python3 record.py 127.0.0.1:50051 [REQUEST-ID]

The same request id again records nothing again, whatever happened to the first answer.
"""

import sys
import uuid

import grpc
from services import common, connect, count_service, counts, events, reason, transfer_service, transfers

address = sys.argv[1]
request_id = sys.argv[2] if len(sys.argv) > 2 else str(uuid.uuid4())

completed = events.TransferCompleted(
    attribution=common.Attribution(source_id="demo-source", locator="first paragraph"),
    leg=common.Leg(exchange_id="demo-python", to=["DE"], unit=common.UNIT_PERSON),
    count=common.Count(value=13),
)
with connect(address) as channel:
    request = transfers.RecordTransferRequest(request_id=request_id, completed=completed)
    try:
        receipt = transfer_service.TransferServiceStub(channel).RecordTransfer(request, timeout=10).receipt
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name} {reason(error)}: {error.details()}")
    print(f"position {receipt.position}, {'recorded before' if receipt.duplicate else 'recorded now'}")
    if receipt.HasField("undone"):
        print(f"it has no effect any more, because of {receipt.undone.by}: take a new id to mean it anew")

    # min_position: the answer includes what was just written.
    request = counts.GetCountryCountsRequest(countries=["DE"], min_position=receipt.position)
    for row in count_service.CountServiceStub(channel).GetCountryCounts(request, timeout=10).counts:
        figure = row.received
        number = figure.preferred if figure.HasField("preferred") else "no single number"
        print(f"{row.country} received {number}")
