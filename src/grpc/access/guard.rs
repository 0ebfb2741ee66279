//! The layer that admits calls, before their requests are taken in.

use http::Extensions;
use tonic::{Code, body::Body};

use super::{caller::Caller, credentials::Credential, in_use::Access, lifetime::Bounded};
use crate::{
    domain::{
        access::{Permission, rule_of},
        proto::ErrorReason,
    },
    grpc::{
        around::{Answer, Around, HttpRequest},
        connection::ConnectionInfo,
        intake,
        origin::Origin,
        status::RpcError,
    },
};

/// Admits calls; without [`Access`], all of them.
#[derive(Clone, Debug, Default)]
pub(in crate::grpc) struct Guard(pub(in crate::grpc) Option<Access>);

impl Around for Guard {
    fn around<E: Send + 'static>(
        &self,
        mut request: HttpRequest,
        within: impl FnOnce(HttpRequest) -> Answer<E>,
    ) -> Answer<E> {
        let Some(access) = &self.0 else { return within(request) };
        let caller = match admitted(access, &request) {
            Ok(caller) => caller,
            Err(refusal) => {
                let refusal = tonic::Status::from(refusal).into_http();
                return Box::pin(std::future::ready(Ok(refusal)));
            }
        };
        let streams = !intake::answers_once(request.uri().path());
        request.extensions_mut().insert(caller.clone());
        let answer = within(request);
        Box::pin(async move {
            let response = answer.await?;
            if !streams {
                return Ok(response);
            }
            Ok(response.map(|body| match Bounded::new(body, caller) {
                Ok(bounded) => Body::new(bounded),
                Err(body) => body,
            }))
        })
    }
}

fn admitted(access: &Access, request: &HttpRequest) -> Result<Caller, RpcError> {
    let Some(rule) = rule_of(request.uri().path()) else {
        let message = "this server has no such method; its reflection lists those it has";
        return Err(RpcError::new(Code::Unimplemented, ErrorReason::Unimplemented, message));
    };
    if rule.permission == Permission::Nothing {
        return Ok(Caller::default());
    }
    let origin = origin(request.extensions());
    let credential = Credential::of(request.headers(), &origin);
    let credential =
        credential.map_err(|error| Caller::stranger(access, rule, origin.address, error))?;
    Caller::admit(access, credential, rule, origin.address)
}

fn origin(extensions: &Extensions) -> Origin {
    extensions.get::<ConnectionInfo>().map(|it| it.origin.clone()).unwrap_or_default()
}
