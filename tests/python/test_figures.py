"""An independent check: figures.py recomputes each figure from the claims, beside the server.

The claims are those of examples/exchanges and of the article beside it, loaded over gRPC and then
changed, and random records. A preference must be refused where the rules refuse it, and taken where
they do not. Random draws print their seed; a difference prints both rows.
"""

import os
import pathlib
import random
import typing

import pytest
from answers import assert_groups_agree, assert_shares_add_up, say
from conftest import ROOT, running
from figures import Row, Rows, figures
from random_records import Draft, parties
from record import Corrected, Event, Preferred, Record, Retracted

if typing.TYPE_CHECKING:
    # Importable once the stubs are generated.
    from ledger import Ledger

Events = dict[int, Event]

EXCHANGES = ROOT / "examples" / "exchanges"
ARTICLE = ROOT / "examples" / "ankara-2024.jsonl"
RECORDS = 150
CHANGES = 60


def seeded(name: str) -> random.Random:
    """A generator whose seed is printed, and can be given as HANDOVER_SEED."""
    seed = int(os.environ.get("HANDOVER_SEED", random.randrange(1 << 32)))
    print(f"{name}: HANDOVER_SEED={seed}")
    return random.Random(seed)


@pytest.fixture(scope="module")
def loaded(stubs, tmp_path_factory):
    """The article and the exchanges, recorded one event after the other."""
    import tables

    for ledger in running(tmp_path_factory.mktemp("exchanges")):
        for message, stream in [*tables.article(ARTICLE), *tables.entries(EXCHANGES)]:
            if not stream:
                message.claim = max(ledger.events)
                stream = ledger.streams[message.claim]
            ledger.loaded = ledger.record(message, stream)
        yield ledger


def flat(rows: Rows) -> dict[tuple[str, str, str], Row]:
    """Rows by country, unit and direction."""
    return {(*key, direction): row for key, both in rows.items() for direction, row in both.items()}


def assert_agree(server: Rows, own: Rows, where: list[str]) -> None:
    """Fails with both rows where one differs."""
    server, own = flat(server), flat(own)
    differing = [
        key for key in sorted(server.keys() | own.keys()) if server.get(key) != own.get(key)
    ]
    if differing:
        shown = [f"{key}\n  server {server.get(key)}\n  check  {own.get(key)}" for key in differing]
        pytest.fail("\n".join([*shown, *where]), pytrace=False)


def up_to(events: Events, position: int) -> Events:
    """The events up to a position, inclusive."""
    return {at: event for at, event in events.items() if at <= position}


def assert_record_agrees(ledger: "Ledger", **query: typing.Any) -> None:
    """Compares all figures of a ledger."""
    position, occurred = query.get("as_of", 0), query.get("occurred", "")
    events = up_to(ledger.events, position) if position else ledger.events
    assert_agree(ledger.counts(**query), figures(Record(events), occurred), [f"{query}"])


def assert_ways_agree(ledger: "Ledger") -> None:
    """Compares a ledger's figures with the groups and explanations that must say the same."""
    assert_groups_agree(ledger, "to", "received")
    assert_groups_agree(ledger, "from", "sent")
    assert_shares_add_up(ledger, ledger.counts())


def test_every_figure_of_the_exchanges_is_recomputed(loaded):
    assert len(flat(loaded.counts())) > 80
    assert_record_agrees(loaded)


def test_every_figure_of_each_year_is_recomputed(loaded):
    years = [str(year) for year in range(1950, 2028)]
    for occurred in [*years, "2025-06-11", "2022-09-22/2023-02", "../1985-06", "2024-12-30/.."]:
        assert_record_agrees(loaded, occurred=occurred)


def test_every_figure_as_of_a_position_is_recomputed_from_the_events_before(loaded):
    rng = seeded("as of")
    for position in sorted(rng.sample(range(1, max(loaded.events)), 25)):
        assert_record_agrees(loaded, as_of=position)
        assert_record_agrees(loaded, as_of=position, occurred=str(rng.randint(2010, 2025)))


def test_figures_after_corrections_retractions_and_preferences_are_recomputed(loaded):
    rng = seeded("changes")
    before = max(loaded.events)
    for _ in range(CHANGES):
        say(loaded, change(loaded.events, rng), loaded.events)
    for occurred in ["", *map(str, range(1980, 2026))]:
        assert_record_agrees(loaded, occurred=occurred)
    for position in sorted(rng.sample(range(before, max(loaded.events)), 15)):
        assert_record_agrees(loaded, as_of=position)
    assert_record_agrees(loaded, as_of=before)
    assert_ways_agree(loaded)


def change(events: Events, rng: random.Random) -> Event:
    """A correction, a retraction, a preference or the end of one."""
    record = Record(events)
    at, claim = rng.choice(list(record.completed.items()))
    kind, value = rng.random(), claim.number.value
    if kind < 0.1 and record.preferred:
        return Retracted(rng.choice(list(record.preferred)))
    if kind < 0.3:
        return Retracted(at)
    if kind < 0.6 or value is None:
        number = claim.number._replace(value=rng.choice([None, (value or 9) + 1, 12]))
        return Corrected(at, claim._replace(number=number, of_which=()))
    choices = [Preferred(at)]
    choices += (
        [Preferred(at, *claim.leg.sent_to, "received")] if len(claim.leg.sent_to) == 1 else []
    )
    choices += [Preferred(at, *claim.leg.sent_by, "sent")] if len(claim.leg.sent_by) == 1 else []
    return rng.choice(choices)


def test_every_figure_of_random_records_is_recomputed(empty):
    rng = seeded("records")
    for number in range(RECORDS):
        compare(empty, number, rng)
    assert_ways_agree(empty)


def compare(ledger: "Ledger", number: int, rng: random.Random) -> None:
    """Records one random record and compares it now, by date, and as of a position in it."""

    draft, events = Draft(number, rng), {}
    for _ in range(rng.randint(1, 9)):
        event = draft.next(events)
        position = say(ledger, event, events)
        if position:
            events[position] = event
    for occurred, position in [
        ("", max(events)),
        ("2022", max(events)),
        ("", rng.choice(list(events))),
    ]:
        server = ledger.counts(draft.parties, occurred, position)
        chosen = up_to(events, position)
        assert parties(chosen.values()) <= set(draft.parties)
        where = [
            f"occurred {occurred or 'ever'}, as of {position}",
            *(f"{at} {it}" for at, it in events.items()),
        ]
        assert_agree(server, figures(Record(chosen), occurred), where)
