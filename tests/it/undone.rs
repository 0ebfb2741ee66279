//! A repeated request gets its first answer for ever, and the answer says where its effect is gone.

#![expect(clippy::unnecessary_wraps, reason = "messages are made of optional fields")]

use futures_util::{StreamExt as _, stream};
use handover::{
    domain::proto::{
        Any, Attribution, ClaimConfirmed, ClaimCorrected, ClaimDisputed, ClaimPreferred,
        ClaimRetracted, ConfirmClaimRequest, CorrectClaimRequest, CorrectedBy, Count, Direction,
        DisputeClaimRequest, Leg, PreferClaimRequest, Receipt, RetractClaimRequest,
        TransferCompleted, Undoing, Unit,
    },
    grpc::client::Client,
};

use crate::support::{Server, append, data_dir, event, known, new_id};

fn attribution() -> Option<Attribution> {
    Some(Attribution { source_id: "demo".into(), ..Attribution::default() })
}

fn completed(value: u32) -> TransferCompleted {
    let (from, to) = (vec!["RU".into()], vec!["UA".into()]);
    let unit = Unit::Person.into();
    let leg = Some(Leg { exchange_id: "demo-1".into(), from, to, unit, ..Leg::default() });
    let count = Some(Count { value: Some(value), ..Count::default() });
    TransferCompleted { attribution: attribution(), leg, count, ..TransferCompleted::default() }
}

async fn record(client: &Client, value: u32) -> u64 {
    client
        .append(known("exchange/demo-1", &completed(value)))
        .await
        .expect("recorded")
        .last_position
}

async fn retract(client: &Client, claim: u64) -> u64 {
    let retraction = ClaimRetracted { attribution: attribution(), claim, reason: "wrong".into() };
    let request = RetractClaimRequest { retraction: Some(retraction), ..Default::default() };
    position(client.retract_claim(request).await.expect("recorded").receipt)
}

fn correction(claim: u64, value: u32) -> CorrectClaimRequest {
    let correction = ClaimCorrected {
        attribution: attribution(),
        claim,
        replacement: Some(Any::pack(&completed(value))),
        by: CorrectedBy::Recorder.into(),
        reason: "misread".into(),
    };
    CorrectClaimRequest { request_id: new_id(), correction: Some(correction), ..Default::default() }
}

fn preference(claim: u64, country: &str) -> PreferClaimRequest {
    let direction = if country.is_empty() { Direction::Unspecified } else { Direction::Received };
    let preference = ClaimPreferred {
        attribution: attribution(),
        claim,
        country: country.into(),
        direction: direction.into(),
        rationale: String::new(),
    };
    PreferClaimRequest { request_id: new_id(), preference: Some(preference), ..Default::default() }
}

fn position(receipt: Option<Receipt>) -> u64 {
    receipt.expect("a receipt").position
}

/// What the answer to a repeated request says of its effect; it is the first answer otherwise.
fn undone(first: u64, again: Option<Receipt>) -> Option<(u64, Undoing)> {
    let again = again.expect("a receipt");
    assert_eq!((again.position, again.duplicate), (first, true));
    let undone = again.undone?;
    assert_eq!(undone.position, first);
    Some((undone.by, undone.how()))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_reports_which_of_its_events_have_no_effect_any_more() {
    let (_dir, data) = data_dir();
    let mut server = Server::start(&data, &[]);
    let mut client = server.client().await;
    let mut request = known("exchange/demo-1", &completed(13));
    for value in [14, 15] {
        let payload = Some(Any::pack(&completed(value)));
        let event = handover::domain::proto::NewEvent { payload, ..Default::default() };
        request.writes[0].events.push(event);
    }
    request
        .writes
        .push(append("x/a", vec![event("of no type that is known", &[])]).writes.remove(0));
    let first = client.append(request.clone()).await.expect("recorded");
    assert_eq!((first.first_position, first.last_position, first.undone.len()), (1, 4, 0));
    let again = client.append(request.clone()).await.expect("safe to repeat");
    assert_eq!((again.duplicate, again.undone.len()), (true, 0), "all of it has its effect");

    let retracted = retract(&client, 3).await;
    let corrected = position(client.correct_claim(correction(1, 12)).await.expect("ok").receipt);
    let expected = [(1, corrected, Undoing::Corrected), (3, retracted, Undoing::Retracted)];
    for restarted in [false, true] {
        if restarted {
            server.kill();
            server = Server::start(&data, &[]);
            client = server.client().await;
        }
        let again = client.append(request.clone()).await.expect("safe to repeat");
        let undone = again.undone.iter().map(|it| (it.position, it.by, it.how()));
        assert_eq!(undone.collect::<Vec<_>>(), expected);
        assert_eq!((again.first_position, again.revisions), (1, first.revisions.clone()));
        let mut piped = client.append_stream(stream::iter([request.clone()]));
        let piped = piped.next().await.expect("an answer").expect("a pipeline");
        assert_eq!(piped.expect("safe to repeat").undone, again.undone, "in a pipeline as well");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_about_a_claim_is_undone_by_its_retraction_or_that_of_the_claim() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let client = server.client().await;
    let claim = record(&client, 13).await;
    let confirmation =
        ClaimConfirmed { attribution: attribution(), claim, ..ClaimConfirmed::default() };
    let confirmation = ConfirmClaimRequest {
        request_id: new_id(),
        confirmation: Some(confirmation),
        ..Default::default()
    };
    let dispute = ClaimDisputed { attribution: attribution(), claim, ..ClaimDisputed::default() };
    let dispute =
        DisputeClaimRequest { request_id: new_id(), dispute: Some(dispute), ..Default::default() };
    let (first, second) = (correction(claim, 14), correction(claim, 15));
    let confirmed = position(client.confirm_claim(confirmation.clone()).await.unwrap().receipt);
    let disputed = position(client.dispute_claim(dispute.clone()).await.unwrap().receipt);
    let corrected = position(client.correct_claim(first.clone()).await.unwrap().receipt);
    let retraction = retract(&client, disputed).await;
    let later = position(client.correct_claim(second.clone()).await.unwrap().receipt);

    let again = client.confirm_claim(confirmation.clone()).await.unwrap().receipt;
    assert_eq!(undone(confirmed, again), None, "a corrected claim is confirmed all the same");
    let again = client.dispute_claim(dispute.clone()).await.unwrap().receipt;
    assert_eq!(undone(disputed, again), Some((retraction, Undoing::Retracted)));
    let again = client.correct_claim(first.clone()).await.unwrap().receipt;
    assert_eq!(undone(corrected, again), Some((later, Undoing::Corrected)));
    let again = client.correct_claim(second.clone()).await.unwrap().receipt;
    assert_eq!(undone(later, again), None);

    let request = RetractClaimRequest {
        request_id: new_id(),
        retraction: Some(ClaimRetracted {
            attribution: attribution(),
            claim,
            reason: "wrong".into(),
        }),
        ..Default::default()
    };
    let gone = position(client.retract_claim(request.clone()).await.unwrap().receipt);
    let again = client.retract_claim(request).await.unwrap().receipt;
    assert_eq!(undone(gone, again), None, "a retraction stands");
    let again = client.correct_claim(second).await.unwrap().receipt;
    assert_eq!(undone(later, again), Some((gone, Undoing::Retracted)));
    let again = client.confirm_claim(confirmation).await.unwrap().receipt;
    assert_eq!(undone(confirmed, again), Some((gone, Undoing::Retracted)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preference_is_undone_by_a_later_one_for_the_same_and_comes_back_with_its_retraction() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let client = server.client().await;
    let (low, high) = (record(&client, 13).await, record(&client, 15).await);
    let (for_leg, for_country) = (preference(low, ""), preference(low, "UA"));
    let prefer = async |request: &PreferClaimRequest| {
        client.prefer_claim(request.clone()).await.expect("recorded").receipt
    };
    let leg = position(prefer(&for_leg).await);
    let country = position(prefer(&for_country).await);
    assert_eq!(undone(leg, prefer(&for_leg).await), None, "one for a country decides no leg");
    let other = position(prefer(&preference(high, "")).await);
    assert_eq!(undone(leg, prefer(&for_leg).await), Some((other, Undoing::Replaced)));
    assert_eq!(undone(country, prefer(&for_country).await), None);
    retract(&client, other).await;
    assert_eq!(undone(leg, prefer(&for_leg).await), None, "it is in force again");
    let retraction = retract(&client, leg).await;
    assert_eq!(undone(leg, prefer(&for_leg).await), Some((retraction, Undoing::Retracted)));
    let retraction = retract(&client, low).await;
    assert_eq!(undone(country, prefer(&for_country).await), Some((retraction, Undoing::Retracted)));
}
