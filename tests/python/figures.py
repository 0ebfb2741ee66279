"""Every country's figure, recomputed from claims: how a number is made, written a second time.

This is the independent check of the server's figures. It follows the rules as the design states
them and shares nothing with the server's own code; test_figures.py compares the two, row by row and
field by field. A rule's number is that of the design's list of how a number is made.
"""

import collections
import itertools
import typing

from amounts import INCOMPLETE, Amount, add, estimate
from record import Leg, Preferred, Record, Side
from unattributed import Exchange, Legs, total

DIRECTIONS = ("received", "sent")
UNITS = ("person", "remains")
Row = dict[str, typing.Any]
Rows = dict[tuple[str, str], dict[str, Row]]


def figures(record: Record, occurred: str = "") -> Rows:
    """Each country's and unit's figures by direction, of exchanges that occurred in an interval."""
    whole = sorted(record.whole_exchanges())
    chosen = [name for name in whole if not occurred or record.occurred_in(name, occurred)]
    table: Rows = collections.defaultdict(dict)
    for direction, unit in itertools.product(DIRECTIONS, UNITS):
        exchanges = [view(record, name, direction, unit) for name in chosen]
        for country in sorted({party for it in exchanges for party in it.parties}):
            row = figure(country, direction, exchanges)
            if row:
                table[country, unit][direction] = row
    return dict(table)


def view(record: Record, exchange: str, direction: str, unit: str) -> Exchange:
    """An outermost exchange from one direction, in one unit."""
    claims: dict[Leg, dict] = collections.defaultdict(dict)
    parties: set[str] = set()
    for at, event in record.completed.items():
        if record.outermost(event.leg.exchange) == exchange:
            parties |= event.leg.sent_by | event.leg.sent_to
            if event.leg.unit == unit:
                claims[event.leg][at] = event
    for event in record.reported.values():
        if record.outermost(event.exchange) == exchange:
            parties |= set(event.parties)
    legs: Legs = {}
    for leg, of_leg in claims.items():
        own, other = sides(leg, direction)
        legs[leg] = own, other, estimate(leg, other, of_leg, record)
    return Exchange(exchange, legs, parties, record)


def sides(leg: Leg, direction: str) -> tuple[Side, Side]:
    """Whose the leg is in this direction, and who stands across."""
    return (leg.sent_to, leg.sent_by) if direction == "received" else (leg.sent_by, leg.sent_to)


def figure(country: str, direction: str, exchanges: list[Exchange]) -> Row | None:
    """Rule 4: the sum over outermost exchanges, and beside it what is shared or open."""
    own = [prefer(it, country, direction) for it in exchanges if Side({country}) in it.sides]
    shared = total([one for it in exchanges for one in it.shared(country)])
    unsaid = total([one for it in exchanges if country in it.parties for one in it.open(country)])
    if not (own or shared or unsaid):
        return None
    amount = add(own)
    flags = set(amount.flags) | ({INCOMPLETE} if amount.unnumbered else set())
    return {
        "low": amount.low,
        "high": amount.high,
        "preferred": None if amount.unnumbered else amount.preferred,
        "exchanges": len({leg.exchange for leg in amount.legs}),
        "disputed": sum(it.low is not None and it.low < it.high for it in own),
        "unnumbered": amount.unnumbered,
        "shared": shared and tuple(shared),
        "open": unsaid and tuple(unsaid),
        "of_which": amount.of_which,
        "flags": sorted(flags),
    }


def prefer(exchange: Exchange, country: str, direction: str) -> Amount:
    """A country's figure in one exchange; the latest preference for it sets the number to use."""
    amount = exchange.amount(Side({country}))
    for event in reversed(exchange.record.preferred.values()):
        claim = exchange.record.completed[event.claim]
        if (event.country, event.direction) != (country, direction):
            continue
        value = claim.number.value
        if claim.leg in exchange.legs and within(value, amount):
            amount.preferred = value
            break
    return amount


def within(value: int | None, amount: Amount) -> bool:
    """Whether a number is one that an amount can have."""
    return None not in (value, amount.low) and amount.low <= value <= amount.high


def fits(record: Record, preferred: Preferred) -> bool:
    """Rule 5: whether the number of a preferred claim lies within the estimate that it is for."""
    claim = record.completed[preferred.claim]
    leg = claim.leg
    if preferred.country:
        exchange = view(record, record.outermost(leg.exchange), preferred.direction, leg.unit)
        return within(claim.number.value, exchange.amount(Side({preferred.country})))
    claims = {at: it for at, it in record.completed.items() if it.leg == leg}
    return within(claim.number.value, estimate(leg, leg.sent_by, claims, record))
