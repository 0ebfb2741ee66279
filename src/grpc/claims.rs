//! `ClaimService`: what becomes of claims.

use prost::Message as _;
use tonic::{Code, Request, Response, Status};

use crate::{
    domain::{
        event::Position,
        limits,
        proto::{self, ErrorReason},
        violation::Violations,
    },
    engine::AsOf,
    grpc::{
        budget::Budget,
        claimed::Texts,
        listed,
        page::{Page, Paging, Tokens, Usual},
        record::{Recorder, recorded},
        request,
        server_stubs::claim_service_server::ClaimService,
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

#[tonic::async_trait]
impl ClaimService for Recorder {
    async fn correct_claim(
        &self,
        request: Request<proto::CorrectClaimRequest>,
    ) -> Result<Response<proto::CorrectClaimResponse>, Status> {
        recorded!(self, request, CorrectClaimRequest { correction, store }, CorrectClaimResponse)
    }

    async fn retract_claim(
        &self,
        request: Request<proto::RetractClaimRequest>,
    ) -> Result<Response<proto::RetractClaimResponse>, Status> {
        recorded!(self, request, RetractClaimRequest { retraction, store }, RetractClaimResponse)
    }

    async fn dispute_claim(
        &self,
        request: Request<proto::DisputeClaimRequest>,
    ) -> Result<Response<proto::DisputeClaimResponse>, Status> {
        recorded!(self, request, DisputeClaimRequest { dispute, store }, DisputeClaimResponse)
    }

    async fn confirm_claim(
        &self,
        request: Request<proto::ConfirmClaimRequest>,
    ) -> Result<Response<proto::ConfirmClaimResponse>, Status> {
        recorded!(self, request, ConfirmClaimRequest { confirmation, store }, ConfirmClaimResponse)
    }

    async fn prefer_claim(
        &self,
        request: Request<proto::PreferClaimRequest>,
    ) -> Result<Response<proto::PreferClaimResponse>, Status> {
        recorded!(self, request, PreferClaimRequest { preference, store }, PreferClaimResponse)
    }

    async fn get_claim(
        &self,
        request: Request<proto::GetClaimRequest>,
    ) -> Result<Response<proto::GetClaimResponse>, Status> {
        let question = question(request.into_inner(), Tokens::of(&self.0));
        let (claim, page, as_of) = question.map_err(RpcError::from)?;
        let at = page.position(&self.0, as_of).await?;
        let record = self.0.record();
        let found = record.query(move |register| Found::of(register, claim, at));
        let found = found.await.map_err(RpcError::from)?.ok_or_else(|| missing(claim, at))?;
        Ok(Response::new(found.answer(self, &page, at).await?))
    }
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
        recorder: &Recorder,
        page: &Page,
        position: Position,
    ) -> Result<proto::GetClaimResponse, RpcError> {
        let head = self.head(recorder, position).await?;
        // The claim itself is one entry, so its bytes leave less for the history.
        let budget = Budget::of(limits::ANSWER_BYTES.saturating_sub(head.encoded_len()));
        let entry = |texts: &Texts, about: &About| proto::ClaimHistoryEntry {
            event: texts.event(about.event).cloned(),
            retracted_by: about.retracted_by.unwrap_or_default(),
        };
        let history = listed::messages(&recorder.0, budget, page.of(&self.history), entry).await?;
        let next_page_token = page.next(history.len(), self.history.len(), position);
        Ok(proto::GetClaimResponse { history, next_page_token, ..head })
    }

    /// The answer without the history: it is the same on every page.
    async fn head(
        &self,
        recorder: &Recorder,
        position: Position,
    ) -> Result<proto::GetClaimResponse, RpcError> {
        let Self { status, preferences: all, history: _ } = self;
        let texts = Texts::read(&recorder.0, [status.claim, status.read_from]).await?;
        let preference = |texts: &Texts, it: &PreferenceInForce| texts.preference(it.clone());
        let budget = Budget::of(PREFERENCES_BYTES);
        let preferences = listed::messages(&recorder.0, budget, all, preference).await?;
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
