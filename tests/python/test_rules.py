"""Rules of the figures in the smallest records where a reader may take them otherwise.

The server's answer is stated, and the check in figures.py must find it as well.
"""

import typing

from answers import say
from figures import Row, figures
from record import Completed, Corrected, Event, Leg, Number, Preferred, Record, Reported, Retracted

if typing.TYPE_CHECKING:
    # Importable once the stubs are generated.
    from ledger import Ledger


def leg(name: str, to: str = "b", **fields: str) -> Leg:
    """A leg from A to some others, in an exchange; nobody else has parties of that name."""
    sent_to = frozenset(f"x-{name}-{party}" for party in to)
    return Leg(fields.pop("exchange", name), frozenset({f"x-{name}-a"}), sent_to, **fields)


def received(ledger: "Ledger", country: str, *events: Event) -> Row:
    """What a country received once events are recorded. Claim 0 is the last report."""
    return both_sides(ledger, country, *events)["received"]


def both_sides(ledger: "Ledger", country: str, *events: Event) -> dict[str, Row]:
    """What a country received, and what it sent, once events are recorded."""
    said: dict[int, Event] = {}
    for event in events:
        if not getattr(event, "claim", 1):
            report = max(at for at, it in said.items() if isinstance(it, Reported))
            event = event._replace(claim=report)
        said[ledger.append(event)] = event
    row = ledger.counts([country])[country, "person"]
    assert row == figures(Record(said))[country, "person"]
    return row


def test_a_whole_without_a_number_stays_unnumbered_beside_a_part_with_one(empty):
    whole, part = leg("whole"), leg("whole", category="convict")
    row = received(empty, "x-whole-b", Completed(whole, Number()), Completed(part, Number(5)))
    assert (row["low"], row["preferred"], row["unnumbered"]) == (5, None, 1)


def test_a_part_without_a_number_is_known_within_a_whole_with_one(empty):
    whole, part = leg("part"), leg("part", category="convict")
    row = received(empty, "x-part-b", Completed(whole, Number(5)), Completed(part, Number()))
    assert (row["low"], row["preferred"], row["unnumbered"]) == (5, 5, 0)


def test_what_is_shared_has_no_bound_where_its_whole_has_no_number(empty):
    whole, part = leg("joint", "bc"), leg("joint", "bc", category="convict")
    row = received(empty, "x-joint-b", Completed(whole, Number()), Completed(part, Number(21)))
    assert row["shared"] == (2, None)


def test_a_joint_leg_is_not_counted_beside_a_larger_side_that_holds_it_without_a_number(empty):
    larger, smaller = leg("larger", "bcd"), leg("larger", "bc")
    row = received(empty, "x-larger-b", Completed(smaller, Number(1)), Completed(larger, Number()))
    assert row["shared"] == (1, None)


def test_no_party_hands_persons_over_to_itself(empty):
    a, b, c, no_party = (*(f"x-self-{party}" for party in "abc"), frozenset())
    came, left = Leg("self", no_party, frozenset({b})), Leg("self", frozenset({b}), no_party)
    said = [
        Reported("self", parties=(a, b, c)),
        Completed(came, Number(40)),
        Completed(left, Number(9)),
    ]
    rows = [both_sides(empty, country, *said) for country in (a, b, c)]
    beside = [(row["sent"]["open"], row["received"]["open"]) for row in rows]
    # The same is said three times, which changes nothing.
    assert beside == [((1, 40), (1, 9)), (None, None), ((1, 40), (1, 9))]
    assert (rows[1]["sent"]["low"], rows[1]["received"]["low"]) == (9, 40)


def test_a_bound_is_no_whole_of_what_is_taken_from_what_is_open(empty):
    both, no_party = frozenset({"x-bound-a", "x-bound-b"}), frozenset()
    convicts = {"exchange": "bound", "sent_by": both, "category": "convict"}
    said = [
        Completed(Leg("bound", no_party, both), Number(16)),
        Completed(Leg(sent_to=no_party, **convicts), Number(4)),
        Completed(Leg(sent_to=both, portion="second", **convicts), Number(low=21)),
        Completed(Leg("bound", both, both), Number(high=7)),
    ]
    assert both_sides(empty, "x-bound-a", *said)["sent"]["open"] == (1, 12)


def test_a_preference_that_its_figure_cannot_have_is_refused(empty):
    claim = empty.append(Completed(leg("preferred"), Number(5)))
    about = empty.append(Completed(leg("preferred"), Number(9, approximate=True)))
    part = empty.append(Completed(leg("preferred", portion="first"), Number(3)))
    figure, sent = ("x-preferred-b", "received"), ("x-preferred-b", "sent")
    refused = [(about,), (about, *figure), (part, *figure), (claim, *sent)]
    for preferred in [*refused, (claim, "x-nobody", "received")]:
        assert say(empty, Preferred(*preferred), empty.events) is None
    for preferred in [(claim,), (claim, *figure), (part,)]:
        assert say(empty, Preferred(*preferred), empty.events)


def test_an_early_report_that_is_corrected_does_not_become_the_latest(empty):
    empty.append(Completed(leg("dated"), Number(5)))
    early = empty.append(Reported("dated", occurred="2020"))
    empty.append(Reported("dated", occurred="2022"))
    empty.append(Corrected(early, Reported("dated", occurred="2021")))
    assert not empty.counts(["x-dated-b"], occurred="2021")
    assert empty.counts(["x-dated-b"], occurred="2022")


def in_two(name: str) -> tuple[list[Event], Reported, Reported]:
    """5 received in an exchange and 3 in another, reported alone and as a portion of the first."""
    whole, part = f"{name}-whole", f"{name}-part"
    claims = [(whole, 5), (part, 3)]
    said = [Completed(leg(name, exchange=at), Number(number)) for at, number in claims]
    return said, Reported(part), Reported(part, whole)


def test_a_report_that_is_corrected_to_name_a_larger_exchange_nests_it(empty):
    said, alone, nested = in_two("nested")
    assert received(empty, "x-nested-b", *said, alone, Corrected(0, nested))["low"] == 5


def test_a_report_that_is_corrected_to_name_no_larger_exchange_frees_it(empty):
    said, alone, nested = in_two("freed")
    assert received(empty, "x-freed-b", *said, nested, Corrected(0, alone))["low"] == 8


def test_a_retracted_report_takes_with_it_the_larger_exchange_of_its_correction(empty):
    said, alone, nested = in_two("gone")
    said += [nested, Retracted(0), alone, Corrected(0, nested), Retracted(0)]
    assert received(empty, "x-gone-b", *said)["low"] == 8
