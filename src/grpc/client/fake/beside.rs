//! What commands call beside the event store: the list of sources, for which they wait until the
//! figures have what they recorded, and retractions.

use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use tonic::{
    Request, Response,
    body::Body,
    codegen::http,
    server::{Grpc, NamedService, UnaryService},
};
use tonic_prost::ProstCodec;

use super::{Answer, Fake};
use crate::domain::proto::{
    GetHeadRequest, GetHeadResponse, ListSourcesRequest, ListSourcesResponse, RetractClaimRequest,
    RetractClaimResponse,
};

/// The sources of the store: none.
#[derive(Clone)]
pub(super) struct Sources(pub(super) Fake);

/// The claims of the store: each can be retracted, and stays as it is.
#[derive(Clone)]
pub(super) struct Claims;

impl NamedService for Sources {
    const NAME: &'static str = "handover.v1.SourceService";
}

impl NamedService for Claims {
    const NAME: &'static str = "handover.v1.ClaimService";
}

/// Serves the only method that is called of a service, whatever its path.
macro_rules! serve_one_method {
    ($service:ty) => {
        impl tower::Service<http::Request<Body>> for $service {
            type Response = http::Response<Body>;
            type Error = Infallible;
            type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

            fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
                Poll::Ready(Ok(()))
            }

            fn call(&mut self, request: http::Request<Body>) -> Self::Future {
                let own = self.clone();
                async move { Ok(Grpc::new(ProstCodec::default()).unary(own, request).await) }
                    .boxed()
            }
        }
    };
}

serve_one_method!(Sources);
serve_one_method!(Claims);

impl UnaryService<ListSourcesRequest> for Sources {
    type Response = ListSourcesResponse;
    type Future = Answer<ListSourcesResponse>;

    fn call(&mut self, request: Request<ListSourcesRequest>) -> Self::Future {
        let min_position = request.into_inner().min_position;
        self.0.0.lock().unwrap().waited_for.push(min_position);
        let answer = ListSourcesResponse { position: min_position, ..Default::default() };
        std::future::ready(Ok(Response::new(answer))).boxed()
    }
}

impl UnaryService<RetractClaimRequest> for Claims {
    type Response = RetractClaimResponse;
    type Future = Answer<RetractClaimResponse>;

    fn call(&mut self, _: Request<RetractClaimRequest>) -> Self::Future {
        std::future::ready(Ok(Response::new(RetractClaimResponse::default()))).boxed()
    }
}

impl UnaryService<GetHeadRequest> for Fake {
    type Response = GetHeadResponse;
    type Future = Answer<GetHeadResponse>;

    fn call(&mut self, _: Request<GetHeadRequest>) -> Self::Future {
        let position = self.events().len() as u64;
        let answer = GetHeadResponse { position, ..Default::default() };
        std::future::ready(Ok(Response::new(answer))).boxed()
    }
}
