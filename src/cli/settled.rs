//! What a command has recorded is in the figures when the command ends.
//!
//! Figures follow the log by some milliseconds, and by more under load. Counts that are asked for
//! after a table was imported have to be of that table.

use crate::{
    domain::proto::{GetHeadRequest, ListSourcesRequest},
    grpc::client::{Client, ClientError},
};

/// Waits until the projections have everything that is recorded now. The server bounds the wait. A
/// wait in vain is no failure: what is recorded stays so, and each answer says for which position
/// it is true.
pub(super) async fn settled(client: &Client) {
    let _: Result<(), ClientError> = async {
        let min_position = client.get_head(GetHeadRequest::default()).await?.position;
        let request = ListSourcesRequest { min_position, page_size: 1, ..Default::default() };
        client.sources(request).await.map(drop)
    }
    .await;
}
