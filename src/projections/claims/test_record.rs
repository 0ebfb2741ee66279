//! Records made of small tables, for tests. No event is needed that the tables cannot say.

use prost::{Message, Name};

use crate::domain::{event::Position, proto};
use crate::projections::{Event, Projection as _, register::Register};

/// Events in the order of their positions, from 1.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    events: Vec<(String, Vec<u8>)>,
}

/// One completed transfer: sides as `A+B`, or empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flow {
    pub(crate) exchange: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) category: i32,
    pub(crate) portion: String,
    pub(crate) remains: bool,
    pub(crate) count: proto::Count,
    pub(crate) minors: Option<u32>,
    pub(crate) occurred: String,
}

/// A flow of persons.
pub(crate) fn flow(exchange: &str, from: &str, to: &str, count: Option<u32>) -> Flow {
    let count = proto::Count { value: count, ..Default::default() };
    let (exchange, from, to) = (exchange.into(), from.into(), to.into());
    Flow { exchange, from, to, count, ..Flow::default() }
}

impl Flow {
    pub(crate) fn of(mut self, category: proto::Category) -> Self {
        self.category = category.into();
        self
    }

    pub(crate) fn portion(mut self, portion: &str) -> Self {
        self.portion = portion.into();
        self
    }

    pub(crate) fn remains(mut self) -> Self {
        self.remains = true;
        self
    }

    pub(crate) fn minors(mut self, minors: u32) -> Self {
        self.minors = Some(minors);
        self
    }

    pub(crate) fn message(&self) -> proto::TransferCompleted {
        let unit = if self.remains { proto::Unit::Remains } else { proto::Unit::Person };
        proto::TransferCompleted {
            leg: Some(proto::Leg {
                exchange_id: self.exchange.clone(),
                from: codes(&self.from),
                to: codes(&self.to),
                unit: unit.into(),
                category: self.category,
                portion: self.portion.clone(),
            }),
            count: Some(self.count.clone()),
            of_which: self
                .minors
                .map(|minors| proto::OfWhich { minors: Some(minors), ..Default::default() }),
            occurred: self.occurred.clone(),
            ..Default::default()
        }
    }
}

pub(crate) fn codes(side: &str) -> Vec<String> {
    side.split('+').filter(|code| !code.is_empty()).map(str::to_owned).collect()
}

impl Record {
    /// Records any message; answers with its position.
    pub(crate) fn push<M: Message + Name>(&mut self, message: &M) -> Position {
        self.events.push((M::full_name(), message.encode_to_vec()));
        self.head()
    }

    pub(crate) fn completed(&mut self, flow: &Flow) -> Position {
        self.push(&flow.message())
    }

    pub(crate) fn report(
        &mut self,
        exchange: &str,
        part_of: &str,
        occurred: &str,
        parties: &str,
    ) -> Position {
        self.push(&proto::ExchangeReported {
            exchange_id: exchange.into(),
            part_of: part_of.into(),
            parties: codes(parties),
            occurred: occurred.into(),
            status: proto::ExchangeStatus::Completed.into(),
            ..Default::default()
        })
    }

    pub(crate) fn retract(&mut self, claim: Position) -> Position {
        self.push(&proto::ClaimRetracted { claim, ..Default::default() })
    }

    pub(crate) fn correct<M: Message + Name>(
        &mut self,
        claim: Position,
        replacement: &M,
    ) -> Position {
        let replacement = Some(proto::Any::pack(replacement));
        self.push(&proto::ClaimCorrected { claim, replacement, ..Default::default() })
    }

    /// Prefers a claim for its leg or, with a country, for what that country received.
    pub(crate) fn prefer(&mut self, claim: Position, receiver: &str) -> Position {
        self.push(&preferred(claim, receiver))
    }

    pub(crate) fn head(&self) -> Position {
        self.events.len() as Position
    }

    /// The events as a projection sees them; each is recorded at ten times its position.
    pub(crate) fn events(&self) -> impl Iterator<Item = Event<'_>> {
        self.events.iter().zip(1..).map(|((type_name, payload), position)| Event {
            position,
            recorded_at: i64::try_from(position).unwrap() * 10,
            type_name,
            payload,
        })
    }

    /// The table after the first `count` events.
    pub(crate) fn first(&self, count: Position) -> Register {
        let mut claims = Register::default();
        for event in self.events().take_while(|event| event.position <= count) {
            claims.apply(event.position, Register::take(&event).unwrap()).unwrap();
        }
        claims
    }

    pub(crate) fn claims(&self) -> Register {
        self.first(self.head())
    }
}

pub(crate) fn preferred(claim: Position, receiver: &str) -> proto::ClaimPreferred {
    let direction = match receiver {
        "" => proto::Direction::Unspecified,
        _ => proto::Direction::Received,
    };
    let (country, direction) = (receiver.into(), direction.into());
    proto::ClaimPreferred { claim, country, direction, ..Default::default() }
}

/// The three transfers of the article: seven countries jointly, to three.
pub(crate) fn ankara_article() -> Record {
    let all = "US+DE+PL+SI+NO+RU+BY";
    let mut record = Record::default();
    record.report(ANKARA, "", "2024-08-01", "");
    record.completed(&flow(ANKARA, all, "RU", Some(10)).minors(2));
    record.completed(&flow(ANKARA, all, "DE", Some(13)));
    record.completed(&flow(ANKARA, all, "US", Some(3)));
    record
}

pub(crate) const ANKARA: &str = "ankara-2024-08-01";
