use super::*;
use crate::{
    cli::{
        import::{Options, command::Terminal, import},
        lines,
    },
    domain::{
        known::Known,
        proto::{
            Any, AppendRequest, Attribution, ClaimRetracted, NewEvent, StreamWrite,
            SuperlativeClaimed,
        },
    },
    grpc::client::fake::Fake,
};

fn event(position: u64, payload: Any) -> RecordedEvent {
    RecordedEvent {
        position,
        stream: "exchange/demo-1".to_owned(),
        revision: position,
        recorded_at: Some(prost_types::Timestamp { seconds: 1, nanos: 0 }),
        payload: Some(payload),
        tags: vec!["desk:a".to_owned(), "exchange:demo-1".to_owned()],
        metadata: [("k".to_owned(), "v".to_owned())].into(),
        recorded_by: "desk".to_owned(),
    }
}

fn said() -> Attribution {
    Attribution { source_id: "demo-source".to_owned(), ..Default::default() }
}

fn claim() -> Any {
    Any::pack(&SuperlativeClaimed {
        attribution: Some(said()),
        text: "the first".to_owned(),
        exchange_id: "demo-1".to_owned(),
        ..Default::default()
    })
}

fn about(claim: u64) -> Any {
    Any::pack(&ClaimRetracted { attribution: Some(said()), claim, ..Default::default() })
}

#[test]
fn what_is_exported_reads_back_as_the_same_event_elsewhere() {
    for with_positions in [false, true] {
        let mut exporter = Exporter { with_positions, ..Default::default() };
        let first = Value::Object(exporter.line(&event(4, claim())).unwrap()).to_string();
        let second = Value::Object(exporter.line(&event(9, about(4))).unwrap()).to_string();
        assert_eq!(second.contains("recordedAt"), with_positions, "{second}");
        let first = lines::read(first.as_bytes(), 1).unwrap();
        let second = lines::read(second.as_bytes(), 2).unwrap();
        let expected = |payload| NewEvent {
            payload: Some(payload),
            tags: vec!["desk:a".to_owned()],
            metadata: [("k".to_owned(), "v".to_owned())].into(),
        };
        assert_eq!(first.event(None), expected(claim()));
        assert_eq!(second.payload.claim.as_ref().unwrap().id, first.id.unwrap());
        assert_eq!(second.event(Some(1)), expected(about(1)));
        assert_eq!(second.stream.unwrap().as_str(), "exchange/demo-1");
    }
}

#[tokio::test]
async fn an_exported_store_imports_into_an_empty_one_as_the_same_events() {
    let (source, target) = (Fake::default(), Fake::default());
    let client = source.client().await;
    for (position, payload) in [claim(), claim(), about(2), about(1)].into_iter().enumerate() {
        let tags = vec!["desk:a".to_owned()];
        let event = NewEvent { payload: Some(payload), tags, ..Default::default() };
        let stream = "exchange/demo-1".to_owned();
        let write = StreamWrite { stream, events: vec![event], ..Default::default() };
        let request = AppendRequest { writes: vec![write], ..Default::default() };
        let response = client.append(request).await.unwrap();
        assert_eq!(response.first_position, position as u64 + 1);
    }
    let mut lines = Vec::new();
    export(&client, ReadRequest::default(), true, &mut lines).await.unwrap();
    // Something else is there first, so that every position differs.
    let lines = [br#"{"stream":"x/y","payload":{"@type":"x.Y","@bytes":""}}"#, b"\n".as_slice()]
        .concat()
        .into_iter()
        .chain(lines)
        .collect::<Vec<u8>>();
    let mut report = Terminal::new("test");
    let client = target.client().await;
    let done = import(&client, lines.as_slice(), Options::default(), &mut report).await.unwrap();
    assert_eq!((done.added, done.refused), (5, 0));
    let events = target.events();
    for (old, new) in source.events().into_iter().zip(&events[1..]) {
        assert_eq!(new.position, old.position + 1);
        let same_but = |e: &RecordedEvent| (e.stream.clone(), e.revision, e.metadata.clone());
        assert_eq!(same_but(&old), same_but(new));
        let known = |e: &RecordedEvent| {
            let any = e.payload.clone().unwrap();
            Known::decode(any.type_name(), &any.value).unwrap().unwrap()
        };
        match (known(&old).about(), known(new).about()) {
            (None, None) => assert_eq!((&old.payload, &old.tags), (&new.payload, &new.tags)),
            (old, new) => assert_eq!(old.map(|claim| claim + 1), new),
        }
    }
}

#[test]
fn a_claim_that_is_left_out_is_not_pointed_at() {
    let failure = Exporter::default().line(&event(9, about(4))).unwrap_err();
    assert!(failure.message.contains("event 9 is about event 4"), "{failure}");
}
