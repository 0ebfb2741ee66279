"""Every country's figure, recomputed from claims: how a number is made, written a second time.

This is the independent check of the server's figures. It follows the rules as the design states them and shares nothing with
the server's own code; test_figures.py compares the two, row by row and field by field.
"""

import collections
import typing

from amounts import INCOMPLETE, Amount, add, estimate, of_exchange
from record import Leg, Record, Side
from unattributed import Exchange, Legs, total

DIRECTIONS = ("received", "sent")
Row = dict[str, typing.Any]


def figures(record: Record, occurred: str = "") -> dict[tuple[str, str], dict[str, Row]]:
    """Each country's and unit's figures, by direction; those of exchanges that occurred in an interval."""
    chosen = {x for x in record.whole_exchanges() if not occurred or record.occurred_in(x, occurred)}
    table: dict[tuple[str, str], dict[str, Row]] = collections.defaultdict(dict)
    for direction in DIRECTIONS:
        views = [view(record, exchange, direction, unit)
                 for exchange in sorted(chosen) for unit in ("person", "remains")]
        for unit in ("person", "remains"):
            mine = [it for it in views if it[0] == unit]
            for country in sorted({party for it in mine for party in it[2]}):
                row = figure(country, direction, [it[1] for it in mine], [it[2] for it in mine], record)
                if row:
                    table[country, unit][direction] = row
    return dict(table)


def view(record: Record, exchange: str, direction: str, unit: str) -> tuple[str, Exchange, set[str]]:
    """An outermost exchange from one direction, and its parties."""
    claims: dict[Leg, dict] = collections.defaultdict(dict)
    parties: set[str] = set()
    for at, event in record.completed.items():
        if record.outermost(event.leg.exchange) == exchange:
            parties |= event.leg.sent_by | event.leg.sent_to
            if event.leg.unit == unit:
                claims[event.leg][at] = event
    for event in [*record.reported.values(), *record.others]:
        if record.outermost(event.exchange) == exchange:
            parties |= set(event.parties)
    legs: Legs = {}
    for leg, of_leg in claims.items():
        own, other = sides(leg, direction)
        legs[leg] = own, other, estimate(leg, other, of_leg, record)
    return unit, Exchange(exchange, legs, record), parties


def sides(leg: Leg, direction: str) -> tuple[Side, Side]:
    """Whose the leg is in this direction, and who stands across."""
    return (leg.sent_to, leg.sent_by) if direction == "received" else (leg.sent_by, leg.sent_to)


def figure(
    country: str, direction: str, exchanges: list[Exchange], parties: list[set[str]], record: Record
) -> Row | None:
    """Rule 4: the sum over outermost exchanges, and beside it what is shared or open."""
    alone = Side({country})
    own = [prefer(it, country, direction, record) for it in exchanges if alone in it.sides]
    shared = total([one for it in exchanges for one in it.shared(country)])
    unsaid = total([one for it, named in zip(exchanges, parties) if country in named for one in it.open()])
    if not (own or shared or unsaid):
        return None
    amount = add(own)
    flags = set(amount.flags) | ({INCOMPLETE} if amount.unnumbered else set())
    return {
        "low": amount.low, "high": amount.high,
        "preferred": None if amount.unnumbered else amount.preferred,
        "exchanges": len({leg.exchange for leg in amount.legs}),
        "disputed": sum(it.low is not None and it.low < it.high for it in own),
        "unnumbered": amount.unnumbered,
        "apart": amount.unnumbered_wholes + sum(it.apart for it in (shared, unsaid) if it),
        "shared": shared and shared[:2], "open": unsaid and unsaid[:2],
        "of_which": amount.of_which, "flags": sorted(flags),
    }


def prefer(exchange: Exchange, country: str, direction: str, record: Record) -> Amount:
    """The figure of a country in one exchange, where the latest preference for it sets the number to use."""
    amount = exchange.amount(Side({country}))
    for event in reversed(record.preferred):
        claim = record.completed[event.claim]
        if (event.country, event.direction) != (country, direction) or claim.leg not in exchange.legs:
            continue
        value = claim.number.value
        if value is not None and amount.low is not None and amount.low <= value <= amount.high:
            amount.preferred = value
            break
    return amount
