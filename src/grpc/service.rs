//! What all services share: the engine that answers, and methods that take one message and answer
//! with one.

use std::{pin::Pin, sync::Arc};

use tonic::{Response, Status};

use crate::engine::Engine;

/// Serves every service of the record.
#[derive(Clone, Debug)]
pub(crate) struct Service(pub(crate) Arc<Engine>);

/// The future of a method's answer.
pub(crate) type Answering<'a, M> =
    Pin<Box<dyn Future<Output = Result<Response<M>, Status>> + Send + 'a>>;

/// Methods that answer with what a function of the engine, the caller and the request answers. The
/// signature is what `tonic::async_trait` makes of an `async fn`.
macro_rules! by_caller {
    ($($method:ident($request:ident) -> $response:ident = $answer:expr;)+) => {
        $(
            fn $method<'life0, 'async_trait>(
                &'life0 self,
                request: tonic::Request<$crate::domain::proto::$request>,
            ) -> $crate::grpc::service::Answering<'async_trait, $crate::domain::proto::$response>
            where
                'life0: 'async_trait,
                Self: 'async_trait,
            {
                Box::pin(async move {
                    let (_, extensions, request) = request.into_parts();
                    let caller = $crate::grpc::access::Caller::of(&extensions);
                    let engine: &$crate::engine::Engine = &self.0;
                    let answer = ($answer)(engine, &caller, request);
                    Ok(tonic::Response::new(answer.await?))
                })
            }
        )+
    };
}
pub(crate) use by_caller;

/// Methods as [`by_caller`] makes them, whose function does not take the caller.
macro_rules! unary {
    ($($method:ident($request:ident) -> $response:ident = $answer:expr;)+) => {
        $($crate::grpc::service::by_caller! {
            $method($request) -> $response = |engine, _, request| $answer(engine, request);
        })+
    };
}
pub(crate) use unary;

/// Methods that record the one event of their requests, for the store that the request names where
/// it can name one.
macro_rules! recorded {
    (
        $($method:ident($request:ident { $field:ident $(, $store:ident)? }) -> $response:ident;)+
    ) => {
        $($crate::grpc::service::by_caller! {
            $method($request) -> $response = {
                async fn answer(
                    engine: &$crate::engine::Engine,
                    caller: &$crate::grpc::access::Caller,
                    request: $crate::domain::proto::$request,
                ) -> Result<$crate::domain::proto::$response, $crate::grpc::status::RpcError> {
                    let $crate::domain::proto::$request {
                        request_id, $field, tags, metadata $(, $store)?
                    } = request;
                    let reach = None$(.or(Some(engine.expect_store(&$store)?)))?;
                    let extras = $crate::grpc::record::Extras { request_id, tags, metadata, reach };
                    let field = stringify!($field);
                    let receipt =
                        $crate::grpc::record::record(engine, caller, field, $field, extras);
                    let receipt = Some(receipt.await?);
                    Ok($crate::domain::proto::$response { receipt })
                }
                answer
            };
        })+
    };
}
pub(crate) use recorded;
