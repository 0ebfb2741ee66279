"""The client: the stubs of all services on one connection, and streams that go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

import grpc

from handover import streams
from handover.channel import Tls, connect, private
from handover.consume import Handler, consume
from handover.environment import variable
from handover.handshake import Handshake
from handover.position import PositionFile
from handover.retry import Repeating, Retry
from handover.streams import Interrupted, copied, quietly
from handover.token import WithToken, checked
from handover.v1 import backup_service_pb2_grpc, claim_service_pb2_grpc, consumer_group_service_pb2_grpc, count_service_pb2_grpc
from handover.v1 import count_service_pb2 as counts
from handover.v1 import event_store_service_pb2 as log
from handover.v1 import event_store_service_pb2_grpc, exchange_service_pb2_grpc, projection_service_pb2_grpc
from handover.v1 import exchange_service_pb2 as exchanges
from handover.v1 import source_service_pb2_grpc, statement_service_pb2_grpc, status_service_pb2_grpc
from handover.v1 import transfer_service_pb2_grpc, verification_service_pb2_grpc

SERVER = "http://127.0.0.1:50051"
"""Where a server listens that has no other setting."""


class Page(Protocol):
    """An answer that may have another page behind it."""

    next_page_token: str


P = TypeVar("P", bound=Page)


class Client:
    """A connection to a server.

    It has one stub for each service (`counts`, `transfers`, `log`, ...), whose methods take a request and return the answer, with
    the types of both. They raise `grpc.RpcError`; `handover.problem` takes it apart. A client may be used by several threads.
    """

    def __init__(
        self,
        server: str | None = None,
        *,
        tls: Tls | None = None,
        token: str | None = None,
        retry: Retry = Retry(),
    ) -> None:
        """`server` is `https://HOST:PORT`, `http://HOST:PORT` or `HOST:PORT`. What is not given is taken from the variables of the
        commands: HANDOVER_SERVER, HANDOVER_TLS_CA, HANDOVER_TLS_CERT, HANDOVER_TLS_KEY, and HANDOVER_TOKEN_FILE or HANDOVER_TOKEN.
        """
        self.retry = retry
        server = variable("HANDOVER_SERVER") or SERVER if server is None else server
        token = _token() if token is None else checked(token, "what was given as the token")
        tls = Tls.from_environment() if tls is None else tls
        self._channel = connect(server, tls, bool(token))
        self.handshake = Handshake(server, tls)
        interceptors: list[Any] = [Repeating(retry, self.handshake), *([WithToken(token)] if token else [])]
        channel = grpc.intercept_channel(self._channel, *interceptors)
        self.backups = backup_service_pb2_grpc.BackupServiceStub(channel)
        self.claims = claim_service_pb2_grpc.ClaimServiceStub(channel)
        self.counts = count_service_pb2_grpc.CountServiceStub(channel)
        self.exchanges = exchange_service_pb2_grpc.ExchangeServiceStub(channel)
        self.groups = consumer_group_service_pb2_grpc.ConsumerGroupServiceStub(channel)
        self.log = event_store_service_pb2_grpc.EventStoreServiceStub(channel)
        self.projections = projection_service_pb2_grpc.ProjectionServiceStub(channel)
        self.sources = source_service_pb2_grpc.SourceServiceStub(channel)
        self.statements = statement_service_pb2_grpc.StatementServiceStub(channel)
        self.status = status_service_pb2_grpc.StatusServiceStub(channel)
        self.transfers = transfer_service_pb2_grpc.TransferServiceStub(channel)
        self.verification = verification_service_pb2_grpc.VerificationServiceStub(channel)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection, and all calls on it."""
        self._channel.close()

    def store(self) -> str:
        """The name of the store that the server keeps. Keep it beside each position."""
        return self.log.GetHead(log.GetHeadRequest()).store

    def pages(self, method: Callable[[Any], P], request: Any) -> Iterator[P]:
        """Each page of a list, all true for one position: `client.pages(client.sources.ListSources, ListSourcesRequest())`."""
        request = copied(request)
        while True:
            page = method(request)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def subscribe(
        self, request: log.SubscribeRequest | None = None, interrupted: Interrupted = quietly
    ) -> Iterator[log.SubscribeResponse]:
        """Each frame of a subscription, without an end, over lost connections and restarts of the server.

        A frame counts as handled when the next one is taken. `interrupted` is called with each problem that passes.
        """
        return streams.subscribe(self, request or log.SubscribeRequest(), interrupted)

    def follow(
        self, kept: PositionFile, filter: log.Filter | None = None, interrupted: Interrupted = quietly
    ) -> Iterator[log.RecordedEvent]:
        """Each event after the position in a file, without an end, across restarts of this program too: at least once.

        The position is kept when the next event is taken. A server that keeps another store is refused. After a restore
        from before the position it raises `HistoryChanged`.
        """
        return streams.events(self, kept, filter, interrupted)

    def watch_counts(
        self, request: counts.WatchCountryCountsRequest, interrupted: Interrupted = quietly
    ) -> Iterator[list[counts.WatchCountryCountsResponse]]:
        """The figures, and then each change, without an end. What is true for one position comes in one list."""
        return streams.watch_counts(self, request, interrupted)

    def watch_exchange(
        self, request: exchanges.WatchExchangeRequest, interrupted: Interrupted = quietly
    ) -> Iterator[exchanges.WatchExchangeResponse]:
        """The story of an exchange, and then each later one, without an end."""
        return streams.watch_exchange(self, request, interrupted)

    def consume(
        self,
        group: str,
        consumer: str,
        handle: Handler,
        *,
        credit: int = 16,
        longest: float = 3_600,
        interrupted: Interrupted = quietly,
    ) -> None:
        """Takes part in a consumer group, without an end: `handle` gets one event after the other.

        `credit` events may wait here. An event that takes longer than `longest` seconds goes to another consumer. `handle`
        raises `NotHandled` for an event to be parked, skipped or tried again; another error ends the call.
        """
        consume(self, group, consumer, handle, credit, longest, interrupted)


def _token() -> str | None:
    """The token that the variables of the commands name."""
    if path := variable("HANDOVER_TOKEN_FILE"):
        return checked(private(path).decode(errors="replace"), f"HANDOVER_TOKEN_FILE: what {path} holds")
    token = variable("HANDOVER_TOKEN")
    return None if token is None else checked(token, "HANDOVER_TOKEN: the value")
