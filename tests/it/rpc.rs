//! Calls of any method over the wire, by its name: what a client in another language does.

use std::time::Duration;

use handover::grpc::client::{ClientError, ClientErrorKind};
use http::uri::PathAndQuery;
use prost::Message;
use tonic::{Request, client::Grpc, transport::Channel};
use tonic_prost::ProstCodec;

use crate::support::Server;

/// A connection to a server.
#[derive(Clone, Debug)]
pub(crate) struct Rpc(Channel);

impl Rpc {
    pub(crate) async fn connect(server: &Server) -> Self {
        let endpoint = Channel::from_shared(server.address.clone()).expect("an address");
        Self(endpoint.connect().await.expect("the server can be reached"))
    }

    async fn ready(&self, method: &str) -> (Grpc<Channel>, PathAndQuery) {
        let path = PathAndQuery::try_from(format!("/handover.v1.{method}")).expect("a path");
        let mut grpc = Grpc::new(self.0.clone());
        grpc.ready().await.expect("the connection stands");
        (grpc, path)
    }

    /// Calls `method`, as in `ClaimService/GetClaim`.
    pub(crate) async fn call<Q, A>(&self, method: &str, request: Q) -> Result<A, ClientError>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let (mut grpc, path) = self.ready(method).await;
        let codec = ProstCodec::<Q, A>::default();
        Ok(grpc.unary(Request::new(request), path, codec).await?.into_inner())
    }

    /// Calls `method` and expects a first answer of its stream, which may be a heartbeat, within a
    /// minute.
    pub(crate) async fn first<Q, A>(&self, method: &str, request: Q) -> Result<A, ClientError>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let (mut grpc, path) = self.ready(method).await;
        let codec = ProstCodec::<Q, A>::default();
        let first = async {
            let mut answers =
                grpc.server_streaming(Request::new(request), path, codec).await?.into_inner();
            Ok(answers.message().await?.expect("the stream goes on"))
        };
        tokio::time::timeout(Duration::from_mins(1), first).await.expect("it answers in time")
    }

    /// Calls `method` and expects an answer.
    pub(crate) async fn answer<Q, A>(&self, method: &str, request: Q) -> A
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        self.call(method, request).await.expect(method)
    }
}

/// The kind, the reason and the first field of an error.
pub(crate) fn reported<A: std::fmt::Debug>(
    outcome: Result<A, ClientError>,
) -> (ClientErrorKind, String, String) {
    let error = outcome.expect_err("an error");
    let field = error.fields.first().map(|(field, _)| field.clone()).unwrap_or_default();
    (error.kind, error.reason, field)
}

/// The refusal of a field.
pub(crate) fn invalid(field: &str) -> (ClientErrorKind, String, String) {
    (ClientErrorKind::Invalid, "INVALID_FIELD".into(), field.into())
}

/// Nothing of that name, or at that position, is in the record.
pub(crate) fn not_found() -> (ClientErrorKind, String, String) {
    (ClientErrorKind::NotFound, "NOT_FOUND".into(), String::new())
}
