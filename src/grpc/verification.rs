//! `VerificationService`: checks of what is stored.

mod report;

use std::{sync::Arc, time::Duration};

use futures_util::stream;
use tonic::{Request, Response, Status};

use crate::{
    domain::proto,
    engine::{Engine, ReadError, Verifying},
    grpc::{
        answers::Answers,
        heartbeat::lively,
        server_stubs::verification_service_server::VerificationService,
        service::Service,
        status::{RpcError, overloaded},
    },
};

/// How often a caller learns how far it is.
const EVERY: Duration = Duration::from_secs(1);

#[tonic::async_trait]
impl VerificationService for Service {
    type VerifyStream = Answers<proto::VerifyResponse>;

    async fn verify(
        &self,
        _: Request<proto::VerifyRequest>,
    ) -> Result<Response<Self::VerifyStream>, Status> {
        Ok(Response::new(verify(&self.0)?))
    }
}

fn verify(engine: &Arc<Engine>) -> Result<Answers<proto::VerifyResponse>, RpcError> {
    let running = || overloaded("another verification is under way; wait for its end".to_owned());
    let verifying = engine.verify().ok_or_else(running)?;
    let state = Some((Arc::clone(engine), verifying));
    Ok(lively(stream::try_unfold(state, next), engine.heartbeat(), 0))
}

/// The verification, until its report was sent.
type State = Option<(Arc<Engine>, Verifying)>;

async fn next(state: State) -> Result<Option<(proto::VerifyResponse, State)>, Status> {
    let Some((engine, mut verifying)) = state else { return Ok(None) };
    tokio::select! {
        biased;
        () = engine.stopping().cancelled() => Err(RpcError::from(ReadError::Stopping).into()),
        report = verifying.done() => {
            let report = Some(report.map_err(RpcError::from)?.into());
            Ok(Some((proto::VerifyResponse { report, ..Default::default() }, None)))
        }
        () = tokio::time::sleep(EVERY) => {
            let progress = Some(progress(&verifying));
            let response = proto::VerifyResponse { progress, ..Default::default() };
            Ok(Some((response, Some((engine, verifying)))))
        }
    }
}

fn progress(verifying: &Verifying) -> proto::VerificationProgress {
    let (bytes, total_bytes) = verifying.progress().bytes();
    let (events, findings) = (verifying.progress().events(), verifying.found());
    proto::VerificationProgress { bytes, total_bytes, events, findings }
}
