//! Which texts of an event are identity texts, and how a payload is made to hold them folded.
//!
//! Every message is taken apart field by field, so that a field added to the protos does not
//! compile until it is decided whether the record tells things apart by it: finds, groups, compares
//! or names a stream or tag by it. Titles, places, quotes and remarks are only shown; they stay as
//! they were typed.

use std::borrow::Cow;

use bytes::Bytes;
use prost::Message as _;
use prost_reflect::{DynamicMessage, ReflectMessage as _, Value};

use crate::domain::{
    identity::fold,
    known::Known,
    proto::{
        self, Actor, Any, Attribution, ClaimConfirmed, ClaimCorrected, ClaimDisputed,
        ClaimPreferred, ClaimRetracted, Count, DetentionReported, ExchangeReported, Leg,
        RoleAttributed, SourceRegistered, StatementMade, SuperlativeClaimed, TotalClaimed,
        TransferAgreed, TransferCompleted, TransferDeclined,
    },
};

impl Known {
    /// Decodes a payload that is recorded, its identity texts folded: those that an older build let
    /// in stand in the log as they were typed. `None`: its type is not one of ours.
    pub fn read(type_name: &str, payload: &[u8]) -> Option<Result<Self, prost::DecodeError>> {
        let decoded = Self::decode(type_name, payload)?;
        Some(decoded.map(Self::folded))
    }

    /// The same event with its identity texts folded.
    #[must_use]
    pub fn folded(mut self) -> Self {
        self.fold();
        self
    }

    /// Folds the identity texts. Answers whether one of them was not folded before.
    pub fn fold(&mut self) -> bool {
        let mut folder = Folder { changed: false };
        folder.event(self);
        folder.changed
    }

    /// The payload that [`Known::decode`] made this of, with the identity texts of `folded`. Fields
    /// that this server does not know are kept.
    pub fn rewritten(folded: &Self, payload: &[u8]) -> Bytes {
        let folded = folded.pack();
        graft(folded.type_name(), payload, &folded.value).unwrap_or(folded.value)
    }
}

/// Puts what a message says into the place of what the payload says. `None`: the descriptors do not
/// have its type.
fn graft(type_name: &str, payload: &[u8], folded: &[u8]) -> Option<Bytes> {
    let descriptor = proto::describe(type_name)?;
    let mut message = DynamicMessage::decode(descriptor.clone(), payload).ok()?;
    let folded = DynamicMessage::decode(descriptor, folded).ok()?;
    put_fields(&mut message, &folded);
    Some(message.encode_to_vec().into())
}

fn put_fields(message: &mut DynamicMessage, folded: &DynamicMessage) {
    for field in message.descriptor().fields() {
        if folded.has_field(&field) {
            put(message.get_field_mut(&field), &folded.get_field(&field));
        } else {
            message.clear_field(&field);
        }
    }
}

fn put(value: &mut Value, folded: &Value) {
    match (value, folded) {
        (Value::Message(message), Value::Message(folded)) => put_fields(message, folded),
        (Value::List(values), Value::List(folded)) if values.len() == folded.len() => {
            values.iter_mut().zip(folded).for_each(|(value, folded)| put(value, folded));
        }
        (value, folded) => *value = folded.clone(),
    }
}

struct Folder {
    changed: bool,
}

impl Folder {
    fn event(&mut self, event: &mut Known) {
        match event {
            Known::SourceRegistered(event) => self.source(event),
            Known::StatementMade(event) => self.statement(event),
            Known::ExchangeReported(event) => self.reported(event),
            Known::RoleAttributed(event) => self.role(event),
            Known::TransferAgreed(event) => self.agreed(event),
            Known::TransferCompleted(event) => self.completed(event),
            Known::TransferDeclined(event) => self.declined(event),
            Known::TotalClaimed(event) => self.total(event),
            Known::SuperlativeClaimed(event) => self.superlative(event),
            Known::DetentionReported(event) => self.detention(event),
            Known::ClaimConfirmed(ClaimConfirmed { attribution, claim: _, grounds: _ })
            | Known::ClaimDisputed(ClaimDisputed { attribution, claim: _, grounds: _ })
            | Known::ClaimRetracted(ClaimRetracted { attribution, claim: _, reason: _ }) => {
                self.attribution(attribution.as_mut());
            }
            Known::ClaimCorrected(event) => self.corrected(event),
            Known::ClaimPreferred(event) => self.preferred(event),
        }
    }

    fn text(&mut self, text: &mut String) {
        if let Cow::Owned(folded) = fold(text)
            && folded != *text
        {
            *text = folded;
            self.changed = true;
        }
    }

    fn texts(&mut self, texts: &mut [String]) {
        for text in texts {
            self.text(text);
        }
    }

    fn actor(&mut self, actor: Option<&mut Actor>) {
        if let Some(actor) = actor {
            let Actor { party, name, kind: _ } = actor;
            self.text(party);
            self.text(name);
        }
    }

    fn attribution(&mut self, attribution: Option<&mut Attribution>) {
        let Some(attribution) = attribution else { return };
        let Attribution {
            source_id,
            locator: _,
            claimed_by,
            relayed_by,
            reported_at: _,
            reliability: _,
            credibility: _,
            note: _,
        } = attribution;
        self.text(source_id);
        self.actor(claimed_by.as_mut());
        for relay in relayed_by {
            self.actor(Some(relay));
        }
    }

    fn leg(&mut self, leg: Option<&mut Leg>) {
        if let Some(leg) = leg {
            let Leg { exchange_id, from, to, unit: _, category: _, portion } = leg;
            self.text(exchange_id);
            self.texts(from);
            self.texts(to);
            self.text(portion);
        }
    }

    /// Numbers of different scopes stay distinct where claims are set against each other.
    fn count(&mut self, count: Option<&mut Count>) {
        if let Some(count) = count {
            let Count { value: _, low: _, high: _, approximate: _, scope } = count;
            self.text(scope);
        }
    }

    fn source(&mut self, event: &mut SourceRegistered) {
        let SourceRegistered {
            source_id,
            kind: _,
            publisher: _,
            title: _,
            url: _,
            archive_url: _,
            sha256: _,
            language: _,
            translated: _,
            published_at: _,
        } = event;
        self.text(source_id);
    }

    fn statement(&mut self, event: &mut StatementMade) {
        let StatementMade {
            attribution,
            speaker,
            on_behalf_of,
            mode: _,
            occasion: _,
            place: _,
            text: _,
            topics,
            mentions: _,
            exchange_id,
            occurred: _,
            occurred_text: _,
        } = event;
        self.attribution(attribution.as_mut());
        self.actor(speaker.as_mut());
        self.actor(on_behalf_of.as_mut());
        self.texts(topics);
        self.text(exchange_id);
    }

    fn reported(&mut self, event: &mut ExchangeReported) {
        let ExchangeReported {
            attribution,
            exchange_id,
            part_of,
            title: _,
            kind: _,
            parties,
            place: _,
            occurred: _,
            occurred_text: _,
            status: _,
        } = event;
        self.attribution(attribution.as_mut());
        self.text(exchange_id);
        self.text(part_of);
        self.texts(parties);
    }

    fn role(&mut self, event: &mut RoleAttributed) {
        let RoleAttributed { attribution, exchange_id, actor, role: _, denied: _ } = event;
        self.attribution(attribution.as_mut());
        self.text(exchange_id);
        self.actor(actor.as_mut());
    }

    fn agreed(&mut self, event: &mut TransferAgreed) {
        let TransferAgreed { attribution, leg, count } = event;
        self.attribution(attribution.as_mut());
        self.leg(leg.as_mut());
        self.count(count.as_mut());
    }

    fn completed(&mut self, event: &mut TransferCompleted) {
        let TransferCompleted {
            attribution,
            leg,
            count,
            of_which: _,
            kind: _,
            via,
            occurred: _,
            occurred_text: _,
        } = event;
        self.attribution(attribution.as_mut());
        self.leg(leg.as_mut());
        self.count(count.as_mut());
        self.texts(via);
    }

    fn declined(&mut self, event: &mut TransferDeclined) {
        let TransferDeclined { attribution, leg, count, reason: _ } = event;
        self.attribution(attribution.as_mut());
        self.leg(leg.as_mut());
        self.count(count.as_mut());
    }

    fn total(&mut self, event: &mut TotalClaimed) {
        let TotalClaimed {
            attribution,
            leg,
            series,
            as_of: _,
            covers: _,
            count,
            previous_total: _,
            follows_exchange_id,
        } = event;
        self.attribution(attribution.as_mut());
        self.leg(leg.as_mut());
        self.text(series);
        self.count(count.as_mut());
        self.text(follows_exchange_id);
    }

    /// Superlatives are recorded and shown; nothing is found or compared by their words.
    fn superlative(&mut self, event: &mut SuperlativeClaimed) {
        let SuperlativeClaimed {
            attribution,
            exchange_id,
            text: _,
            measure: _,
            scope: _,
            since: _,
            holder: _,
        } = event;
        self.attribution(attribution.as_mut());
        self.text(exchange_id);
    }

    fn detention(&mut self, event: &mut DetentionReported) {
        let DetentionReported {
            attribution,
            detention_id,
            subject: _,
            custodian,
            status: _,
            charge: _,
            since: _,
        } = event;
        self.attribution(attribution.as_mut());
        self.text(detention_id);
        self.actor(custodian.as_mut());
    }

    fn corrected(&mut self, event: &mut ClaimCorrected) {
        let ClaimCorrected { attribution, claim: _, replacement, by: _, reason: _ } = event;
        self.attribution(attribution.as_mut());
        let Some(any) = replacement else { return };
        self.replacement(any);
    }

    /// What a correction puts in the claim's place is an event of its own, in bytes.
    fn replacement(&mut self, any: &mut Any) {
        let Some(Ok(mut event)) = Known::decode(any.type_name(), &any.value) else { return };
        // Only first-hand claims can be corrected, so this nests no further.
        if event.is_first_hand_claim() && event.fold() {
            any.value = Known::rewritten(&event, &any.value);
            self.changed = true;
        }
    }

    fn preferred(&mut self, event: &mut ClaimPreferred) {
        let ClaimPreferred { attribution, claim: _, country, direction: _, rationale: _ } = event;
        self.attribution(attribution.as_mut());
        self.text(country);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::known::examples;

    const NOTHING: &str = "\u{200b}";

    /// The event with characters that show nothing in each of its texts, as another machine may
    /// have typed them, titles and remarks included.
    fn typed_elsewhere(event: &Known) -> Known {
        let any = event.pack();
        let descriptor = proto::describe(any.type_name()).unwrap();
        let mut message = DynamicMessage::decode(descriptor, any.value.as_ref()).unwrap();
        sprinkle(&mut message);
        Known::decode(any.type_name(), &message.encode_to_vec()).unwrap().unwrap()
    }

    fn sprinkle(message: &mut DynamicMessage) {
        for field in message.descriptor().fields() {
            if message.has_field(&field) && field.name() != "type_url" {
                sprinkle_value(message.get_field_mut(&field));
            }
        }
    }

    fn sprinkle_value(value: &mut Value) {
        match value {
            Value::String(text) => text.insert_str(1, NOTHING),
            Value::Message(message) => sprinkle(message),
            Value::List(values) => values.iter_mut().for_each(sprinkle_value),
            Value::Bool(_)
            | Value::I32(_)
            | Value::I64(_)
            | Value::U32(_)
            | Value::U64(_)
            | Value::F32(_)
            | Value::F64(_)
            | Value::Bytes(_)
            | Value::EnumNumber(_)
            | Value::Map(_) => {}
        }
    }

    #[test]
    fn an_event_that_is_folded_stays_as_it_is() {
        for event in examples::all() {
            let mut folded = event.clone();
            assert!(!folded.fold(), "{event:?}");
            assert_eq!(folded, event);
        }
    }

    #[test]
    fn every_text_that_tags_and_streams_follow_from_is_folded() {
        for event in examples::all() {
            let mut typed = typed_elsewhere(&event);
            assert!(typed.fold(), "{event:?}");
            assert_eq!((typed.tags(), typed.home()), (event.tags(), event.home()));
        }
    }

    #[test]
    fn texts_that_are_only_shown_stay_as_they_were_typed() {
        let event = examples::statement();
        let Known::StatementMade(typed) = typed_elsewhere(&event.clone().into()).folded() else {
            panic!("another type");
        };
        assert_eq!((typed.speaker, typed.topics), (event.speaker, event.topics));
        for (typed, event) in [(typed.text, event.text), (typed.occasion, event.occasion)] {
            assert_eq!(typed.replace(NOTHING, ""), event);
            assert!(typed.contains(NOTHING));
        }
    }

    #[test]
    fn fields_of_a_newer_version_survive_the_folding() {
        let unknown = [0xf2, 0xff, 0x01, 0x03, b'n', b'e', b'w'];
        for event in examples::all() {
            let typed = typed_elsewhere(&event);
            let payload = [typed.pack().value.as_ref(), &unknown].concat();
            let rewritten = Known::rewritten(&typed.clone().folded(), &payload);
            assert!(rewritten.ends_with(&unknown), "{event:?}");
            let known = rewritten.strip_suffix(&unknown).unwrap();
            assert_eq!(known, typed.folded().pack().value.as_ref(), "{event:?}");
        }
    }

    #[test]
    fn unknown_fields_within_an_actor_and_a_replacement_survive_too() {
        let unknown: &[u8] = &[0xf2, 0xff, 0x01, 0x03, b'n', b'e', b'w'];
        let actor = Actor { name: "Ana \u{a0}Demo".into(), ..Default::default() };
        let actor = [actor.encode_to_vec().as_slice(), unknown].concat();
        // Field 3 of RoleAttributed is the actor.
        let length = u8::try_from(actor.len()).unwrap();
        let role = [&[0x1a, length], actor.as_slice()].concat();
        let replacement =
            Any { type_url: Any::pack(&RoleAttributed::default()).type_url, value: role.into() };
        let correction = ClaimCorrected { replacement: Some(replacement), ..Default::default() };
        let payload = correction.encode_to_vec();
        let folded = Known::from(correction).folded();
        let rewritten = Known::rewritten(&folded, &payload);
        let contains = |part: &[u8]| rewritten.windows(part.len()).any(|window| window == part);
        assert!(contains(unknown) && contains(b"Ana Demo"), "{rewritten:?}");
    }
}
