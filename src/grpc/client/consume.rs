//! Taking part in a consumer group.

use futures_util::Stream;
use tonic::transport::Channel;

use super::{Answers, Client, ClientError, timed, without};
use crate::{
    domain::{limits, proto},
    grpc::client_stubs::consumer_group_service_client::ConsumerGroupServiceClient,
};

impl Client {
    /// Takes part in a group for as long as `requests` go on. Nothing is sent before the answers
    /// are first polled, and both sides advance together from then on.
    pub fn consume(
        &self,
        requests: impl Stream<Item = proto::ConsumeRequest> + Send + 'static,
    ) -> Answers<proto::ConsumeResponse> {
        let answers =
            self.stream(|over| async move { over.group_service().consume(requests).await });
        without(answers, |answer| answer.heartbeat)
    }

    /// The groups, and how far each is.
    pub async fn list_groups(
        &self,
        request: proto::ListGroupsRequest,
    ) -> Result<proto::ListGroupsResponse, ClientError> {
        let mut service = self.group_service();
        Ok(service.list_groups(timed(request)).await?.into_inner())
    }

    pub(super) fn group_service(&self) -> ConsumerGroupServiceClient<Channel> {
        let size = limits::REQUEST_BYTES;
        ConsumerGroupServiceClient::new(self.channel.clone())
            .max_decoding_message_size(size)
            .max_encoding_message_size(size)
    }
}
