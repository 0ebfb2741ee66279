"""What the claims on legs amount to, and wholes that are never added to their parts.

The first half of the independent check: see figures.py.
"""

import collections
import dataclasses
import typing

from record import Leg, Record, Side

APPROXIMATE, INCOMPLETE, EXCEED = "APPROXIMATE", "INCOMPLETE", "PARTS_EXCEED_WHOLE"
OPEN_BELOW, OPEN_ABOVE = "OPEN_BELOW", "OPEN_ABOVE"


@dataclasses.dataclass
class Amount:
    """How many, and from which legs. Without `low` no number is known."""

    low: int | None = None
    high: int | None = None
    preferred: int | None = None
    unnumbered: int = 0
    flags: frozenset[str] = frozenset()
    of_which: dict[str, tuple[int, int, int]] = dataclasses.field(default_factory=dict)
    legs: frozenset[Leg] = frozenset()
    others: tuple[tuple[Side, str], ...] = ()

    def complete(self) -> bool:
        """Whether a number is known of all of it."""
        return self.low is not None and self.unnumbered == 0


def estimate(leg: Leg, other: Side, claims: dict, record: Record) -> Amount:
    """Rule 1: what the claims on one leg amount to."""
    numbered = [c for c in claims.values() if c.number.ends()]
    exact = [c for c in numbered if not c.number.approximate]
    used = exact or numbered
    known = {"legs": frozenset({leg}), "others": ((other, leg.category),)}
    counted = [c for c in claims.values() if not (exact and c.number.approximate)]
    if not used:
        return Amount(unnumbered=1, of_which=subsets(counted), **known)
    lows, highs = zip(*(c.number.ends() for c in used))
    flags = bounds(used) | (frozenset() if exact else {APPROXIMATE})
    low, high = min(lows), max(highs)
    decided = low == high and not flags & {OPEN_BELOW, OPEN_ABOVE}
    return Amount(
        low,
        high,
        preference(claims, record, low, high, low if decided else None),
        flags=frozenset(flags),
        of_which=subsets(counted),
        **known,
    )


def bounds(claims: list) -> frozenset[str]:
    """On which side a bound alone leaves the range open."""
    flags = set()
    for number in (claim.number for claim in claims if claim.number.value is None):
        if number.high is None:
            flags.add(OPEN_ABOVE)
        if number.low is None:
            flags.add(OPEN_BELOW)
    return frozenset(flags)


def preference(
    claims: dict, record: Record, low: int, high: int, otherwise: int | None
) -> int | None:
    """Rule 5: the latest preferred claim's value, where it lies within the estimate."""
    for event in reversed(record.preferred.values()):
        if event.claim in claims and not event.country:
            value = claims[event.claim].number.value
            if value is not None and low <= value <= high:
                return value
    return otherwise


def subsets(claims: list) -> dict[str, tuple[int, int, int]]:
    """The parts of a number that claims name: smallest, largest, and from one leg."""
    given = collections.defaultdict(list)
    for claim in claims:
        for part, number in claim.of_which:
            given[part].append(number)
    return {part: (min(numbers), max(numbers), 1) for part, numbers in given.items()}


def add(amounts: typing.Iterable[Amount]) -> Amount:
    """The sum of amounts that have nobody in common."""
    amounts = list(amounts)
    known = [a for a in amounts if a.low is not None]
    agreed = known and all(a.preferred is not None for a in known)
    of_which: dict[str, tuple[int, int, int]] = {}
    for part, numbers in (item for a in amounts for item in a.of_which.items()):
        of_which[part] = tuple(map(sum, zip(of_which.get(part, (0, 0, 0)), numbers)))
    return Amount(
        sum(a.low for a in known) if known else None,
        sum(a.high for a in known) if known else None,
        sum(a.preferred for a in known) if agreed else None,
        sum(a.unnumbered for a in amounts),
        frozenset().union(*(a.flags for a in amounts)),
        of_which,
        frozenset().union(*(a.legs for a in amounts)),
        tuple(other for a in amounts for other in a.others),
    )


def whole(wholes: list[Amount], parts: list[Amount]) -> Amount:
    """Rule 2: a whole that has a number keeps it, whatever its parts add up to."""
    one, sum_of_parts = add(wholes), add(parts)
    one.legs |= sum_of_parts.legs
    one.others += tuple(other for part in parts if part.low is not None for other in part.others)
    one.of_which = named(one, parts)
    if sum_of_parts.low is not None and sum_of_parts.low > one.high:
        one.high, one.preferred = sum_of_parts.low, None
        one.flags |= {EXCEED}
    return one


def named(one: Amount, parts: list[Amount]) -> dict[str, tuple[int, int, int]]:
    """What a whole and its parts name of those counted: the same rule for each of these numbers."""
    of_parts = add(parts).of_which
    return of_parts | {
        part: (low, max(high, of_parts.get(part, (0,))[0]), legs)
        for part, (low, high, legs) in one.of_which.items()
    }


Joins = typing.Callable[[Amount, Amount], bool]


def joined(wholes: list[Amount], parts: list[Amount], joins: Joins) -> list[Amount]:
    """Compares wholes with their parts; wholes that share a part, together.

    A whole without a number stays unknown: its parts are added beside it, and may not be all of it.
    """
    numbered, free = grouped([w for w in wholes if w.low is not None], parts, joins)
    unknown, free = grouped([w for w in wholes if w.low is None], free, joins)
    beside = [it for ws, ps in unknown for it in unnumbered(ws, ps)]
    return [whole(ws, ps) for ws, ps in numbered] + free + beside


Group = tuple[list[Amount], list[Amount]]


def grouped(
    wholes: list[Amount], parts: list[Amount], joins: Joins
) -> tuple[list[Group], list[Amount]]:
    """Wholes with the parts that they share, and the parts of none of them."""
    groups: list[Group] = [([w], []) for w in wholes]
    free = []
    for part in parts:
        touched = [g for g in groups if any(joins(w, part) for w in g[0])]
        if not touched:
            free.append(part)
            continue
        groups = [g for g in groups if not any(g is t for t in touched)]
        groups.append(
            ([w for g in touched for w in g[0]], [p for g in touched for p in g[1]] + [part])
        )
    return groups, free


def unnumbered(wholes: list[Amount], parts: list[Amount]) -> list[Amount]:
    """Wholes without a number and their parts; what both name of those counted is reported once."""
    names = named(add(wholes), parts)
    bare = [dataclasses.replace(it, of_which={}) for it in [*wholes, *parts]]
    bare[0].of_which = names
    return bare


def by_sides(legs: dict[Side, Amount]) -> list[Amount]:
    """Of one category and portion: a leg is a part of one whose other side includes its own."""
    outer = [s for s in legs if not any(includes(t, s) for t in legs if t != s)]
    inner = {s: a for s, a in legs.items() if s not in outer}
    if not legs:
        return []
    return joined(
        [legs[s] for s in outer],
        by_sides(inner),
        lambda w, p: any(includes(a, b) for a, _ in w.others for b, _ in p.others),
    )


def includes(one: Side, other: Side) -> bool:
    """Whether a side includes another; one that is not said includes everything."""
    return not one or (bool(other) and one >= other)


def may_share(one: Amount, other: Amount) -> bool:
    """Whether two amounts can speak of the same persons, by who stands on the other side."""
    return any(meet(a, b) for a, _ in one.others for b, _ in other.others)


def may_share_all(one: Amount, other: Amount) -> bool:
    """The same, by category too."""
    return any(
        meet(a, b) and (not c or not d or c == d) for a, c in one.others for b, d in other.others
    )


def meet(one: Side, other: Side) -> bool:
    """Whether two sides have a party in common, or one is not said."""
    return not one or not other or bool(one & other)


def of_exchange(
    exchange: str, legs: dict[Leg, tuple[Side, Amount]], record: Record
) -> list[Amount]:
    """One own side's legs of an exchange and of those that are part of it."""
    own = {leg: it for leg, it in legs.items() if leg.exchange == exchange}
    parts = [
        amount
        for portion in {leg.portion for leg in own} - {""}
        for amount in of_portion(portion, own)
    ]
    inner = {record_leg.exchange for record_leg in legs}
    for child in children(exchange, inner, record):
        parts += of_exchange(child, legs, record)
    return joined(of_portion("", own), parts, may_share_all)


def children(exchange: str, named: set[str], record: Record) -> set[str]:
    """The exchanges just below one that have something in or below them."""
    found = set()
    for inner in named:
        while inner in record.part_of:
            if record.part_of[inner] == exchange:
                found.add(inner)
            inner = record.part_of[inner]
    return found


def of_portion(portion: str, legs: dict[Leg, tuple[Side, Amount]]) -> list[Amount]:
    """The leg without category is the whole of the categories."""
    categories: dict[str, dict[Side, Amount]] = collections.defaultdict(dict)
    for leg, (other, amount) in legs.items():
        if leg.portion == portion:
            categories[leg.category][other] = amount
    parts = [a for name, sides in categories.items() if name for a in by_sides(sides)]
    return joined(by_sides(categories.get("", {})), parts, may_share)
