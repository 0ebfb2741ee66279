//! Many streams of one client.

use std::time::Duration;

use futures_util::{StreamExt as _, future::try_join_all};
use handover::{domain::proto::SubscribeRequest, grpc::client::Client};
use tokio::time::timeout;

use crate::{
    proxy::Proxy,
    support::{Server, append, data_dir, event},
};

/// One connection carries 1,024 calls.
const STREAMS: usize = 1_100;
const ENOUGH: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread")]
async fn what_one_connection_cannot_carry_goes_over_another() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let proxy = Proxy::start(&server.address).await;
    let client = Client::connect(&proxy.address).await.expect("it can be reached");
    let subscribe = |_| client.subscribe(SubscribeRequest::default());
    let mut streams: Vec<_> = (0..STREAMS).map(subscribe).collect();
    let answers = streams.iter_mut().map(async |stream| stream.next().await.expect("a frame"));
    let answered = timeout(ENOUGH, try_join_all(answers)).await;
    assert_eq!(answered.expect("no stream waits").expect("each begins").len(), STREAMS);
    assert_eq!(proxy.opened(), 2);
    let one = client.append(append("x/a", vec![event("one", &[])]));
    timeout(ENOUGH, one).await.expect("it waits for no stream").expect("it is recorded");
    drop(streams);
    let mut again = client.subscribe(SubscribeRequest::default());
    again.next().await.expect("a frame").expect("there is room again");
    assert_eq!(proxy.opened(), 2);
}
