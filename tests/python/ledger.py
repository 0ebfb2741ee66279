"""A client that appends events over gRPC and remembers them, and reads figures back as plain rows.

Part of the independent check in test_figures.py.
"""

import typing
import uuid

from google.protobuf import message as protobuf
from handover.v1 import (
    common_pb2,
    count_service_pb2,
    count_service_pb2_grpc,
    event_store_service_pb2,
    event_store_service_pb2_grpc,
    events_pb2,
    figures_pb2,
)
from record import Completed, Corrected, Event, Leg, Number, Other, Preferred, Reported, Retracted

Message = protobuf.Message
Row = dict[str, typing.Any]
Rows = dict[tuple[str, str], dict[str, Row]]
# So small that answers have several pages.
PAGE = 20
SUBSETS = ("minors", "women", "civilians", "wounded")


def unit(number: int) -> str:
    """`person` or `remains`."""
    return common_pb2.Unit.Name(number).removeprefix("UNIT_").lower()


def category(number: int) -> str:
    """The word of the tables; empty: not said."""
    return common_pb2.Category.Name(number).removeprefix("CATEGORY_").lower() if number else ""


def wire_leg(leg: Leg) -> common_pb2.Leg:
    """A leg as it is sent."""
    said = f"CATEGORY_{leg.category.upper() or 'UNSPECIFIED'}"
    fields = {"from": sorted(leg.sent_by), "to": sorted(leg.sent_to)}
    return common_pb2.Leg(
        exchange_id=leg.exchange,
        unit=f"UNIT_{leg.unit.upper()}",
        category=said,
        portion=leg.portion,
        **fields,
    )


def wire(event: Event) -> Message:
    """An event as it is sent, from the recorder's own source."""
    source = common_pb2.Attribution(source_id="check")
    match event:
        case Completed(leg, number, of_which, occurred):
            count = common_pb2.Count(**{k: v for k, v in number._asdict().items() if v is not None})
            parts = common_pb2.OfWhich(**dict(of_which))
            return events_pb2.TransferCompleted(
                attribution=source,
                leg=wire_leg(leg),
                count=count,
                of_which=parts,
                occurred=occurred,
            )
        case Reported(exchange, part_of, parties, occurred):
            return events_pb2.ExchangeReported(
                attribution=source,
                exchange_id=exchange,
                part_of=part_of,
                parties=parties,
                occurred=occurred,
                status="EXCHANGE_STATUS_COMPLETED",
            )
        case Corrected(claim, replacement):
            corrected = events_pb2.ClaimCorrected(
                attribution=source, claim=claim, by="CORRECTED_BY_RECORDER"
            )
            corrected.replacement.Pack(wire(replacement))
            return corrected
        case Retracted(claim):
            return events_pb2.ClaimRetracted(attribution=source, claim=claim)
        case Preferred(claim, country, direction):
            meant = f"DIRECTION_{direction.upper() or 'UNSPECIFIED'}"
            return events_pb2.ClaimPreferred(
                attribution=source, claim=claim, country=country, direction=meant
            )
    raise AssertionError(f"cannot be sent: {event}")


def plain_leg(leg: common_pb2.Leg) -> Leg:
    """A leg as a plain value."""
    sent_by, sent_to = frozenset(getattr(leg, "from")), frozenset(leg.to)
    return Leg(
        leg.exchange_id, sent_by, sent_to, unit(leg.unit), category(leg.category), leg.portion
    )


def plain(message: Message) -> Event:
    """An event as a plain value: what the figures know of it."""
    if isinstance(message, events_pb2.TransferCompleted):
        count, parts = message.count, message.of_which
        given = {
            name: getattr(count, name) for name in ("value", "low", "high") if count.HasField(name)
        }
        named = tuple((part, getattr(parts, part)) for part in SUBSETS if parts.HasField(part))
        return Completed(
            plain_leg(message.leg),
            Number(approximate=count.approximate, **given),
            named,
            message.occurred,
        )
    if isinstance(message, events_pb2.ExchangeReported):
        return Reported(
            message.exchange_id, message.part_of, tuple(message.parties), message.occurred
        )
    if isinstance(message, events_pb2.ClaimRetracted):
        return Retracted(message.claim)
    exchange = getattr(message, "exchange_id", "") or (
        message.leg.exchange_id if hasattr(message, "leg") else ""
    )
    return Other(exchange)


def unattributed(holder: Message, name: str) -> tuple[int, int | None] | None:
    """Legs and bound of what is shared or open."""
    it = getattr(holder, name)
    bound = it.at_most if it.HasField("at_most") else None
    return (it.legs, bound) if holder.HasField(name) else None


def plain_figure(figure: figures_pb2.Figure) -> Row:
    """A figure of the server as a plain row, as figures.py makes them."""
    row: Row = {
        name: getattr(figure, name) if figure.HasField(name) else None
        for name in ("low", "high", "preferred")
    }
    row |= {name: getattr(figure, name) for name in ("exchanges", "disputed", "unnumbered")}
    row |= {name: unattributed(figure, name) for name in ("shared", "open")}
    named = [part for part in SUBSETS if figure.of_which.HasField(part)]
    parts = {part: getattr(figure.of_which, part) for part in named}
    row["of_which"] = {part: (it.low, it.high, it.legs) for part, it in parts.items()}
    flags = map(figures_pb2.FigureFlag.Name, figure.flags)
    row["flags"] = sorted(flag.removeprefix("FIGURE_FLAG_") for flag in flags)
    return row


class Ledger:
    """A connection, and what was appended over it, by position."""

    def __init__(self, channel):
        self.store = event_store_service_pb2_grpc.EventStoreServiceStub(channel)
        self.service = count_service_pb2_grpc.CountServiceStub(channel)
        self.events: dict[int, Event] = {}
        self.streams: dict[int, str] = {}
        # How far the events were there before a test changed anything.
        self.loaded = 0

    def send(self, message: Message, stream: str) -> int:
        """Appends an event to the stream that its kind belongs to; its position."""
        event = event_store_service_pb2.NewEvent()
        event.payload.Pack(message)
        write = event_store_service_pb2.StreamWrite(stream=stream, events=[event])
        request = event_store_service_pb2.AppendRequest(
            request_id=str(uuid.uuid4()), writes=[write]
        )
        position = self.store.Append(request).last_position
        self.streams[position] = stream
        return position

    def append(self, event: Event) -> int:
        """Appends an event given as a plain value; its position."""
        about = getattr(event, "claim", None)
        leg = getattr(event, "leg", event)
        stream = self.streams[about] if about else f"exchange/{leg.exchange}"
        position = self.send(wire(event), stream)
        self.events[position] = event
        return position

    def record(self, message: Message, stream: str) -> int:
        """Appends an event given as a message; its position."""
        position = self.send(message, stream)
        self.events[position] = plain(message)
        return position

    def recorded(self) -> typing.Iterator[event_store_service_pb2.RecordedEvent]:
        """All events of the server, by position."""
        for batch in self.store.Read(event_store_service_pb2.ReadRequest()):
            yield from batch.events

    def groups(self, by: str) -> list[count_service_pb2.CountGroup]:
        """The server's figures by `from` or `to`, of all pages."""
        request = count_service_pb2.CountTransfersRequest(
            group_by=[f"DIMENSION_{by.upper()}"], page_size=PAGE
        )
        return self._pages(self.service.CountTransfers, request, "groups")[0]

    def explained(
        self, country: str, unit: str, direction: str
    ) -> tuple[list[count_service_pb2.ExplainedExchange], Row]:
        """What each exchange adds to a figure, and the figure itself."""
        request = count_service_pb2.ExplainCountRequest(
            country=country,
            unit=f"UNIT_{unit.upper()}",
            direction=f"DIRECTION_{direction.upper()}",
            page_size=PAGE,
        )
        reported, last = self._pages(self.service.ExplainCount, request, "exchanges")
        # An exchange that goes on from the page before adds nothing again.
        shares = [exchange for exchange in reported if not exchange.continues]
        return shares, plain_figure(last.figure)

    def _pages(self, call: typing.Callable, request: Message, name: str) -> tuple[list, Message]:
        """A field of all pages, and the last page."""
        found = []
        while True:
            page = call(request)
            found += getattr(page, name)
            if not page.next_page_token:
                return found, page
            request.page_token = page.next_page_token

    def counts(
        self, countries: typing.Iterable[str] = (), occurred: str = "", as_of: int = 0
    ) -> Rows:
        """The server's figures."""
        request = count_service_pb2.GetCountryCountsRequest(
            countries=countries, occurred=occurred, min_position=max(self.events, default=0)
        )
        if as_of:
            request.as_of.position = as_of
        rows: Rows = {}
        for row in self._pages(self.service.GetCountryCounts, request, "counts")[0]:
            given = [name for name in ("received", "sent") if row.HasField(name)]
            rows[row.country, unit(row.unit)] = {
                name: plain_figure(getattr(row, name)) for name in given
            }
        return rows
