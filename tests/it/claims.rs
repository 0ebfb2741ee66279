//! What becomes of a claim: recorded, and shown with its history.

use handover::{
    domain::proto::{
        self, AsOf, Attribution, ClaimConfirmed, ClaimCorrected, ClaimDisputed, ClaimPreferred,
        ClaimRetracted, ConfirmClaimRequest, ConfirmClaimResponse, CorrectClaimRequest,
        CorrectClaimResponse, CorrectedBy, Count, DisputeClaimRequest, DisputeClaimResponse,
        GetClaimRequest, GetClaimResponse, Leg, PreferClaimRequest, PreferClaimResponse, Receipt,
        RecordTransferRequest, RecordTransferResponse, RetractClaimRequest, RetractClaimResponse,
        TransferAgreed, TransferCompleted, Undoing, Undone, as_of::Moment,
        record_transfer_request::Transfer,
    },
    grpc::client::ClientErrorKind,
};

use crate::{
    rpc::{Rpc, invalid, not_found, reported},
    support::{Server, data_dir, new_id, read_all},
};

fn attribution(source_id: &str) -> Attribution {
    Attribution { source_id: source_id.into(), ..Attribution::default() }
}

fn leg() -> Leg {
    let (from, to) = (vec!["RU".into()], vec!["UA".into()]);
    let unit = proto::Unit::Person.into();
    Leg { exchange_id: "demo-1".into(), from, to, unit, ..Leg::default() }
}

fn completed(value: u32) -> TransferCompleted {
    let count = Some(Count { value: Some(value), ..Count::default() });
    let attribution = Some(attribution("demo"));
    TransferCompleted { attribution, leg: Some(leg()), count, ..TransferCompleted::default() }
}

fn correction(claim: u64, replacement: proto::Any) -> CorrectClaimRequest {
    let correction = Some(ClaimCorrected {
        attribution: Some(attribution("desk")),
        claim,
        replacement: Some(replacement),
        by: CorrectedBy::Recorder.into(),
        reason: "misread".into(),
    });
    CorrectClaimRequest { correction, ..CorrectClaimRequest::default() }
}

fn retraction(claim: u64) -> RetractClaimRequest {
    let attribution = Some(attribution("desk"));
    let retraction = Some(ClaimRetracted { attribution, claim, reason: "an error".into() });
    RetractClaimRequest { retraction, ..RetractClaimRequest::default() }
}

fn confirmation(claim: u64) -> ConfirmClaimRequest {
    let attribution = Some(attribution("desk"));
    let confirmation = Some(ClaimConfirmed { attribution, claim, ..ClaimConfirmed::default() });
    ConfirmClaimRequest { confirmation, ..ConfirmClaimRequest::default() }
}

fn dispute(claim: u64) -> DisputeClaimRequest {
    let attribution = Some(attribution("other"));
    let dispute = Some(ClaimDisputed { attribution, claim, ..ClaimDisputed::default() });
    DisputeClaimRequest { dispute, ..DisputeClaimRequest::default() }
}

fn preference(claim: u64) -> PreferClaimRequest {
    let (attribution, rationale) = (Some(attribution("desk")), "closest to the event".into());
    let preferred = ClaimPreferred { attribution, claim, rationale, ..ClaimPreferred::default() };
    PreferClaimRequest { preference: Some(preferred), ..PreferClaimRequest::default() }
}

async fn record(rpc: &Rpc, value: u32) -> Receipt {
    let transfer = Some(Transfer::Completed(completed(value)));
    let request = RecordTransferRequest { transfer, ..RecordTransferRequest::default() };
    let answer: RecordTransferResponse =
        rpc.answer("TransferService/RecordTransfer", request).await;
    answer.receipt.expect("a receipt")
}

async fn correct(rpc: &Rpc, claim: u64, value: u32) -> Receipt {
    let request = correction(claim, proto::Any::pack(&completed(value)));
    let answer: CorrectClaimResponse = rpc.answer("ClaimService/CorrectClaim", request).await;
    answer.receipt.expect("a receipt")
}

async fn retract(rpc: &Rpc, claim: u64) -> Receipt {
    let answer: RetractClaimResponse =
        rpc.answer("ClaimService/RetractClaim", retraction(claim)).await;
    answer.receipt.expect("a receipt")
}

async fn confirm(rpc: &Rpc, claim: u64) -> Receipt {
    let answer: ConfirmClaimResponse =
        rpc.answer("ClaimService/ConfirmClaim", confirmation(claim)).await;
    answer.receipt.expect("a receipt")
}

/// The claim as of a position, once the answers include it; 0: as of now.
async fn get(rpc: &Rpc, claim: u64, at: u64) -> GetClaimResponse {
    let as_of = (at > 0).then_some(AsOf { moment: Some(Moment::Position(at)) });
    let request = GetClaimRequest { claim, as_of, min_position: at, ..GetClaimRequest::default() };
    rpc.answer("ClaimService/GetClaim", request).await
}

/// The number that a claim reads.
fn number(answer: &GetClaimResponse) -> Option<u32> {
    let reading = answer.reading.as_ref().expect("a reading");
    assert_eq!(reading.type_name(), "handover.v1.TransferCompleted");
    let transfer: TransferCompleted =
        prost::Message::decode(reading.value.clone()).expect("a transfer");
    transfer.count.and_then(|count| count.value)
}

fn history(answer: &GetClaimResponse) -> Vec<(u64, u64)> {
    let position =
        |entry: &proto::ClaimHistoryEntry| entry.event.as_ref().map_or(0, |it| it.position);
    answer.history.iter().map(|entry| (position(entry), entry.retracted_by)).collect()
}

#[tokio::test]
async fn a_claim_shows_how_it_reads_and_every_event_about_it_as_of_any_position() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let rpc = Rpc::connect(&server).await;
    let first = record(&rpc, 150).await;
    record(&rpc, 189).await;
    let confirmed = confirm(&rpc, first.position).await;
    let corrected = correct(&rpc, first.position, 160).await;
    let disputed: DisputeClaimResponse =
        rpc.answer("ClaimService/DisputeClaim", dispute(first.position)).await;
    let disputed = disputed.receipt.expect("a receipt");
    let preferred: PreferClaimResponse =
        rpc.answer("ClaimService/PreferClaim", preference(first.position)).await;
    let preferred = preferred.receipt.expect("a receipt");
    let undone = retract(&rpc, disputed.position).await;
    for receipt in [&confirmed, &corrected, &disputed, &preferred, &undone] {
        assert_eq!(receipt.stream, first.stream, "{receipt:?}");
        assert_eq!(receipt.revision, receipt.position, "all are in one stream");
    }
    let now = get(&rpc, first.position, undone.position).await;
    let record = now.record.as_ref().expect("a record");
    assert_eq!((number(&now), record.corrected_by), (Some(160), corrected.position));
    assert_eq!((record.retracted_by, record.confirmations, record.disputes), (0, 1, 0));
    assert_eq!(now.event.as_ref().map(|it| it.position), Some(first.position));
    let expected = [
        (confirmed.position, 0),
        (corrected.position, 0),
        (disputed.position, undone.position),
        (preferred.position, 0),
        (undone.position, 0),
    ];
    assert_eq!(history(&now), expected);
    let [preference] = now.preferences.as_slice() else { panic!("{:?}", now.preferences) };
    assert_eq!((preference.position, preference.value), (preferred.position, 160));
    assert_eq!(preference.rationale, "closest to the event");

    let before = get(&rpc, first.position, confirmed.position).await;
    assert_eq!((number(&before), before.preferences.len()), (Some(150), 0));
    assert_eq!(history(&before), [(confirmed.position, 0)]);
    assert_eq!(before.position, confirmed.position);

    let gone = retract(&rpc, first.position).await;
    let then = get(&rpc, first.position, gone.position).await;
    let record = then.record.as_ref().expect("a record");
    assert_eq!((record.retracted_by, number(&then)), (gone.position, Some(160)));
    assert_eq!(then.preferences, [], "a preference ends with its claim");
    let dispute = get(&rpc, disputed.position, gone.position).await;
    assert_eq!(dispute.record.expect("a record").retracted_by, undone.position);
}

#[tokio::test]
async fn a_request_that_is_repeated_is_recorded_once() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let rpc = Rpc::connect(&server).await;
    let claim = record(&rpc, 150).await.position;
    let request = ConfirmClaimRequest { request_id: new_id(), ..confirmation(claim) };
    let queried =
        || rpc.answer::<_, ConfirmClaimResponse>("ClaimService/ConfirmClaim", request.clone());
    let first = queried().await.receipt.expect("a receipt");
    let by = retract(&rpc, claim).await.position;
    let again = queried().await.receipt.expect("a receipt");
    let undone = Undone { position: first.position, by, how: Undoing::Retracted.into() };
    assert_eq!(again, Receipt { duplicate: true, undone: Some(undone), ..first });
}

#[tokio::test]
async fn an_event_about_what_is_no_such_claim_is_refused_and_nothing_is_recorded() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let rpc = Rpc::connect(&server).await;
    let claim = record(&rpc, 150).await.position;
    let gone = record(&rpc, 189).await.position;
    let head = retract(&rpc, gone).await.position;
    let retract = |claim| rpc.call("ClaimService/RetractClaim", retraction(claim));
    let rule = (ClientErrorKind::Refused, "RECORD_RULE".to_owned());
    for missing in [head + 1, 99, u64::MAX, gone, head] {
        let (kind, reason, _) = reported::<RetractClaimResponse>(retract(missing).await);
        assert_eq!((kind, reason), rule, "{missing}");
    }
    let agreed =
        TransferAgreed { attribution: Some(attribution("demo")), leg: Some(leg()), count: None };
    let agreed = TransferAgreed { count: Some(Count::default()), ..agreed };
    let other = correction(claim, proto::Any::pack(&agreed));
    let other = rpc.call("ClaimService/CorrectClaim", other).await;
    let (kind, reason, _) = reported::<CorrectClaimResponse>(other);
    assert_eq!((kind, reason), rule, "a correction by another sort of claim");

    let nothing = rpc.call("ClaimService/DisputeClaim", DisputeClaimRequest::default()).await;
    assert_eq!(reported::<DisputeClaimResponse>(nothing), invalid("dispute"));
    let unnamed = rpc.call("ClaimService/PreferClaim", preference(0)).await;
    assert_eq!(reported::<PreferClaimResponse>(unnamed), invalid("preference.claim"));
    assert_eq!(read_all(&server.client().await).await.len() as u64, head);
}

#[tokio::test]
async fn what_is_no_claim_or_not_yet_one_is_not_found() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let rpc = Rpc::connect(&server).await;
    let claim = record(&rpc, 150).await.position;
    let corrected = correct(&rpc, claim, 160).await.position;
    let other = record(&rpc, 9).await.position;
    let head = retract(&rpc, other).await.position;
    let queried = async |claim, at: u64| {
        let as_of = (at > 0).then_some(AsOf { moment: Some(Moment::Position(at)) });
        let request =
            GetClaimRequest { claim, as_of, min_position: head, ..GetClaimRequest::default() };
        reported::<GetClaimResponse>(rpc.call("ClaimService/GetClaim", request).await)
    };
    for nothing in [corrected, head, head + 1, 99, u64::MAX] {
        assert_eq!(queried(nothing, 0).await, not_found(), "{nothing}");
    }
    assert_eq!(queried(other, corrected).await, not_found(), "it came later");
    assert_eq!(queried(0, 0).await, invalid("claim"));
    assert_eq!(queried(claim, head + 1).await.0, ClientErrorKind::BeyondHead);
}

#[tokio::test]
async fn a_history_comes_in_pages_that_stay_as_they_were_while_events_are_appended() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let rpc = Rpc::connect(&server).await;
    let claim = record(&rpc, 150).await.position;
    let mut expected = Vec::new();
    for _ in 0..5 {
        expected.push((confirm(&rpc, claim).await.position, 0));
    }
    let min_position = expected[4].0;
    let mut request =
        GetClaimRequest { claim, min_position, page_size: 2, ..GetClaimRequest::default() };
    let mut seen = Vec::new();
    loop {
        let page: GetClaimResponse = rpc.answer("ClaimService/GetClaim", request.clone()).await;
        assert_eq!(
            (page.position, page.record.expect("a record").confirmations),
            (min_position, 5)
        );
        seen.extend(history(&GetClaimResponse { record: None, ..page.clone() }));
        let newest = confirm(&rpc, claim).await.position;
        retract(&rpc, newest).await;
        if page.next_page_token.is_empty() {
            break;
        }
        request =
            GetClaimRequest { page_token: page.next_page_token, min_position: newest, ..request };
    }
    assert_eq!(seen, expected);
    let other = GetClaimRequest { claim: claim + 1, page_token: "AAAA".into(), ..request };
    let refused = rpc.call("ClaimService/GetClaim", other).await;
    assert_eq!(reported::<GetClaimResponse>(refused), invalid("page_token"));
}
