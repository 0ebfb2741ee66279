use super::*;
use crate::{
    domain::{
        known::examples,
        proto::{Any, Attribution, ClaimCorrected, ClaimDisputed, ClaimRetracted, CorrectedBy},
    },
    engine::{
        head::HeadSender,
        resolution::{Resolution, resolve},
        validation::{Author, check},
    },
};

fn attribution() -> Attribution {
    Attribution { source_id: "demo-desk".into(), ..Attribution::default() }
}

/// A completed transfer of the samples, with another receiver.
fn transfer(to: &str) -> Known {
    let mut transfer = examples::completed();
    transfer.leg.as_mut().unwrap().to = vec![to.into()];
    transfer.into()
}

fn home(known: &Known) -> String {
    match known.home() {
        Some(crate::domain::known::Home::Stream(stream)) => stream.to_string(),
        other => panic!("{other:?}"),
    }
}

fn retraction(claim: Position) -> Known {
    ClaimRetracted { attribution: Some(attribution()), claim, reason: "an error".into() }.into()
}

fn dispute(claim: Position) -> Known {
    ClaimDisputed { attribution: Some(attribution()), claim, grounds: "other records".into() }
        .into()
}

fn correction(claim: Position, replacement: &Known) -> Known {
    let replacement: Option<Any> = Some(replacement.pack());
    let by = CorrectedBy::Recorder.into();
    let reason = "misread".into();
    ClaimCorrected { attribution: Some(attribution()), claim, replacement, by, reason }.into()
}

fn rule(outcome: Result<Appended, AppendError>) -> &'static str {
    match outcome {
        Err(AppendError::Rule(broken)) => broken.rule,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_event_about_a_claim_carries_the_tags_it_had_before_and_after_its_correction() {
    let store = Store::new();
    let first = transfer("DE");
    let stream = home(&first);
    store.engine().append(known(&stream, &[first])).await.unwrap();
    store.engine().append(known(&stream, &[correction(1, &transfer("NO"))])).await.unwrap();
    store.engine().append(known(&stream, &[dispute(1)])).await.unwrap();
    let events = store.all().await;
    for event in &events[1..] {
        for tag in ["to:DE", "to:NO", "claim:1", "source:demo-desk"] {
            assert!(event.tags.contains(&tag.to_owned()), "{tag} on {}", event.position);
        }
        assert!(event.tags.is_sorted());
    }
    assert!(!events[0].tags.contains(&"to:NO".to_owned()), "a stored event never changes");
}

#[tokio::test]
async fn readings_that_are_no_longer_current_leave_no_tags_on_later_events() {
    let store = Store::new();
    let first = transfer("DE");
    let stream = home(&first);
    let receivers = |event: &RecordedEvent| -> Vec<String> {
        let receivers = event.tags.iter().filter_map(|tag| tag.strip_prefix("to:"));
        receivers.map(str::to_owned).collect()
    };
    store.engine().append(known(&stream, &[first])).await.unwrap();
    let corrections = ["NO", "FR"].map(|to| correction(1, &transfer(to)));
    store.engine().append(known(&stream, &corrections)).await.unwrap();
    for event in [correction(1, &transfer("SE")), dispute(1)] {
        store.engine().append(known(&stream, &[event])).await.unwrap();
    }
    let tags: Vec<_> = store.all().await.iter().map(receivers).collect();
    // What the claim was, what it read just before, and what it reads from here on.
    let expected =
        [&["DE"][..], &["DE", "NO"], &["DE", "FR", "NO"], &["DE", "FR", "SE"], &["DE", "SE"]];
    assert_eq!(tags, expected);
}

#[tokio::test]
async fn an_event_about_a_claim_needs_one_that_stands_in_its_own_stream() {
    let store = Store::new();
    let engine = store.engine();
    let first = transfer("DE");
    let stream = home(&first);
    engine.append(known(&stream, &[first])).await.unwrap();
    assert_eq!(
        rule(engine.append(known(&stream, &[dispute(7)])).await),
        crate::domain::claim::CLAIM_EXISTS
    );
    let elsewhere = engine.append(known("exchange/elsewhere", &[dispute(1)])).await;
    let Err(AppendError::Invalid(violations)) = elsewhere else { panic!("{elsewhere:?}") };
    assert_eq!(violations.0[0].field, "writes[0].stream");
    let twice = known(&stream, &[retraction(1), retraction(1)]);
    assert_eq!(rule(engine.append(twice).await), crate::domain::claim::CLAIM_STANDS);
    assert_eq!(engine.head().position, 1, "one of two is not enough");
    engine.append(known(&stream, &[correction(1, &transfer("NO")), retraction(1)])).await.unwrap();
    assert_eq!(
        rule(engine.append(known(&stream, &[dispute(1)])).await),
        crate::domain::claim::CLAIM_STANDS
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_said_about_a_claim_after_its_retraction_however_they_race() {
    let store = Store::new();
    for _ in 0..60 {
        let engine = store.engine();
        let first = transfer("DE");
        let stream = home(&first);
        let claim = engine.append(known(&stream, &[first])).await.unwrap().last_position;
        let retract = engine.append(known(&stream, &[retraction(claim)]));
        let disputes = (0..4).map(|_| engine.append(known(&stream, &[dispute(claim)])));
        let (retracted, outcomes) =
            futures_util::join!(retract, futures_util::future::join_all(disputes));
        let retracted = retracted.unwrap().last_position;
        for outcome in outcomes {
            match outcome {
                Ok(appended) => assert!(appended.last_position < retracted),
                Err(error) => assert!(matches!(error, AppendError::Rule(_)), "{error}"),
            }
        }
    }
}

#[tokio::test]
async fn the_retraction_of_an_event_about_a_claim_leaves_the_claim_standing() {
    let store = Store::new();
    let engine = store.engine();
    let first = transfer("DE");
    let stream = home(&first);
    engine.append(known(&stream, &[first])).await.unwrap();
    engine.append(known(&stream, &[dispute(1)])).await.unwrap();
    engine.append(known(&stream, &[retraction(2)])).await.unwrap();
    let events = store.all().await;
    assert!(events[2].tags.contains(&"claim:1".to_owned()), "it carries the tag all the same");

    engine.append(known(&stream, &[dispute(1)])).await.unwrap();
    engine.append(known(&stream, &[correction(1, &transfer("NO"))])).await.unwrap();
    engine.append(known(&stream, &[retraction(1), dispute(1)])).await.unwrap_err();
    let retracted = engine.append(known(&stream, &[retraction(1)])).await.unwrap().last_position;
    // Withdrawn later than the claim itself, which stays withdrawn by its own retraction.
    engine.append(known(&stream, &[retraction(4)])).await.unwrap();
    match engine.append(known(&stream, &[dispute(1)])).await {
        Err(AppendError::Rule(broken)) => {
            assert_eq!(broken.rule, crate::domain::claim::CLAIM_STANDS);
            assert!(broken.description.contains(&retracted.to_string()), "{broken}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_append_is_shared_with_the_writer_and_copied_only_if_it_gets_tags_of_claims() {
    let store = Store::new();
    let first = transfer("DE");
    let stream = home(&first);
    store.engine().append(known(&stream, std::slice::from_ref(&first))).await.unwrap();
    let of_claims = [known(&stream, &[first]), known(&stream, &[dispute(1)])];
    let appends = [append("x/a", "one")].into_iter().chain(of_claims);
    for (append, shared) in appends.zip([true, true, false]) {
        let prepared = check(append, Author::Client, 1).unwrap();
        let before = Append::clone(&prepared.append);
        // As often as its lookup goes stale.
        for _ in 0..2 {
            let look_ups = &store.engine().appender.look_ups;
            let Resolution::Decide(request) = resolve(&prepared, look_ups).await.unwrap() else {
                panic!("it is new");
            };
            assert_eq!(Arc::ptr_eq(&request.append, &prepared.append), shared);
            assert_eq!(*prepared.append, before, "it is resolved again from what was validated");
        }
    }
}

#[tokio::test]
async fn what_the_index_has_beyond_the_head_does_not_count_as_looked_up() {
    let store = Store::new();
    let engine = store.engine();
    let first = transfer("DE");
    let stream = home(&first);
    engine.append(known(&stream, &[first])).await.unwrap();
    let behind = engine.head();
    engine.append(known(&stream, &[retraction(1)])).await.unwrap();
    engine.reader.indexed(2).await.unwrap();
    // The retraction is durable and indexed, and the head has not moved yet.
    let (_sender, head) = HeadSender::new(behind);
    let indexed = engine.reader.watch_index();
    let reader = Reader::new(Arc::clone(&engine.log), head, indexed, CancellationToken::new());
    let prepared = check(known(&stream, &[dispute(1)]), Author::Client, 1).unwrap();
    let Resolution::Decide(request) = resolve(&prepared, &reader).await.unwrap() else {
        panic!("it is new");
    };
    assert_eq!(request.resolved.as_of, 1, "the writer would not look for the retraction");
}
