//! What is recorded in a schedule: notes with labels, and claims about two exchanges.

use handover::domain::proto::{
    Any, AppendRequest, Attribution, ClaimRetracted, Count, Leg, NewEvent, StreamWrite,
    SuperlativeClaimed, TransferCompleted, Unit,
};
use rand::{Rng as _, rngs::StdRng, seq::IndexedRandom as _};

use crate::support::{append, new_id};

pub(super) const STREAMS: [&str; 4] = ["note/a", "note/b", "memo/a", "memo/b"];
pub(super) const CATEGORIES: [&str; 3] = ["note", "memo", "exchange"];
pub(super) const TYPES: [&str; 3] =
    ["demo.v1.Noted", "demo.v1.Remarked", "handover.v1.TransferCompleted"];
pub(super) const TAGS: [&str; 4] = ["desk:one", "desk:two", "rare:yes", "to:UA"];
pub(super) const EXCHANGES: [&str; 2] = ["x", "y"];

/// An append of notes, of a claim, or of the withdrawal of one of `claims`.
pub(super) fn request(chance: &mut StdRng, claims: &[u64]) -> AppendRequest {
    match (chance.random_range(0..10), claims.choose(chance)) {
        (0, Some(claim)) => {
            let attribution = Some(Attribution { source_id: "s".into(), ..Default::default() });
            let reason = "wrong".into();
            let retracted = ClaimRetracted { attribution, claim: *claim, reason };
            // It belongs to the claim's stream; that of the other exchange refuses it.
            let exchange = EXCHANGES[chance.random_range(0..EXCHANGES.len())];
            append(&format!("exchange/{exchange}"), vec![packed(&retracted)])
        }
        (0..4, _) => {
            let exchange = EXCHANGES[chance.random_range(0..EXCHANGES.len())];
            let to = ["UA", "RU", "PL"][chance.random_range(0..3)];
            let claim = completed(exchange, to, chance.random_range(1..9));
            append(&format!("exchange/{exchange}"), vec![packed(&claim)])
        }
        _ => {
            let writes = (0..chance.random_range(1..4)).map(|_| StreamWrite {
                stream: STREAMS[chance.random_range(0..STREAMS.len())].into(),
                expected_revision: None,
                events: (0..chance.random_range(1..6)).map(|_| note(chance)).collect(),
            });
            let mut writes: Vec<_> = writes.collect();
            writes.dedup_by(|one, other| one.stream == other.stream);
            writes.sort_by(|one, other| one.stream.cmp(&other.stream));
            writes.dedup_by(|one, other| one.stream == other.stream);
            AppendRequest { request_id: new_id(), writes, ..<_>::default() }
        }
    }
}

/// Whether what is recorded is a claim that can be withdrawn.
pub(super) fn is_claim(request: &AppendRequest) -> bool {
    let events = request.writes.iter().flat_map(|write| &write.events);
    let mut payloads = events.filter_map(|event| event.payload.as_ref());
    payloads.any(|payload| payload.type_url.ends_with("TransferCompleted"))
}

/// What changes the answer of every watcher.
pub(super) fn last() -> Vec<AppendRequest> {
    let request = |exchange: &str| {
        let superlative = SuperlativeClaimed {
            attribution: Some(Attribution { source_id: "s".into(), ..Default::default() }),
            exchange_id: exchange.into(),
            text: "the last of all".into(),
            ..SuperlativeClaimed::default()
        };
        let events = vec![packed(&completed(exchange, "LU", 7)), packed(&superlative)];
        append(&format!("exchange/{exchange}"), events)
    };
    EXCHANGES.map(request).into()
}

fn note(chance: &mut StdRng) -> NewEvent {
    let type_url = format!("type.googleapis.com/{}", TYPES[chance.random_range(0..2)]);
    let value = vec![b'x'; chance.random_range(1..2_000)].into();
    let mut tags: Vec<String> = Vec::new();
    for (tag, odds) in TAGS.iter().zip([2, 3, 40]) {
        tags.extend((chance.random_range(0..odds) == 0).then(|| (*tag).to_owned()));
    }
    NewEvent { payload: Some(Any { type_url, value }), tags, ..NewEvent::default() }
}

fn completed(exchange: &str, to: &str, value: u32) -> TransferCompleted {
    let leg = Leg {
        exchange_id: exchange.into(),
        from: vec!["BY".into()],
        to: vec![to.into()],
        unit: Unit::Person.into(),
        ..Leg::default()
    };
    TransferCompleted {
        attribution: Some(Attribution { source_id: "s".into(), ..Default::default() }),
        leg: Some(leg),
        count: Some(Count { value: Some(value), ..Count::default() }),
        ..TransferCompleted::default()
    }
}

fn packed<M: prost::Message + prost::Name>(message: &M) -> NewEvent {
    NewEvent { payload: Some(Any::pack(message)), ..NewEvent::default() }
}
