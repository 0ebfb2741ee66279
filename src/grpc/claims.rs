//! `ClaimService`: what becomes of claims.

use prost::Message as _;
use tonic::Code;

use crate::{
    domain::{
        event::Position,
        limits,
        proto::{self, ErrorReason},
        violation::Violations,
    },
    engine::{AsOf, Engine},
    grpc::{
        budget::Budget,
        claimed::Texts,
        listed,
        page::{Page, Paging, Tokens, Usual},
        request,
        server_stubs::claim_service_server::ClaimService,
        service::{Service, recorded, unary},
        status::RpcError,
    },
    projections::{
        claim_history::{self, About},
        claim_status::{ClaimStatus, PreferenceInForce},
        register::Register,
    },
};

/// Bytes of the preferences that an answer has with a claim; its history has all of them.
const PREFERENCES_BYTES: usize = 128 << 10;

impl ClaimService for Service {
    recorded! {
        correct_claim(CorrectClaimRequest { correction, store }) -> CorrectClaimResponse;
        retract_claim(RetractClaimRequest { retraction, store }) -> RetractClaimResponse;
        dispute_claim(DisputeClaimRequest { dispute, store }) -> DisputeClaimResponse;
        confirm_claim(ConfirmClaimRequest { confirmation, store }) -> ConfirmClaimResponse;
        prefer_claim(PreferClaimRequest { preference, store }) -> PreferClaimResponse;
    }

    unary! {
        get_claim(GetClaimRequest) -> GetClaimResponse = get;
    }
}

async fn get(
    engine: &Engine,
    request: proto::GetClaimRequest,
) -> Result<proto::GetClaimResponse, RpcError> {
    let (claim, page, as_of) = question(request, Tokens::of(engine))?;
    let at = page.position(engine, as_of).await?;
    let found = engine.record().query(move |register| Found::of(register, claim, at)).await?;
    found.ok_or_else(|| missing(claim, at))?.answer(engine, &page, at).await
}

fn question(
    mut request: proto::GetClaimRequest,
    tokens: Tokens,
) -> Result<(Position, Page, AsOf), Violations> {
    let mut wrong = Violations::default();
    let paging = Paging::of(tokens, &mut request);
    let proto::GetClaimRequest { claim, as_of, min_position: _, page_size: _, page_token: _ } =
        request;
    if claim == 0 {
        wrong.add("claim", "is 0; give the position of a claim, which are counted from 1");
    }
    let page = paging.page(Usual::Few, &mut wrong);
    let as_of = request::as_of(as_of, "as_of", &mut wrong);
    wrong.into_result((claim, page, as_of))
}

fn missing(claim: Position, at: Position) -> RpcError {
    let message = format!(
        "as of position {at}, no claim is recorded at position {claim}; a correction or a \
         retraction is found in the history of the claim that it names"
    );
    RpcError::new(Code::NotFound, ErrorReason::NotFound, message)
}

/// A claim, what became of it, and a page of its history.
struct Found {
    status: ClaimStatus,
    preferences: Vec<PreferenceInForce>,
    history: Vec<About>,
}

impl Found {
    fn of(register: &Register, claim: Position, at: Position) -> Option<Self> {
        let view = register.at(at);
        let (row, _) = claim_history::shown(&view, claim)?;
        Some(Self {
            status: ClaimStatus::of(&view, row),
            preferences: claim_history::preferred(&view, claim),
            history: claim_history::history(&view, claim),
        })
    }

    async fn answer(
        self,
        engine: &Engine,
        page: &Page,
        position: Position,
    ) -> Result<proto::GetClaimResponse, RpcError> {
        let head = self.head(engine, position).await?;
        // The claim itself is one entry, so its bytes leave less for the history.
        let budget = Budget::of(limits::ANSWER_BYTES.saturating_sub(head.encoded_len()));
        let entry = |texts: &Texts, about: &About| proto::ClaimHistoryEntry {
            event: texts.event(about.event).cloned(),
            retracted_by: about.retracted_by.unwrap_or_default(),
        };
        let history = listed::messages(engine, budget, page.of(&self.history), entry).await?;
        let next_page_token = page.next(history.len(), self.history.len(), position);
        Ok(proto::GetClaimResponse { history, next_page_token, ..head })
    }

    /// The answer without the history: it is the same on every page.
    async fn head(
        &self,
        engine: &Engine,
        position: Position,
    ) -> Result<proto::GetClaimResponse, RpcError> {
        let Self { status, preferences: all, history: _ } = self;
        let texts = Texts::read(engine, [status.claim, status.read_from]).await?;
        let preference = |texts: &Texts, it: &PreferenceInForce| texts.preference(it.clone());
        let budget = Budget::of(PREFERENCES_BYTES);
        let preferences = listed::messages(engine, budget, all, preference).await?;
        let more = all.len() - preferences.len();
        Ok(proto::GetClaimResponse {
            record: Some(texts.record(status)),
            event: texts.event(status.claim).cloned(),
            reading: texts.reading(status.read_from).map(|reading| reading.pack()),
            preferences,
            more_preferences: u32::try_from(more).unwrap_or(u32::MAX),
            position,
            ..proto::GetClaimResponse::default()
        })
    }
}
