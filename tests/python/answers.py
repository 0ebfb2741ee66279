"""What else the server answers: groups of one party, shares of exchanges, and refusals.

Part of the independent check in test_figures.py, test_rules.py and test_imported.py.
"""

import typing

import grpc
import pytest
from figures import DIRECTIONS, fits
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from record import Event, Preferred, Record

if typing.TYPE_CHECKING:
    # Importable once the stubs are generated.
    from ledger import Ledger, Row, Rows

Events = dict[int, Event]
Shares = list[typing.Any]


def assert_groups_agree(ledger: "Ledger", by: str, direction: str) -> None:
    """Compares the groups of one party with what the countries received, or sent."""
    from ledger import plain_figure, unit

    groups = {}
    for group in ledger.groups(by):
        parties = getattr(group.key, by).parties
        if len(parties) == 1:
            key = parties[0], unit(group.key.unit)
            assert key not in groups
            groups[key] = plain_figure(group.figure)
    rows = {key: row[direction] for key, row in ledger.counts().items() if direction in row}
    assert groups == rows


def assert_shares_add_up(ledger: "Ledger", rows: "Rows") -> None:
    """Compares the figures of countries with the sum of what each exchange adds to them."""
    for (country, unit), both in rows.items():
        for direction in DIRECTIONS:
            shares, figure = ledger.explained(country, unit, direction)
            assert len({share.exchange_id for share in shares}) == len(shares)
            if direction not in both:
                assert not shares
                continue
            assert figure == both[direction]
            found = added_up(shares)
            given = {name: figure[name] for name in found}
            assert found == given, (country, unit, direction, shares)


def added_up(shares: Shares) -> "Row":
    """The sum of what exchanges add."""
    return {
        "low": end(shares, "low"),
        "high": end(shares, "high"),
        "unnumbered": sum(share.unnumbered for share in shares),
        "shared": beside(shares, "shared"),
        "open": beside(shares, "open"),
    }


def end(shares: Shares, name: str) -> int | None:
    """The sum of one end; absent where no exchange gives it."""
    known = [share.share for share in shares if share.share.HasField(name)]
    return sum(getattr(it, name) for it in known) if known else None


def beside(shares: Shares, name: str) -> tuple[int, int | None] | None:
    """The sum of what is shared or open; without a bound where an exchange has none."""
    from ledger import unattributed

    known = [it for share in shares if (it := unattributed(share, name))]
    bounds = [bound for _, bound in known]
    most = None if None in bounds else sum(bounds)
    return (sum(legs for legs, _ in known), most) if known else None


def say(ledger: "Ledger", event: Event, events: Events) -> int | None:
    """Appends an event; None where it is a preference that must be refused, and was."""
    if not isinstance(event, Preferred) or fits(Record(events), event):
        return ledger.append(event)
    with pytest.raises(grpc.RpcError) as error:
        ledger.append(event)
    assert error.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert rules(error.value) == ["preferred-in-range"]
    return None


def rules(error: grpc.RpcError) -> list[str]:
    """The rules of the record that an append would have broken."""
    failure = error_details_pb2.PreconditionFailure()
    found = [it for it in rpc_status.from_call(error).details if it.Unpack(failure)]
    return [violation.type for violation in failure.violations] if found else []
