"""What the record says: events as plain values, and what is left of them as of a position.

Part of the independent check in test_figures.py. Nothing here speaks of protobuf or of
how the server keeps claims.
"""

import calendar
import datetime
import typing

Side = frozenset


class Leg(typing.NamedTuple):
    """One flow of an exchange; all six fields identify it."""

    exchange: str
    sent_by: Side
    sent_to: Side
    unit: str = "person"
    category: str = ""
    portion: str = ""


class Number(typing.NamedTuple):
    """A number as it was claimed; without any of the three, no number was given."""

    value: int | None = None
    low: int | None = None
    high: int | None = None
    approximate: bool = False

    def ends(self) -> tuple[int, int] | None:
        """The smallest and the largest number meant. A bound alone stands for both."""
        if self.value is not None:
            return self.value, self.value
        given = [end for end in (self.low, self.high) if end is not None]
        return (given[0], given[-1]) if given else None


class Completed(typing.NamedTuple):
    """So many were handed over."""

    leg: Leg
    number: Number
    of_which: tuple[tuple[str, int], ...] = ()
    occurred: str = ""


class Reported(typing.NamedTuple):
    """The state of an exchange."""

    exchange: str
    part_of: str = ""
    parties: tuple[str, ...] = ()
    occurred: str = ""


class Corrected(typing.NamedTuple):
    """A claim should read so."""

    claim: int
    replacement: "Completed | Reported"


class Retracted(typing.NamedTuple):
    """A claim is withdrawn."""

    claim: int


class Preferred(typing.NamedTuple):
    """Use this claim for its leg or, with a country, for that country's figure in the exchange."""

    claim: int
    country: str = ""
    direction: str = ""


class Other(typing.NamedTuple):
    """An event that enters no figure, known by the exchange, the parties and the date it names."""

    exchange: str = ""
    parties: tuple[str, ...] = ()
    occurred: str = ""


Event = Completed | Reported | Corrected | Retracted | Preferred | Other


class Record:
    """What stands after some events, by position."""

    def __init__(self, events: typing.Mapping[int, Event]):
        gone = {event.claim for event in events.values() if isinstance(event, Retracted)}
        alive = {at: event for at, event in sorted(events.items()) if at not in gone}
        for event in list(alive.values()):
            if isinstance(event, Corrected) and event.claim in alive:
                alive[event.claim] = event.replacement
        self.completed = {at: e for at, e in alive.items() if isinstance(e, Completed)}
        self.reported = {at: e for at, e in alive.items() if isinstance(e, Reported)}
        self.others = [e for e in alive.values() if isinstance(e, Other)]
        self.preferred = {
            at: e
            for at, e in alive.items()
            if isinstance(e, Preferred) and e.claim in self.completed
        }
        # The latest report that names a larger exchange says which it is.
        self.part_of = {e.exchange: e.part_of for e in self.reported.values() if e.part_of}

    def outermost(self, exchange: str) -> str:
        """The exchange that this one is in the end a portion of; itself if of none."""
        while exchange in self.part_of:
            exchange = self.part_of[exchange]
        return exchange

    def whole_exchanges(self) -> set[str]:
        """The outermost exchanges that anything is claimed of."""
        named = {e.exchange for e in self.reported.values()}
        named |= {e.exchange for e in self.others if e.exchange}
        named |= {e.leg.exchange for e in self.completed.values()}
        return {self.outermost(exchange) for exchange in named}

    def occurred_in(self, exchange: str, interval: str) -> bool | None:
        """Whether an outermost exchange occurred in an interval; None: nobody gives it a date."""
        own = [e.occurred for e in self.reported.values() if e.exchange == exchange and e.occurred]
        dates = own[-1:] or self._claimed_dates(exchange)
        return any(overlap(date, interval) for date in dates) if dates else None

    def _claimed_dates(self, exchange: str) -> list[str]:
        claims = [(e.exchange, e.occurred) for e in self.reported.values()]
        claims += [(e.exchange, e.occurred) for e in self.others]
        claims += [(e.leg.exchange, e.occurred) for e in self.completed.values()]
        return [date for at, date in claims if date and self.outermost(at) == exchange]


def days(date: str) -> tuple[datetime.date, datetime.date]:
    """The first and the last day that an EDTF date or interval may mean."""
    if "/" in date:
        first, last = date.split("/")
        begins = datetime.date.min if first in ("", "..") else days(first)[0]
        ends = datetime.date.max if last in ("", "..") else days(last)[1]
        return begins, ends
    parts = [int(part) for part in date.split("-")]
    if len(parts) == 3:
        return datetime.date(*parts), datetime.date(*parts)
    year, month = parts[0], parts[1:]
    first, last = (month[0], month[0]) if month else (1, 12)
    end = calendar.monthrange(year, last)[1]
    return datetime.date(year, first, 1), datetime.date(year, last, end)


def overlap(one: str, other: str) -> bool:
    """Whether two dates may mean the same day."""
    (begin, end), (first, last) = days(one), days(other)
    return begin <= last and first <= end
