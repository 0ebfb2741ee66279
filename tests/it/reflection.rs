//! Clients can ask which services there are, in both versions of reflection.

use std::collections::BTreeSet;

use tonic::transport::Channel;

use crate::support::{Server, data_dir};

const SERVICES: [&str; 8] = [
    "grpc.health.v1.Health",
    "handover.v1.ClaimService",
    "handover.v1.CountService",
    "handover.v1.EventStoreService",
    "handover.v1.ExchangeService",
    "handover.v1.SourceService",
    "handover.v1.StatementService",
    "handover.v1.TransferService",
];

/// The services that one version of reflection lists.
macro_rules! listed {
    ($version:ident, $channel:expr) => {{
        use tonic_reflection::pb::$version::{
            ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
            server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
        };
        let message_request = Some(MessageRequest::ListServices(String::new()));
        let request = ServerReflectionRequest { host: String::new(), message_request };
        let requests = futures_util::stream::iter([request]);
        let mut client = ServerReflectionClient::new($channel);
        let answers = client.server_reflection_info(requests).await.expect("it is there");
        let answer = answers.into_inner().message().await.expect("an answer").expect("one answer");
        match answer.message_response {
            Some(MessageResponse::ListServicesResponse(list)) => {
                list.service.into_iter().map(|service| service.name).collect::<BTreeSet<_>>()
            }
            other => panic!("{other:?}"),
        }
    }};
}

#[tokio::test]
async fn both_versions_of_reflection_list_every_service() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let address = server.address.clone();
    let channel = Channel::from_shared(address).expect("an address").connect().await;
    let channel = channel.expect("the server can be reached");
    for listed in [listed!(v1, channel.clone()), listed!(v1alpha, channel)] {
        for service in SERVICES {
            assert!(listed.contains(service), "{service} is not in {listed:?}");
        }
    }
}

#[tokio::test]
async fn reflection_can_be_switched_off() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &["--reflection", "false"]);
    let channel = Channel::from_shared(server.address.clone()).expect("an address").connect().await;
    let channel = channel.expect("the server can be reached");
    let mut client =
        tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient::new(channel);
    let error = client.server_reflection_info(futures_util::stream::empty()).await;
    assert_eq!(error.expect_err("it is off").code(), tonic::Code::Unimplemented);
}
