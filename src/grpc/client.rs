//! A thin client for the command line: connects, and hides tonic from the layers above.

use tonic::transport::Channel;

use crate::grpc::client_stubs::event_store_service_client::EventStoreServiceClient;

/// A connection to a server.
#[derive(Clone, Debug)]
pub struct Client {
    store: EventStoreServiceClient<Channel>,
}
