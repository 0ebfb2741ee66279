//! Records of every kind of event, from a seed: valid ones, with texts that are easily misread.

use rand::{Rng as _, SeedableRng as _, rngs::SmallRng, seq::IndexedRandom as _};

use crate::domain::{
    known::{Home, Known},
    proto::{
        Actor, Any, Attribution, ClaimConfirmed, ClaimCorrected, ClaimDisputed, ClaimPreferred,
        ClaimRetracted, Count, DetentionReported, ExchangeKind, ExchangeReported, Leg, NewEvent,
        OfWhich, RoleAttributed, SourceRegistered, StatementMade, SuperlativeClaimed, TotalClaimed,
        TransferAgreed, TransferCompleted, TransferDeclined, TransferKind,
    },
};

/// What texts begin with that mean something in a cell, in a name or in a column.
const STARTS: [&str; 21] = [
    "", "", "", "IS ", "TR ", "x-a ", "=", "+", "-", "@", "'", "''", "'=", "[", "[] ", "[TR] ",
    "] ", "[id a] ", "\"", ", ", "#",
];
const WORDS: [&str; 12] =
    ["demo", "IS", "a,b", "\"q\"", "it's", "1-2", "yes", "a=b", "R&D", "\u{e9}t\u{e9}", "5", "+7"];
const PARTIES: [&str; 6] = ["RU", "DE", "UA", "SUHH", "x-unc", "IS"];
const IDS: [&str; 6] = ["demo-1", "demo-2", "=demo", "a]b", "'demo", "-"];
const SOURCES: [&str; 5] = ["desk", "a]b", "=desk", "\u{e9}", "'s"];
const DATES: [&str; 9] = [
    "",
    "2024",
    "2024-08",
    "2024-08-01",
    "2024-08-01/2024-08-02",
    "2024/..",
    "/2024-08",
    "2024-08-01T12:30:00.000Z",
    "2024-08-01T12:30:00-04",
];
const UNTRIMMED: [&str; 2] = [" ", "\u{a0}"];

/// Makes events, one after the other.
pub(super) struct Random {
    rng: SmallRng,
    /// Only what the columns of a table say.
    tabled: bool,
}

/// An event with its stream.
pub(super) type Event = (String, NewEvent);

impl Random {
    pub(super) fn new(seed: u64, tabled: bool) -> Self {
        Self { rng: SmallRng::seed_from_u64(seed), tabled }
    }

    /// A record of events of all kinds.
    pub(super) fn record(mut self) -> Vec<Event> {
        let mut events: Vec<Event> = Vec::new();
        // Claims that stand, with their positions and streams.
        let mut claims: Vec<(u64, String, Known)> = Vec::new();
        for _ in 0..self.rng.random_range(8..40) {
            let kind = self.rng.random_range(0..12);
            let position = events.len() as u64 + 1;
            if kind == 0 {
                events.push(self.foreign());
            } else if kind < 3
                && let Some(at) = (0..claims.len()).collect::<Vec<_>>().choose(&mut self.rng)
            {
                let (claim, stream, known) = claims[*at].clone();
                let about = self.about(claim, &known);
                if matches!(about, Known::ClaimRetracted(_)) {
                    claims.remove(*at);
                }
                events.push(self.event(stream, about.pack()));
            } else {
                let known = self.first_hand();
                let stream = home(&known);
                if known.is_first_hand_claim() {
                    claims.push((position, stream.clone(), known.clone()));
                }
                events.push(self.event(stream, known.pack()));
            }
        }
        events
    }

    /// A record of events that the tables have columns for.
    pub(super) fn tables(mut self) -> Vec<Event> {
        let mut known: Vec<Known> = SOURCES.iter().map(|id| self.source(id).into()).collect();
        for _ in 0..self.rng.random_range(5..30) {
            match self.rng.random_range(0..8) {
                0 => {
                    let role = self.role();
                    let attribution = Some(Attribution {
                        claimed_by: Some(self.actor(true)),
                        ..role.attribution.clone().unwrap()
                    });
                    known.push(role.clone().into());
                    if self.chance(50) {
                        known.push(RoleAttributed { attribution, denied: true, ..role }.into());
                    }
                }
                1 => known.push(self.series().into()),
                // A report that stands in the row of a claim.
                2 | 3 => {
                    let (report, mut claim) = (self.report(), self.completed());
                    let source_id = report.attribution.clone().unwrap().source_id;
                    let said = Attribution { source_id, ..Attribution::default() };
                    claim.attribution.as_mut().unwrap().source_id.clone_from(&said.source_id);
                    claim.leg.as_mut().unwrap().exchange_id.clone_from(&report.exchange_id);
                    claim.occurred.clone_from(&report.occurred);
                    claim.kind = match report.kind() {
                        ExchangeKind::Exchange => TransferKind::Exchange,
                        ExchangeKind::Repatriation => TransferKind::Repatriation,
                        ExchangeKind::UnilateralRelease => TransferKind::UnilateralRelease,
                        ExchangeKind::Unspecified
                        | ExchangeKind::DisputedExchange
                        | ExchangeKind::RepatriationOfRemains
                        | ExchangeKind::ReleaseForConsideration => TransferKind::Unspecified,
                    }
                    .into();
                    known.push(ExchangeReported { attribution: Some(said), ..report }.into());
                    known.push(claim.into());
                }
                _ => known.push(self.of_numbers()),
            }
        }
        let plain = |known: Known| {
            let payload = Some(known.pack());
            (home(&known), NewEvent { payload, ..NewEvent::default() })
        };
        known.into_iter().map(plain).collect()
    }

    fn event(&mut self, stream: String, payload: Any) -> Event {
        let mut event = NewEvent { payload: Some(payload), ..NewEvent::default() };
        if self.chance(30) {
            event.tags =
                vec!["desk:a=1".to_owned(), format!("k.x-1:{}", self.of(&["'", ":", "+"]))];
        }
        for key in ["k", "", "a b", "\u{7f}"] {
            if self.chance(10) {
                event.metadata.insert(key.to_owned(), format!("{}\u{0}\n", self.text()));
            }
        }
        (stream, event)
    }

    /// An event of another package.
    fn foreign(&mut self) -> Event {
        let value: Vec<u8> = (0..self.rng.random_range(0..9)).map(|_| self.rng.random()).collect();
        let prefix = self.of(&["type.googleapis.com/", "demo.example/a/", "/"]);
        let type_url = format!("{prefix}{}", self.of(&["demo.v1.Noted", "demo.Other"]));
        self.event("demo/notes".to_owned(), Any { type_url, value: value.into() })
    }

    fn about(&mut self, claim: u64, known: &Known) -> Known {
        let attribution = Some(self.attribution());
        match self.rng.random_range(0..5) {
            0 => ClaimConfirmed { attribution, claim, grounds: self.lines() }.into(),
            1 => ClaimDisputed { attribution, claim, grounds: self.lines() }.into(),
            2 => ClaimRetracted { attribution, claim, reason: self.lines() }.into(),
            3 => {
                let (country, direction) = (self.of(&PARTIES).to_owned(), self.between(1, 2));
                let rationale = self.lines();
                ClaimPreferred { attribution, claim, country, direction, rationale }.into()
            }
            _ => {
                let replacement = Some(known.pack());
                let (by, reason) = (self.between(1, 2), self.lines());
                ClaimCorrected { attribution, claim, replacement, by, reason }.into()
            }
        }
    }

    fn first_hand(&mut self) -> Known {
        match self.rng.random_range(0..9) {
            0 => {
                let id = self.of(&SOURCES);
                self.source(id).into()
            }
            1 => self.statement().into(),
            2 => self.detention().into(),
            3 => self.superlative().into(),
            4 => self.role().into(),
            5 => self.series().into(),
            _ => self.of_numbers(),
        }
    }

    fn of_numbers(&mut self) -> Known {
        match self.rng.random_range(0..5) {
            0 => self.report().into(),
            1 => TransferAgreed {
                attribution: Some(self.attribution()),
                leg: Some(self.leg()),
                count: Some(self.count()),
            }
            .into(),
            2 => TransferDeclined {
                attribution: Some(self.attribution()),
                leg: Some(self.leg()),
                count: Some(self.count()),
                reason: self.between(0, 4),
            }
            .into(),
            3 => TotalClaimed {
                attribution: Some(self.attribution()),
                leg: Some(self.leg()),
                count: Some(self.count()),
                covers: self.rarely(|random| random.of(&DATES).to_owned()),
                ..TotalClaimed::default()
            }
            .into(),
            _ => self.completed().into(),
        }
    }

    fn completed(&mut self) -> TransferCompleted {
        let minors = self.rarely(|random| Some(random.rng.random_range(0..2)));
        TransferCompleted {
            attribution: Some(self.attribution()),
            leg: Some(self.leg()),
            count: Some(self.count())
                .filter(|_| minors.is_none())
                .or(Some(Count { value: Some(9), ..Count::default() })),
            of_which: minors.map(|minors| OfWhich { minors: Some(minors), ..OfWhich::default() }),
            kind: self.rarely(|random| random.between(0, 4)),
            via: self.rarely(Self::parties),
            occurred: self.of(&DATES).to_owned(),
            occurred_text: self.rarely(Self::text),
        }
    }

    fn report(&mut self) -> ExchangeReported {
        let completed = self.chance(50);
        let exchange_id = self.of(&IDS).to_owned();
        let part_of = self.of(&["", "demo-0", "=x"]).to_owned();
        ExchangeReported {
            attribution: Some(self.attribution()),
            exchange_id,
            part_of,
            title: self.maybe(),
            // There is one word for the sort of operation and how far it came.
            kind: if completed || !self.tabled { self.of(&[0, 1, 2, 3, 5]) } else { 0 },
            parties: self.parties(),
            place: self.maybe(),
            occurred: self.of(&DATES).to_owned(),
            occurred_text: self.rarely(Self::text),
            status: if completed { 7 } else { self.between(1, 10) },
        }
    }

    fn role(&mut self) -> RoleAttributed {
        RoleAttributed {
            attribution: Some(self.attribution()),
            exchange_id: self.of(&IDS).to_owned(),
            actor: Some(self.actor(false)),
            role: self.between(1, 13),
            denied: self.rarely(|random| random.chance(50)),
        }
    }

    fn series(&mut self) -> TotalClaimed {
        let mut attribution = self.attribution();
        let claimant = self.actor(true);
        let series = if self.tabled { claimant.name.clone() } else { self.name() };
        if self.tabled {
            attribution.claimed_by = Some(claimant);
        }
        let mut count = self.count();
        if self.tabled {
            count.approximate = false;
        }
        TotalClaimed {
            attribution: Some(attribution),
            series,
            as_of: self.of(&["2024", "2025-01-31"]).to_owned(),
            covers: self.rarely(|random| random.of(&DATES).to_owned()),
            count: Some(count),
            previous_total: self.chance(50).then(|| self.rng.random()),
            follows_exchange_id: self.of(&["", "demo-1", "=demo"]).to_owned(),
            ..TotalClaimed::default()
        }
    }

    fn source(&mut self, id: &str) -> SourceRegistered {
        let (url, title) = if self.tabled && self.chance(50) {
            (String::new(), self.text())
        } else {
            let url = self.of(&["https://demo.example/a?b=1,2", "http://demo.example"]).to_owned();
            (url, self.rarely(Self::text))
        };
        SourceRegistered {
            source_id: id.to_owned(),
            url,
            title,
            kind: self.rarely(|random| random.between(0, 3)),
            publisher: self.rarely(Self::text),
            language: self.rarely(|random| random.of(&["", "en", "pt-BR"]).to_owned()),
            translated: self.rarely(|random| random.chance(50)),
            published_at: self.rarely(|random| random.of(&DATES).to_owned()),
            ..SourceRegistered::default()
        }
    }

    fn statement(&mut self) -> StatementMade {
        StatementMade {
            attribution: Some(self.attribution()),
            speaker: Some(self.actor(true)),
            on_behalf_of: self.chance(30).then(|| self.actor(false)),
            mode: self.between(1, 4),
            occasion: self.maybe(),
            place: self.maybe(),
            text: self.lines() + "x",
            topics: vec![self.text()],
            mentions: vec![self.text(), self.text()],
            exchange_id: self.of(&IDS).to_owned(),
            occurred: self.of(&DATES).to_owned(),
            occurred_text: self.maybe(),
        }
    }

    fn superlative(&mut self) -> SuperlativeClaimed {
        SuperlativeClaimed {
            attribution: Some(self.attribution()),
            exchange_id: self.of(&IDS).to_owned(),
            text: self.text(),
            measure: self.maybe(),
            scope: self.maybe(),
            since: self.maybe(),
            holder: self.maybe(),
        }
    }

    fn detention(&mut self) -> DetentionReported {
        DetentionReported {
            attribution: Some(self.attribution()),
            detention_id: self.of(&IDS).to_owned(),
            subject: self.lines() + "x",
            custodian: self.chance(50).then(|| self.actor(false)),
            status: self.between(0, 3),
            charge: self.lines(),
            since: self.of(&DATES).to_owned(),
        }
    }

    fn attribution(&mut self) -> Attribution {
        Attribution {
            source_id: self.of(&SOURCES).to_owned(),
            locator: self.rarely(Self::text),
            claimed_by: self.chance(70).then(|| self.actor(true)),
            relayed_by: self.rarely(|random| vec![random.actor(false)]),
            reported_at: self.rarely(|random| random.of(&DATES).to_owned()),
            reliability: self.rarely(|random| random.between(0, 6)),
            credibility: self.rarely(|random| random.between(0, 6)),
            note: self.rarely(Self::lines),
        }
    }

    fn actor(&mut self, named: bool) -> Actor {
        let party = if self.chance(50) { self.of(&PARTIES) } else { "" }.to_owned();
        let bare = !named && !party.is_empty() && self.chance(30);
        let name = if bare { String::new() } else { self.name() };
        Actor { party, name, kind: self.rarely(|random| random.between(0, 4)) }
    }

    fn leg(&mut self) -> Leg {
        Leg {
            exchange_id: self.of(&IDS).to_owned(),
            from: self.parties(),
            to: self.parties(),
            unit: self.between(1, 2),
            category: self.between(0, 8),
            portion: self.maybe().trim().to_owned(),
        }
    }

    fn count(&mut self) -> Count {
        let range = !self.tabled && self.chance(20);
        Count {
            value: (!range && self.chance(80)).then(|| self.rng.random()),
            low: range.then_some(3),
            high: (range && self.chance(50)).then_some(7),
            approximate: self.chance(20),
            scope: self.maybe(),
        }
    }

    fn parties(&mut self) -> Vec<String> {
        let count = self.rng.random_range(0..3);
        PARTIES.choose_multiple(&mut self.rng, count).map(|&code| code.to_owned()).collect()
    }

    /// A name, which has a letter that a stream or a tag can be called by.
    fn name(&mut self) -> String {
        format!("{} demo", self.text().trim())
    }

    fn maybe(&mut self) -> String {
        if self.chance(50) { self.text() } else { String::new() }
    }

    /// A text of one line. What a table has no place for are spaces around it.
    fn text(&mut self) -> String {
        let words: Vec<&str> = (0..self.rng.random_range(1..4)).map(|_| self.of(&WORDS)).collect();
        let text = format!("{}{}", self.of(&STARTS), words.join(" ")).trim().to_owned();
        let space = self.rarely(|random| random.of(&UNTRIMMED));
        if self.chance(50) { text + space } else { format!("{space}{text}") }
    }

    fn lines(&mut self) -> String {
        format!("{}\n\t{}", self.text(), self.maybe())
    }

    /// Something that tables have no place for, sometimes.
    fn rarely<T: Default>(&mut self, make: impl FnOnce(&mut Self) -> T) -> T {
        if !self.tabled && self.chance(20) { make(self) } else { T::default() }
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        *choices.choose(&mut self.rng).expect("there are choices")
    }

    fn between(&mut self, least: i32, most: i32) -> i32 {
        self.rng.random_range(least..=most)
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }
}

fn home(known: &Known) -> String {
    match known.home() {
        Some(Home::Stream(stream)) => stream.to_string(),
        other => panic!("{known:?} is at home in {other:?}"),
    }
}
