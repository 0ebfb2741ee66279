"""The rows of examples/exchanges as events: a reading of docs/IMPORT.md of its own.

Part of the independent check in test_figures.py.
"""

import csv
import hashlib
import json
import pathlib
import re
import typing

from google.protobuf import json_format
from handover.v1 import common_pb2, event_store_service_pb2, events_pb2
from ledger import Message

# An event and its stream. One that is about the event before it has no stream and claim 0.
Entry = tuple[Message, str]
CODE = re.compile(r"[A-Z]{2}|[A-Z]{4}|x-[a-z0-9-]+")
STATUS = {
    "agreement": "AGREED",
    "cancelled": "CANCELLED",
    "postponed": "POSTPONED",
    "false_report": "FALSE_REPORT",
    "rumoured": "RUMOURED",
    "proposed": "PROPOSED",
    "announced": "ANNOUNCED",
    "under_way": "UNDER_WAY",
    "partly_completed": "PARTLY_COMPLETED",
    "completed": "COMPLETED",
}
FORMULA = re.compile("'+[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
APART = re.compile(r"\[([^]]*)\]\s*(.*)", re.DOTALL)
NAMED = re.compile(r"\[id (\S+)\](?:\s+(.*))?", re.DOTALL)
# How those who moved were handed over, where the kind of the exchange says so.
MOVED = {
    "exchange": "EXCHANGE",
    "repatriation": "REPATRIATION",
    "repatriation_of_remains": "REPATRIATION",
    "unilateral_release": "UNILATERAL_RELEASE",
    "release_for_consideration": "RELEASE_FOR_CONSIDERATION",
}
TYPES = {
    "completed": events_pb2.TransferCompleted,
    "retracted": events_pb2.TransferCompleted,
    "agreed": events_pb2.TransferAgreed,
    "declined": events_pb2.TransferDeclined,
    "total": events_pb2.TotalClaimed,
}


def rows(path: pathlib.Path) -> list[dict[str, str]]:
    """The rows of a table."""
    with path.open(newline="", encoding="utf-8") as lines:
        return [{name: cell(it) for name, it in row.items()} for row in csv.DictReader(lines)]


def cell(text: str) -> str:
    """The text of a cell: without the mark that keeps it from being a formula."""
    text = text.strip()
    return text[1:] if FORMULA.match(text) else text


def entries(folder: pathlib.Path) -> list[Entry]:
    """All events of the three tables."""
    found = [entry for row in rows(folder / "claims.csv") for entry in claim(row)]
    found += [entry for row in rows(folder / "roles.csv") for entry in role(row)]
    return once(
        found + [entry for row in rows(folder / "running_totals.csv") for entry in total(row)]
    )


def once(found: list[Entry]) -> list[Entry]:
    """Sources and states of exchanges that are the same are recorded once."""
    reported: set[tuple[str, bytes]] = set()
    kept = []
    for message, stream in found:
        same = stream, message.SerializeToString(deterministic=True)
        if (
            not isinstance(message, (events_pb2.SourceRegistered, events_pb2.ExchangeReported))
            or same not in reported
        ):
            kept.append((message, stream))
        reported.add(same)
    return kept


def parties(text: str) -> list[str]:
    """Codes joined by `+`."""
    return [code for code in text.split("+") if code]


def actor(text: str) -> common_pb2.Actor:
    """Who is meant: a party in brackets stands apart, else the first word is it if it can be one."""
    apart = APART.fullmatch(text)
    if apart and (is_party(apart[1]) or (not apart[1] and apart[2])):
        return common_pb2.Actor(party=apart[1], name=apart[2])
    first = text.split()[0]
    return common_pb2.Actor(party=first if is_party(first) else "", name=text)


def is_party(word: str) -> bool:
    """Whether a word is a code: names of agencies and broadcasters look like one too."""
    return CODE.fullmatch(word) is not None and word not in {"AA", "AP", "IFP", "NJ", "NYT", "ICRC", "OSCE", "TASS", "TIME", "UN"}


def source(row: dict[str, str]) -> tuple[str, list[Entry]]:
    """The id of a row's source, and its registration if the row says more of it."""
    text = row["source"]
    id = hashlib.sha256(text.encode()).hexdigest()[:16]
    if named := NAMED.fullmatch(text):
        id, text = named[1], named[2] or ""
    given = {"url": text} if text.startswith("http") else {"title": text}
    registered = events_pb2.SourceRegistered(source_id=id, **given)
    return id, [(registered, f"source/{id}")] if text else []


def attribution(id: str, by: str) -> common_pb2.Attribution:
    """Who says so, and where."""
    return common_pb2.Attribution(source_id=id, claimed_by=actor(by) if by else None)


def claim(row: dict[str, str]) -> typing.Iterator[Entry]:
    """A row of claims.csv."""
    id, registered = source(row)
    yield from registered
    stream = f"exchange/{row['exchange']}"
    if row["kind"]:
        reported = state(row, id)
        if row["record"] == "reported":
            reported.attribution.CopyFrom(attribution(id, row["claimed_by"]))
        yield reported, stream
    if row["record"] == "reported":
        return
    message = TYPES[row["record"]](
        attribution=attribution(id, row["claimed_by"]), leg=leg(row), count=count(row["count"], row)
    )
    if row["record"] in ("completed", "retracted"):
        message.occurred = row["occurred"]
        message.kind = f"TRANSFER_KIND_{MOVED.get(row['kind'], 'UNSPECIFIED')}"
    if row["reason"]:
        message.reason = events_pb2.DeclineReason.Value(f"DECLINE_REASON_{row['reason'].upper()}")
    yield message, stream
    if row["record"] == "retracted":
        yield events_pb2.ClaimRetracted(attribution=message.attribution), ""


def state(row: dict[str, str], id: str) -> Message:
    """The state that a row gives of its exchange."""
    kind = "UNSPECIFIED" if row["kind"] in STATUS else row["kind"].upper()
    return events_pb2.ExchangeReported(
        attribution=common_pb2.Attribution(source_id=id),
        exchange_id=row["exchange"],
        part_of=row["part_of"],
        title=row["title"],
        place=row["place"],
        parties=parties(row["parties"]),
        occurred=row["occurred"],
        kind=f"EXCHANGE_KIND_{kind}",
        status=f"EXCHANGE_STATUS_{STATUS.get(row['kind'], 'COMPLETED')}",
    )


def leg(row: dict[str, str]) -> common_pb2.Leg:
    """The leg that a row speaks of."""
    sides = {"from": parties(row["from"]), "to": parties(row["to"])}
    category = f"CATEGORY_{row['category'].upper() or 'UNSPECIFIED'}"
    return common_pb2.Leg(
        exchange_id=row["exchange"],
        unit=f"UNIT_{row['unit'].upper()}",
        category=category,
        portion=row["portion"],
        **sides,
    )


def count(number: str, row: dict[str, str]) -> common_pb2.Count:
    """How many; nothing where the row gives no number."""
    given = {"value": int(number)} if number else {}
    return common_pb2.Count(
        approximate=row.get("approximate") == "yes", scope=row["scope"], **given
    )


def role(row: dict[str, str]) -> typing.Iterator[Entry]:
    """A row of roles.csv: a role, and who denies it."""
    id, registered = source(row)
    yield from registered
    said = [(row["attributed_by"], False)] + (
        [(row["disputed_by"], True)] if row["disputed_by"] else []
    )
    for by, denied in said:
        message = events_pb2.RoleAttributed(
            attribution=attribution(id, by),
            exchange_id=row["exchange"],
            actor=actor(row["actor"]),
            role=f"ROLE_{row['role'].upper()}",
            denied=denied,
        )
        yield message, f"exchange/{row['exchange']}"


def total(row: dict[str, str]) -> typing.Iterator[Entry]:
    """A row of running_totals.csv."""
    id, registered = source(row)
    yield from registered
    series = actor(row["claimed_by"]).name
    slug = re.sub(r"[^a-z0-9]+", "-", series.lower()).strip("-")
    message = events_pb2.TotalClaimed(
        attribution=attribution(id, row["claimed_by"]),
        series=series,
        as_of=row["as_of"],
        count=count(row["total"], row),
        follows_exchange_id=row["exchange"],
    )
    if row["previous_total"]:
        message.previous_total = int(row["previous_total"])
    yield message, f"series/{slug}"


def article(path: pathlib.Path) -> typing.Iterator[Entry]:
    """The events of a JSON Lines file that are about no other."""
    for line in path.read_text(encoding="utf-8").splitlines():
        given = json.loads(line)
        event = json_format.ParseDict(
            {"payload": given["payload"]}, event_store_service_pb2.NewEvent()
        )
        message = getattr(events_pb2, event.payload.TypeName().rsplit(".", 1)[-1])()
        event.payload.Unpack(message)
        yield message, given["stream"]
