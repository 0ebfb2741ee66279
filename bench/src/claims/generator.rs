//! Claims such as newsrooms record, made from a seed: the same seed makes the same record.
//!
//! Two hundred exchanges are open at any time. Of each there is a report, then what several
//! sources say about two flows (mostly the same number), roles, statements, totals, and now and
//! then a correction, a retraction, a confirmation or a preference. One exchange in twenty is a
//! portion of another.

use handover::domain::{
    event::Position,
    known::{Home, Known},
    proto,
};
use rand::{Rng as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Exchanges that get claims at the same time.
const AT_ONCE: usize = 200;
/// Claims about each exchange.
pub(super) const CLAIMS_EACH: u64 = 20;
/// Codes of the parties that exchange.
const PARTIES: [&str; 40] = [
    "UA", "RU", "BY", "US", "DE", "PL", "NO", "SI", "IL", "PS", "YE", "SA", "AE", "TR", "QA", "IR",
    "IQ", "SY", "LB", "AM", "AZ", "GE", "IN", "PK", "AF", "CO", "VE", "SD", "SS", "ET", "ER", "LY",
    "ML", "NG", "KP", "KR", "CN", "JP", "GB", "FR",
];
/// Words that statements are made of.
const WORDS: u32 = 4_000;
/// Words of a statement.
const STATEMENT_WORDS: u32 = 20;

/// An exchange that gets further claims.
#[derive(Clone, Debug)]
struct Exchange {
    id: String,
    number: u64,
    sides: [&'static str; 2],
    counts: [u32; 2],
    day: String,
    claims: u64,
    /// Completed transfers that stand: where they were recorded, their flow and number.
    completed: Vec<(Position, usize, u32)>,
}

/// A claim that was made, to be recorded.
#[derive(Debug)]
pub(super) struct Made {
    /// Its stream.
    pub(super) stream: String,
    pub(super) event: Known,
    /// Of a completed transfer, the exchange's index and number, and the transfer's index.
    transfer: Option<(usize, u64, usize)>,
}

/// Makes claims one after the other. Claims about a claim come once that was recorded.
#[derive(Debug)]
pub(super) struct Generator {
    rng: Xoshiro256PlusPlus,
    open: Vec<Exchange>,
    begun: u64,
}

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        let rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        Self { rng, open: Vec::new(), begun: 0 }
    }

    /// The next claim.
    pub(super) fn next(&mut self) -> Made {
        let full = self.open.len() >= AT_ONCE;
        let index = if full { self.rng.random_range(0..AT_ONCE) } else { self.open.len() };
        let goes_on = self.open.get(index).is_some_and(|exchange| exchange.claims < CLAIMS_EACH);
        let event = if goes_on {
            self.claim(index)
        } else {
            let next = self.begin();
            match self.open.get_mut(index) {
                Some(exchange) => *exchange = next,
                None => self.open.push(next),
            }
            self.report(index)
        };
        let exchange = self.open.get(index);
        let stream = match event.home() {
            Some(Home::Stream(stream)) => stream.to_string(),
            _ => exchange.map(|exchange| format!("exchange/{}", exchange.id)).unwrap_or_default(),
        };
        let is_transfer = matches!(event, Known::TransferCompleted(_));
        let transfer = exchange.filter(|_| is_transfer);
        let transfer =
            transfer.map(|exchange| (index, exchange.number, exchange.completed.len() - 1));
        Made { stream, event, transfer }
    }

    /// A claim was recorded.
    pub(super) fn recorded(&mut self, made: &Made, position: Position) {
        let Some((index, number, transfer)) = made.transfer else { return };
        if let Some(exchange) =
            self.open.get_mut(index).filter(|exchange| exchange.number == number)
            && let Some(completed) = exchange.completed.get_mut(transfer)
        {
            completed.0 = position;
        }
    }

    fn begin(&mut self) -> Exchange {
        self.begun += 1;
        let number = self.begun;
        let from = self.rng.random_range(0..PARTIES.len());
        let to = (from + self.rng.random_range(1..PARTIES.len())) % PARTIES.len();
        let party = |index: usize| PARTIES.get(index).copied().unwrap_or_default();
        let count = self.rng.random_range(1..300);
        let (year, month, day) = (
            self.rng.random_range(1990..2026),
            self.rng.random_range(1..13),
            self.rng.random_range(1..29),
        );
        Exchange {
            id: format!("bench-{number}"),
            number,
            sides: [party(from), party(to)],
            counts: [count, self.rng.random_range(1..300)],
            day: format!("{year}-{month:02}-{day:02}"),
            claims: 0,
            completed: Vec::new(),
        }
    }

    fn attribution(&mut self) -> proto::Attribution {
        let party = PARTIES.get(self.rng.random_range(0..PARTIES.len())).copied().unwrap_or("UA");
        proto::Attribution {
            source_id: format!("source-{}", self.rng.random_range(0..20_000)),
            locator: "second paragraph".into(),
            claimed_by: Some(proto::Actor {
                party: party.into(),
                name: format!("{party} ministry of defence"),
                kind: proto::ActorKind::StateOrgan.into(),
            }),
            ..proto::Attribution::default()
        }
    }

    fn report(&mut self, index: usize) -> Known {
        let attribution = Some(self.attribution());
        let nested = self.rng.random_ratio(1, 20);
        let other = self.open.first().map(|exchange| exchange.id.clone());
        let Some(exchange) = self.open.get_mut(index) else { return Known::from(empty()) };
        exchange.claims += 1;
        let part_of = other.filter(|other| nested && *other != exchange.id).unwrap_or_default();
        Known::from(proto::ExchangeReported {
            attribution,
            exchange_id: exchange.id.clone(),
            part_of,
            title: format!("Exchange number {}", exchange.number),
            kind: proto::ExchangeKind::Exchange.into(),
            parties: exchange.sides.iter().map(ToString::to_string).collect(),
            occurred: exchange.day.clone(),
            status: proto::ExchangeStatus::Completed.into(),
            ..proto::ExchangeReported::default()
        })
    }

    /// Any claim about an exchange that is reported.
    fn claim(&mut self, index: usize) -> Known {
        let kind = self.rng.random_range(0..100);
        let attribution = Some(self.attribution());
        let text = if (62..77).contains(&kind) { self.text() } else { String::new() };
        let differs = self.rng.random_ratio(1, 5);
        let (flow, more) = (self.rng.random_range(0..2), self.rng.random_range(1..9));
        let Some(exchange) = self.open.get_mut(index) else { return Known::from(empty()) };
        exchange.claims += 1;
        let value =
            exchange.counts.get(flow).copied().unwrap_or(1) + if differs { more } else { 0 };
        // Of what is not recorded yet nothing can be said.
        let latest = exchange.completed.last().copied().filter(|(position, ..)| *position > 0);
        match (kind, latest) {
            (80.., Some((claim, flow, value))) => {
                if (86..90).contains(&kind) {
                    exchange.completed.pop();
                }
                let replacement = completed(attribution.clone(), exchange, flow, value + 1);
                about(kind, attribution, claim, &replacement)
            }
            (..45 | 80.., _) => {
                exchange.completed.push((0, flow, value));
                Known::from(completed(attribution, exchange, flow, value))
            }
            (45..62 | 77..80, _) => beside(kind, attribution, leg(exchange, flow), value),
            (62..77, _) => Known::from(proto::StatementMade {
                attribution,
                speaker: Some(speaker(exchange.number)),
                mode: proto::StatementMode::DirectQuote.into(),
                text,
                topics: vec!["exchange".into()],
                exchange_id: exchange.id.clone(),
                occurred: exchange.day.clone(),
                ..proto::StatementMade::default()
            }),
        }
    }

    fn text(&mut self) -> String {
        let word = |rng: &mut Xoshiro256PlusPlus| {
            // Some words are far more frequent than others.
            let rank = rng.random_range(0..WORDS).min(rng.random_range(0..WORDS));
            format!("word{rank}")
        };
        let words: Vec<String> = (0..STATEMENT_WORDS).map(|_| word(&mut self.rng)).collect();
        words.join(" ")
    }
}

/// What enters no figure: agreed on, declined, a role, a total.
fn beside(
    kind: u32,
    attribution: Option<proto::Attribution>,
    leg: proto::Leg,
    value: u32,
) -> Known {
    match kind {
        45..52 => {
            let (leg, count) = (Some(leg), Some(count(value)));
            Known::from(proto::TransferAgreed { attribution, leg, count })
        }
        52..54 => Known::from(proto::TransferDeclined {
            attribution,
            leg: Some(leg),
            count: Some(count(1 + value % 8)),
            reason: proto::DeclineReason::Refused.into(),
        }),
        54..62 => Known::from(proto::RoleAttributed {
            attribution,
            exchange_id: leg.exchange_id,
            actor: Some(proto::Actor { party: "AE".into(), ..proto::Actor::default() }),
            role: proto::Role::Mediator.into(),
            denied: value.is_multiple_of(5),
        }),
        _ => Known::from(proto::TotalClaimed {
            attribution,
            leg: Some(proto::Leg { from: Vec::new(), ..leg }),
            count: Some(count(value)),
            ..proto::TotalClaimed::default()
        }),
    }
}

/// What is said of a claim.
fn about(
    kind: u32,
    attribution: Option<proto::Attribution>,
    claim: Position,
    replacement: &proto::TransferCompleted,
) -> Known {
    match kind {
        80..86 => Known::from(proto::ClaimCorrected {
            attribution,
            claim,
            replacement: Some(proto::Any::pack(replacement)),
            by: proto::CorrectedBy::Claimant.into(),
            reason: "counted again".into(),
        }),
        86..90 => {
            let reason = "not so".into();
            Known::from(proto::ClaimRetracted { attribution, claim, reason })
        }
        90..97 => {
            let grounds = "seen on the spot".into();
            Known::from(proto::ClaimConfirmed { attribution, claim, grounds })
        }
        _ => {
            let (country, direction, rationale) = Default::default();
            Known::from(proto::ClaimPreferred { attribution, claim, country, direction, rationale })
        }
    }
}

fn empty() -> proto::ExchangeReported {
    proto::ExchangeReported::default()
}

fn count(value: u32) -> proto::Count {
    proto::Count { value: Some(value), ..proto::Count::default() }
}

fn speaker(number: u64) -> proto::Actor {
    let name = format!("Speaker {}", number % 500);
    proto::Actor { name, ..proto::Actor::default() }
}

fn leg(exchange: &Exchange, flow: usize) -> proto::Leg {
    let side =
        |index: usize| exchange.sides.get(index).map(ToString::to_string).into_iter().collect();
    proto::Leg {
        exchange_id: exchange.id.clone(),
        from: side(flow),
        to: side(1 - flow),
        unit: proto::Unit::Person.into(),
        category: proto::Category::PrisonerOfWar.into(),
        portion: String::new(),
    }
}

fn completed(
    attribution: Option<proto::Attribution>,
    exchange: &Exchange,
    flow: usize,
    value: u32,
) -> proto::TransferCompleted {
    proto::TransferCompleted {
        attribution,
        leg: Some(leg(exchange, flow)),
        count: Some(count(value)),
        kind: proto::TransferKind::Exchange.into(),
        occurred: exchange.day.clone(),
        ..proto::TransferCompleted::default()
    }
}
