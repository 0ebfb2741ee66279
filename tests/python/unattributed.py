"""What joint legs, and legs that do not say one side, leave open for a country: upper bounds.

Part of the independent check: see figures.py.
"""

import itertools
import typing

from amounts import OPEN_ABOVE, OPEN_BELOW, Amount, add, of_exchange
from record import Leg, Record, Side

# Of one exchange, direction and unit: each leg, whose it is, who stands across, and its estimate.
Legs = dict[Leg, tuple[Side, Side, Amount]]


class Unattributed(typing.NamedTuple):
    """How many legs, and at most how many persons; None: no bound is known."""

    legs: int
    at_most: int | None


class Exchange:
    """One outermost exchange, seen from one direction, in one unit."""

    def __init__(self, name: str, legs: Legs, parties: set[str], record: Record):
        self.name, self.legs, self.parties, self.record = name, legs, parties, record
        self.across = frozenset(party for _, other, _ in legs.values() for party in other)
        self.sides = {own for own, _, _ in legs.values()}

    def amount(self, own: Side, chosen: typing.Iterable[Leg] | None = None) -> Amount:
        """The figure of one own side, of all its legs or of some."""
        legs = {
            leg: (other, amount)
            for leg, (side, other, amount) in self.legs.items()
            if side == own and (chosen is None or leg in chosen)
        }
        return add(of_exchange(self.name, legs, self.record))

    def of_side(self, own: Side) -> set[Leg]:
        """The legs of one own side."""
        return {leg for leg, (side, _, _) in self.legs.items() if side == own}

    def within(self, leg: Leg, larger: set[Leg]) -> bool:
        """Whether the persons of a leg must be among those of some others together."""
        own, across = self.legs[leg][:2]
        fitting = [other for other in larger if self._covers(other, leg)]
        sides = [self.legs[other][1] for other in fitting if not self.faces_itself(own, other)]
        if not sides or not all(sides):
            return bool(sides)
        reached = frozenset().union(*sides)
        return across <= reached if across else self.only_to(own, reached)

    def faces_itself(self, own: Side, leg: Leg) -> bool:
        """Whether a leg does not say this side, and a party would have to stand on both."""
        return len(own) == 1 and self.legs[leg][:2] == (Side(), own)

    def only_to(self, own: Side, reached: Side) -> bool:
        """Whether each of some parties, who do not say whom they faced, faced only those reached."""
        others = [self.across - {party} for party in own] or [self.across]
        return all(others) and all(some <= reached for some in others)

    def _covers(self, larger: Leg, leg: Leg) -> bool:
        if larger.category not in ("", leg.category):
            return False
        if larger.portion:
            return (larger.exchange, larger.portion) == (leg.exchange, leg.portion)
        exchange = leg.exchange
        while exchange != larger.exchange and exchange in self.record.part_of:
            exchange = self.record.part_of[exchange]
        return exchange == larger.exchange

    def attributed(self, legs: set[Leg], to: typing.Iterable[Side]) -> int:
        """How many of some legs' persons sides have; of sides that share a party, the larger."""
        lows = {}
        numbered = {leg for leg in legs if self.legs[leg][2].low is not None}
        for own in to:
            # "At most" says of no person that it was handed over: such a leg is no whole either.
            sure = [leg for leg in self.of_side(own) if OPEN_BELOW not in self.legs[leg][2].flags]
            among = [leg for leg in sure if self.within(leg, numbered)]
            lows[own] = self.amount(own, among).low or 0
        return packed(lows)

    def left(self, side: Side, legs: set[Leg], to: typing.Iterable[Side]) -> Unattributed | None:
        """What legs of a side leave beside what is attributed; None: nothing."""
        amount = self.amount(side, legs)
        if not legs:
            return None
        if not amount.complete() or OPEN_ABOVE in amount.flags:
            return Unattributed(len(legs), None)
        rest = amount.high - self.attributed(legs, to)
        return Unattributed(len(legs), rest) if rest > 0 else None

    def shared(self, country: str) -> list[Unattributed]:
        """What joint sides leave for one of theirs, without legs that are among a larger side's."""
        found = []
        for side in (it for it in self.sides if len(it) > 1 and country in it):
            legs = {leg for leg in self.of_side(side) if not self.among_larger(leg, side)}
            members = [it for it in self.sides if len(it) == 1 and it <= side]
            found.append((legs, self.left(side, legs, members)))
        return self.bounded(found)

    def among_larger(self, leg: Leg, side: Side) -> bool:
        """Whether a leg lies within a larger joint side, whether that has a number or not."""
        return any(self.within(leg, self.of_side(it)) for it in self.sides if side < it)

    def bounded(self, found: list[tuple[set[Leg], Unattributed | None]]) -> list[Unattributed]:
        """Joint sides together are no more than the side not said, where that holds all of them."""
        kept = [it for _, it in found if it]
        legs, unsaid = set().union(*(it for it, one in found if one)), self.of_side(Side())
        if (
            len(kept) < 2
            or None in (it.at_most for it in kept)
            or not all(self.within(leg, unsaid) for leg in legs)
        ):
            return kept
        most = self.left(Side(), unsaid, [side for side in self.sides if len(side) == 1])
        together = total(kept)
        bounds = [it.at_most for it in (together, most) if it and it.at_most is not None]
        return [Unattributed(together.legs, min(bounds) if bounds else None)]

    def open(self, country: str) -> list[Unattributed]:
        """What legs that do not say this side leave for a party: nobody faces itself across a leg.

        Its own such legs bound that, and so do all of them: who must be among all of them need not
        be among its own.
        """
        unsaid = self.of_side(Side())
        possible = {leg for leg in unsaid if self.legs[leg][1] != {country}}
        said = [side for side in self.sides if side]
        bounds = [self.left(Side(), legs, said) for legs in (possible, unsaid)]
        if None in bounds:
            return []
        own, of_all = bounds
        if of_all.at_most is None or own.at_most is not None and own.at_most < of_all.at_most:
            return [own]
        return [of_all]


def packed(lows: dict[Side, int]) -> int:
    """The largest sum of sides that have no party in common."""
    best = 0
    for size in range(len(lows) + 1):
        for chosen in itertools.combinations(lows, size):
            if sum(map(len, chosen)) == len(frozenset().union(*chosen)):
                best = max(best, sum(lows[side] for side in chosen))
    return best


def total(found: list[Unattributed]) -> Unattributed | None:
    """The sum over exchanges; no bound where one of them has none."""
    if not found:
        return None
    bounds = [it.at_most for it in found]
    return Unattributed(sum(it.legs for it in found), None if None in bounds else sum(bounds))
