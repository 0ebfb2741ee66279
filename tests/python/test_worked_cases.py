"""The worked cases: real exchanges from examples/, asked for with the commands, with the answers that must come out."""

import json
import os
import subprocess

import pytest
from conftest import ROOT, TARGET, Server

ARTICLE = ROOT / "examples" / "ankara-2024.jsonl"
TABLES = ROOT / "examples" / "exchanges"


class Store:
    """A server with some of the examples, and the commands that query it."""

    def __init__(self, folder, *files):
        self.server = Server(folder / "data")
        for file in files:
            self.run("import", str(file))

    def run(self, *arguments: str) -> str:
        environment = dict(os.environ, HANDOVER_SERVER=f"http://{self.server.address}")
        done = subprocess.run(
            [TARGET / "debug" / "handover", *arguments], env=environment, capture_output=True, text=True, cwd=ROOT
        )
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout

    def answer(self, *arguments: str) -> dict:
        return json.loads(self.run(*arguments, "--output", "json"))

    def figures(self, *arguments: str) -> dict:
        """The figures by country, of persons."""
        counts = self.answer("counts", "--unit", "person", *arguments)["counts"]
        return {row["country"]: row for row in counts}

    def exchange(self, exchange: str, *arguments: str) -> dict:
        return self.answer("exchange", exchange, *arguments)


def store(tmp_path_factory, *files):
    made = Store(tmp_path_factory.mktemp("cases"), *files)
    yield made
    made.server.stop()


@pytest.fixture(scope="module")
def article(tmp_path_factory):
    yield from store(tmp_path_factory, ARTICLE)


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    names = ["claims.csv", "roles.csv", "running_totals.csv"]
    yield from store(tmp_path_factory, *(TABLES / name for name in names))


@pytest.fixture
def fresh(tmp_path_factory):
    """The article and then the tables, for a test that records something."""
    yield from store(tmp_path_factory, ARTICLE, TABLES / "claims.csv")


def number(figure: dict) -> tuple:
    return tuple(figure.get(name) for name in ("low", "high", "preferred"))


def test_the_article_alone_gives_receivers_and_shares_the_senders(article):
    figures = article.figures()
    received = {country: number(row["received"]) for country, row in figures.items() if "received" in row}
    assert received == {"DE": (13, 13, 13), "RU": (10, 10, 10), "US": (3, 3, 3)}
    assert figures["RU"]["received"]["ofWhich"]["minors"]["low"] == 2
    assert len(figures) == 7
    for row in figures.values():
        assert number(row["sent"]) == (None, None, None), "unknown is not 0"
        assert row["sent"]["shared"] == {"legs": 3, "atMost": 26}
    reported = article.exchange("ankara-2024-08-01")
    assert [total["total"]["count"]["value"] for total in reported["totals"]] == [26]
    assert number(reported["totals"][0]["sum"]) == (26, 26, 26)
    assert "EXCHANGE_FLAG_TOTAL_DIFFERS_FROM_SUM" not in reported["exchange"].get("flags", [])


def test_ankara_has_ranges_bounds_and_two_totals_that_its_parts_exceed(record):
    reported = record.exchange("ankara-2024-08-01")
    counts = {row["country"]: row for row in reported["counts"]}
    assert number(counts["RU"]["received"]) == (8, 10, None)
    for sender in ("RU", "BY"):
        assert counts[sender]["sent"]["shared"]["atMost"] == 16
        assert counts[sender]["sent"]["open"]["atMost"] == 13
    assert sorted(total["total"]["count"]["value"] for total in reported["totals"]) == [24, 26]
    assert {total["sum"]["high"] for total in reported["totals"]} == {29}
    assert "EXCHANGE_FLAG_TOTAL_DIFFERS_FROM_SUM" in reported["exchange"]["flags"]


def events(store: Store) -> list[tuple]:
    """Stream and payload of every event, in order."""
    lines = map(json.loads, store.run("export").splitlines())
    return [(line["stream"], json.dumps(line["payload"], sort_keys=True)) for line in lines]


def test_the_tables_change_no_event_of_the_article_and_a_preference_decides(fresh, article):
    before = events(article)
    assert len(before) == 32 and events(fresh)[:32] == before
    received = lambda *more: number(fresh.figures("--occurred", "2024-08-01", *more)["RU"]["received"])
    assert received() == (8, 10, None)
    claims = fresh.exchange("ankara-2024-08-01")["legs"]
    ten = [
        claim["record"]["position"]
        for leg in claims if leg["leg"].get("to") == ["RU"]
        for claim in leg["claims"] if claim["count"].get("value") == 10
    ]
    head = fresh.answer("counts")["position"]
    fresh.run("claims", "prefer", ten[0], "--country", "RU", "--received", "--source", "desk")
    assert received() == (8, 10, 10)
    assert received("--as-of", head) == (8, 10, None)


def test_30_december_2024_is_150_to_189_until_one_is_preferred(fresh):
    received = lambda *more: number(fresh.figures("--occurred", "2024-12-30", *more)["UA"]["received"])
    assert received() == (150, 189, None)
    head = fresh.answer("counts")["position"]
    explained = fresh.answer("explain", "UA", "--received", "--occurred", "2024-12-30")
    claims = explained["exchanges"][0]["legs"][0]["leg"]["claims"]
    (position,) = [it["record"]["position"] for it in claims if it["count"]["value"] == 189]
    fresh.run("claims", "prefer", position, "--country", "UA", "--received", "--source", "desk")
    assert received() == (150, 189, 189)
    assert received("--as-of", head) == (150, 189, None)


def test_portions_are_added_and_never_to_their_whole(record):
    easter = {row["country"]: row for row in record.exchange("ru-ua-2025-04-19")["counts"]}
    assert number(easter["UA"]["received"]) == (277, 277, 277)
    assert number(easter["RU"]["received"]) == (261, 261, 261)
    korea = {row["country"]: row for row in record.exchange("korea-little-switch-1953")["counts"]}
    assert number(korea["x-unc"]["sent"])[0] == 6_670
    assert number(korea["KP"]["received"])[0] == 5_640
    assert number(korea["CN"]["received"])[0] == 1_030
    remains = record.answer("counts", "UA", "--unit", "remains")["counts"]
    assert number(remains[0]["received"]) == (7_067, 7_067, 7_067)


def test_a_false_report_is_there_until_it_is_retracted_and_both_events_are_seen(record):
    seen = record.run("tail", "--no-follow", "--tag", "exchange:ru-ua-2019-08-30-false").splitlines()
    events = [json.loads(line) for line in seen]
    kinds = [event["payload"]["@type"].rsplit(".")[-1] for event in events]
    assert kinds[-2:] == ["TransferCompleted", "ClaimRetracted"]
    completed, retracted = (event["position"] for event in events[-2:])
    assert int(completed) < int(retracted)
    between = record.exchange("ru-ua-2019-08-30-false", "--as-of", completed)["counts"]
    figures = [row[side] for row in between for side in ("received", "sent") if side in row]
    assert figures and all(number(figure) == (None, None, None) for figure in figures)
    assert any(figure.get("unnumbered") for figure in figures)
    assert record.exchange("ru-ua-2019-08-30-false").get("counts", []) == []


def test_donbas_2017_agreed_completed_and_declined_stand_beside_each_other(record):
    reported = record.exchange("donbas-2017-12-27")
    numbers = lambda legs: sorted(number(leg["estimate"])[:2] for leg in legs)
    assert numbers(reported["agreed"]) == [(74, 74), (306, 306)]
    assert numbers(reported["legs"]) == [(73, 74), (233, 237)]
    declined = sorted(
        (it["reason"].removeprefix("DECLINE_REASON_"), claim["count"]["value"], claim["count"].get("approximate", False))
        for it in reported["declined"] for claim in it["leg"]["claims"]
    )
    assert declined[0] == ("NO_SHOW", 40, True)
    assert ("REFUSED", 29, False) in declined and [it[1] for it in declined].count(1) == 1
    lines = record.answer("reconcile", "donbas-2017-12-27")["lines"]
    reasons = [
        {it["reason"].removeprefix("DIFFERENCE_REASON_"): (it["low"], it["high"]) for it in line["reasons"]}
        for line in lines if line["kind"] == "DIFFERENCE_KIND_AGREED_VS_COMPLETED"
    ]
    assert {"DECLINED": (29, 29), "NO_SHOW": (40, 40), "UNEXPLAINED": (0, 4)} in reasons
    assert {"DECLINED": (1, 1)} in reasons


def test_mediators_of_8_december_2022_are_attributed_and_denied_by_somebody(record):
    roles = record.exchange("us-ru-2022-12-08")["roles"]
    mediators = {it["actor"]["party"]: it for it in roles if it["role"] == "ROLE_MEDIATOR"}
    assert set(mediators) == {"AE", "SA"}
    for reported in mediators.values():
        for side in ("attributedBy", "deniedBy"):
            assert reported[side] and all(it["attribution"]["claimedBy"]["name"] for it in reported[side]), side


def test_the_uae_series_of_january_2025_leaves_49_unexplained(record):
    (name,) = [it for it in record.answer("reconcile", "--series")["series"] if it.startswith("AE MFA")]
    steps = record.answer("reconcile", "--series", name, "--mediator", "AE")["steps"]
    (january,) = [step for step in steps if step["total"]["asOf"] == "2025-01-15"]
    assert (january["claimedStepLow"], january["claimedStepHigh"]) == ("99", "99")
    assert (january["sumLow"], january["sumHigh"]) == (50, 50)
    assert (january["residualLow"], january["residualHigh"]) == ("49", "49")
