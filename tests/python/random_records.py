"""Random records: a few parties, exchanges that are parts of others, and every way to be vague.

Part of the independent check in test_figures.py. Records of different numbers
have no exchange and no party in common.
"""

import random
import typing

from record import Completed, Corrected, Event, Leg, Number, Preferred, Record, Reported, Retracted

CATEGORIES = ("", "", "", "prisoner_of_war", "convict")
PORTIONS = ("", "", "", "first", "second")
DATES = ("", "2021", "2022-03", "2022-03-04", "2021-12-30/2022-01-02")


class Draft:
    """Draws the events of one record, one after the other."""

    def __init__(self, number: int, rng: random.Random):
        self.rng = rng
        self.parties = [f"x-{number}-{letter}" for letter in "abcd"[: rng.randint(2, 4)]]
        names = [f"random-{number}-{letter}" for letter in "pqrs"[: rng.randint(1, 4)]]
        # Each may be a part of one before it, so that none is a part of itself.
        self.part_of = {name: rng.choice(["", *names[:i]]) for i, name in enumerate(names)}
        self.legs: list[Leg] = []

    def side(self) -> frozenset[str]:
        """Nobody (not said), one party, or several."""
        size = self.rng.choice([0, 1, 1, 1, 1, 2, 2, 3])
        return frozenset(self.rng.sample(self.parties, min(size, len(self.parties))))

    def leg(self) -> Leg:
        """A new leg, or one that there is already."""
        if self.legs and self.rng.random() < 0.35:
            return self.rng.choice(self.legs)
        rng = self.rng
        unit = rng.choice(["person"] * 5 + ["remains"])
        exchange = rng.choice(list(self.part_of))
        leg = Leg(
            exchange, self.side(), self.side(), unit, rng.choice(CATEGORIES), rng.choice(PORTIONS)
        )
        self.legs.append(leg)
        return leg

    def number(self) -> Number:
        """A number in one of the ways in which numbers are given."""
        low, high = sorted(self.rng.sample(range(1, 30), 2))
        about = self.rng.random() < 0.2
        if self.rng.random() < 0.6:
            return Number(low, approximate=about)
        ranges = [
            Number(),
            Number(),
            Number(low=low),
            Number(high=high),
            Number(low=low, high=high),
        ]
        return self.rng.choice(ranges)._replace(approximate=about)

    def completed(self, leg: Leg) -> Completed:
        """A transfer, perhaps with a part that is named."""
        number = self.number()
        most = number.value or number.low or number.high or 3
        named = self.rng.random() < 0.15
        of_which = (("minors", self.rng.randint(0, min(3, most))),) if named else ()
        return Completed(leg, number, of_which, self.rng.choice(DATES))

    def reported(self, exchange: str) -> Reported:
        """A report that may keep silent about the larger exchange."""
        parties = self.rng.sample(self.parties, self.rng.randint(0, 2))
        part_of = self.part_of[exchange] if self.rng.random() < 0.8 else ""
        return Reported(exchange, part_of, tuple(parties), self.rng.choice(DATES))

    def about(self, events: dict[int, Event]) -> Event | None:
        """Something about an earlier claim; nothing if there is none that fits."""
        record = Record(events)
        claims = {**record.completed, **record.reported}
        if not claims:
            return None
        at, kind = self.rng.choice(list(claims)), self.rng.random()
        if kind < 0.35:
            return Retracted(at)
        if kind < 0.6:
            return Corrected(at, self.replacement(claims[at]))
        if at not in record.completed or record.completed[at].number.value is None:
            return None
        figures = [(), self.figure(record.completed[at].leg), self.any_figure()]
        return Preferred(at, *self.rng.choice(figures))

    def replacement(self, claim: Completed | Reported) -> Completed | Reported:
        """What a claim may be corrected to: another of its kind, of the same exchange."""
        if isinstance(claim, Reported):
            return self.reported(claim.exchange)
        others = [it for it in self.legs if it.exchange == claim.leg.exchange]
        return self.completed(self.rng.choice([claim.leg, *others]))

    def figure(self, leg: Leg) -> tuple[str, str]:
        """A figure that a leg enters; the leg itself where there is none."""
        choices = [(next(iter(leg.sent_to)), "received")] if len(leg.sent_to) == 1 else []
        choices += [(next(iter(leg.sent_by)), "sent")] if len(leg.sent_by) == 1 else []
        return self.rng.choice(choices) if choices else ("", "")

    def any_figure(self) -> tuple[str, str]:
        """A figure of anybody, which may have no number."""
        return self.rng.choice(self.parties), self.rng.choice(["received", "sent"])

    def next(self, events: dict[int, Event]) -> Event:
        """The next event, given those recorded so far."""
        kind = self.rng.random()
        if kind < 0.15:
            return self.reported(self.rng.choice(list(self.part_of)))
        about = self.about(events) if kind < 0.45 else None
        return about or self.completed(self.leg())


def parties(events: typing.Iterable[Event]) -> set[str]:
    """Everybody who is named."""
    named: set[str] = set()
    for event in events:
        content = event.replacement if isinstance(event, Corrected) else event
        if isinstance(content, Completed):
            named |= content.leg.sent_by | content.leg.sent_to
        elif isinstance(content, Reported):
            named |= set(content.parties)
    return named
