//! The gate that every payload passes on its way into the record, whichever call brings it.

use bytes::Bytes;

use crate::domain::{
    group,
    known::{Home, Known},
    name::StreamName,
    proto::PACKAGE,
    violation::Violations,
    wire::Room,
};

/// An event of the record's own language that may enter the record.
#[derive(Clone, Debug, PartialEq)]
pub struct Examined {
    /// The event, its identity texts folded.
    pub known: Known,
    /// The payload with these texts; absent: it has them already, and stays as it came.
    pub rewritten: Option<Bytes>,
    /// Its own stream, if it is about no claim.
    pub home: Option<StreamName>,
}

/// Decodes a payload of a known type, if there is room for it, checks its fields, folds its
/// identity texts, and checks that `stream` is its own, however its name is spelled: as it is
/// folded, or as it follows from the texts as they were typed.
///
/// `None`: the type is of another package, and its payload is not checked. Violations stand at
/// `stream`, at `payload.type_url` or `payload.value` if those name or hold no event of ours, and
/// otherwise at the payload's own fields, as in `payload.leg.from[0]`. Of an event about a claim,
/// the stream is the claim's, which only the record knows; its caller compares.
pub fn examine(
    stream: &StreamName,
    type_name: &str,
    payload: &[u8],
    room: &mut Room,
) -> Result<Option<Examined>, Violations> {
    let mut violations = Violations::default();
    if group::is_of_groups(stream.as_str()) {
        let problem =
            format!("is {stream}, where only the server records; see ConsumerGroupService");
        violations.add("stream", problem);
        return Err(violations);
    }
    let Some(event) = decode(type_name, payload, room)? else { return Ok(None) };
    violations.absorb("", fields(&event));
    let typed = home(&event);
    let mut known = event;
    let changed = known.fold();
    let home = if changed { home(&known) } else { typed.clone() };
    if let Some(home) = &home
        && *home != stream.folded()
        && typed.as_ref() != Some(stream)
    {
        let kind = known.short_name();
        violations.add("stream", format!("is {stream}, but this {kind} belongs in {home}"));
    }
    let rewritten = changed.then(|| Known::rewritten(&known, payload));
    violations.into_result(Some(Examined { known, rewritten, home }))
}

fn home(event: &Known) -> Option<StreamName> {
    match event.home() {
        Some(Home::Stream(home)) => Some(home),
        Some(Home::OfClaim(_)) | None => None,
    }
}

/// The same without asking for the stream, for where that is no name.
pub fn examine_payload(type_name: &str, payload: &[u8], room: &mut Room) -> Result<(), Violations> {
    let Some(event) = decode(type_name, payload, room)? else { return Ok(()) };
    fields(&event).into_result(())
}

fn decode(type_name: &str, payload: &[u8], room: &mut Room) -> Result<Option<Known>, Violations> {
    let mut violations = Violations::default();
    match Known::admit(type_name, payload, room) {
        None if type_name.starts_with(PACKAGE) => {
            let problem = format!("names {type_name}, which is no event that this server knows");
            violations.add("payload.type_url", problem);
            Err(violations)
        }
        None => Ok(None),
        Some(Ok(event)) => Ok(Some(event)),
        Some(Err(found)) => {
            violations.absorb("payload", found);
            Err(violations)
        }
    }
}

fn fields(event: &Known) -> Violations {
    let mut violations = Violations::default();
    if let Err(found) = event.validate() {
        violations.absorb("payload", found);
    }
    violations
}

/// Takes over what was found about an event: `stream` belongs to the write, everything else to
/// the event.
pub fn place(found: Violations, write: &str, event: &str, all: &mut Violations) {
    let (stream, rest) = found.split(|violation| violation.field == "stream");
    all.absorb(write, stream);
    all.absorb(event, rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{known::examples, proto};

    fn fields(stream: &str, type_name: &str, payload: &[u8]) -> Vec<(String, String)> {
        let stream = StreamName::parse(stream).expect(stream);
        let violations =
            examine(&stream, type_name, payload, &mut Room::default()).err().unwrap_or_default();
        violations.0.into_iter().map(|violation| (violation.field, violation.problem)).collect()
    }

    #[test]
    fn what_is_not_ours_passes_untouched() {
        let stream = StreamName::parse("anything/else").unwrap();
        for name in ["demo.v1.Thing", "handover.v2.TransferCompleted", "handover.v10.X", "x"] {
            assert_eq!(examine(&stream, name, &[0xff], &mut Room::default()), Ok(None), "{name}");
        }
    }

    #[test]
    fn what_is_in_our_package_and_no_event_is_refused() {
        for name in ["handover.v1.TransferComplete", "handover.v1.Leg", "handover.v1.a.B"] {
            let found = fields("exchange/demo-1", name, &[]);
            assert_eq!((found.len(), found[0].0.as_str()), (1, "payload.type_url"));
            assert!(found[0].1.contains(name), "{found:?}");
        }
    }

    #[test]
    fn a_known_event_in_its_own_stream_passes() {
        for event in examples::all() {
            let stream = match event.home().expect("examples have homes") {
                Home::Stream(stream) => stream,
                Home::OfClaim(_) => StreamName::parse("exchange/of-the-claim").unwrap(),
            };
            let payload = event.pack().value;
            let examined = examine(&stream, event.type_name(), &payload, &mut Room::default());
            let home = home(&event);
            assert_eq!(examined, Ok(Some(Examined { known: event, rewritten: None, home })));
        }
    }

    #[test]
    fn a_known_event_in_a_foreign_stream_is_refused_with_the_right_one() {
        let event = Known::from(examples::completed());
        let found = fields("exchange/demo-2", event.type_name(), &event.pack().value);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, "stream");
        assert!(found[0].1.contains("belongs in exchange/demo-1"), "{}", found[0].1);
    }

    #[test]
    fn identity_texts_are_folded_on_the_way_in() {
        let leg = proto::Leg { portion: "first\u{a0}batch".into(), ..examples::leg() };
        let typed = proto::TransferCompleted {
            leg: Some(proto::Leg { exchange_id: "demo-1\u{200b}".into(), ..leg.clone() }),
            ..examples::completed()
        };
        let folded = proto::TransferCompleted {
            leg: Some(proto::Leg { portion: "first batch".into(), ..leg }),
            ..examples::completed()
        };
        let (typed, folded) = (Known::from(typed), Known::from(folded));
        for stream in ["exchange/demo-1", "exchange/demo-1\u{200b}", "exchange/\u{feff}demo-1"] {
            let stream = StreamName::parse(stream).unwrap();
            let payload = typed.pack().value;
            let examined = examine(&stream, typed.type_name(), &payload, &mut Room::default());
            let (known, rewritten) = (folded.clone(), Some(folded.pack().value));
            let home = StreamName::parse("exchange/demo-1").ok();
            assert_eq!(examined, Ok(Some(Examined { known, rewritten, home })));
        }
    }

    #[test]
    fn a_stream_may_be_called_by_the_slug_of_what_was_typed() {
        let mut statement = examples::statement();
        statement.speaker = Some(examples::actor("", "Ana\u{e0100}Demo"));
        let event = Known::from(statement);
        let payload = event.pack().value;
        for (stream, taken) in
            [("statement/ana-demo", true), ("statement/anademo", true), ("statement/ana", false)]
        {
            let name = StreamName::parse(stream).unwrap();
            let examined = examine(&name, event.type_name(), &payload, &mut Room::default());
            let home = examined.ok().flatten().and_then(|examined| examined.home);
            let expected = taken.then_some("statement/anademo");
            assert_eq!(home.as_ref().map(StreamName::as_str), expected, "{stream}");
        }
    }

    #[test]
    fn bytes_that_do_not_parse_are_refused() {
        // A cut number, and a text (`via`) that is none.
        for payload in [[0xff].as_slice(), &[0x32, 0x01, 0xff]] {
            let found = fields("exchange/demo-1", "handover.v1.TransferCompleted", payload);
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].0, "payload.value");
        }
    }

    #[test]
    fn payloads_have_one_room_together_and_what_corrects_a_claim_takes_of_it_too() {
        let times = |any: &proto::Any| {
            let mut room = Room::default();
            let admit = || Known::admit(any.type_name(), &any.value, &mut room).expect("known");
            let mut admitted = std::iter::repeat_with(admit);
            let times = admitted.by_ref().take_while(Result::is_ok).count();
            let found = admitted.next().and_then(Result::err).expect("there is no more room");
            assert!(found.0[0].limit, "{found}");
            times
        };
        let event = Known::from(examples::completed());
        let correction = Known::from(examples::correction(&event)).pack();
        let (alone, corrected) = (times(&event.pack()), times(&correction));
        assert!(0 < corrected && corrected < alone, "{corrected} of {alone}");
    }

    #[test]
    fn everything_wrong_is_reported_at_once() {
        let mut event = examples::completed();
        event.leg = Some(proto::Leg { from: vec!["de".into()], ..examples::leg() });
        let event = Known::from(event);
        let found = fields("exchange/demo-2", event.type_name(), &event.pack().value);
        let paths: Vec<_> = found.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(paths, ["payload.leg.from[0]", "stream"]);
    }
}
