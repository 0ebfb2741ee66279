"""A client of handover, the public record of prisoner exchanges.

    from handover import Client
    from handover.v1 import count_service_pb2 as counts

    with Client("127.0.0.1:50051") as client:
        print(client.counts.GetCountryCounts(counts.GetCountryCountsRequest(countries=["DE"])))

`Client` has the stubs of all services, with their types. What a client should do beyond the fields is built in: each write
has a request id, calls are repeated as errors say, streams go on after an interruption.
"""

from handover.channel import Tls
from handover.client import Client
from handover.consume import NotHandled
from handover.errors import HistoryChanged, NotConnected, Problem, problem
from handover.position import PositionFile
from handover.retry import Retry

__all__ = ["Client", "HistoryChanged", "NotConnected", "NotHandled", "PositionFile", "Problem", "Retry", "Tls", "problem"]
