//! A pipeline with answers that are never read keeps nothing from other callers.

use std::time::Duration;

use futures_util::{StreamExt as _, future::poll_immediate, stream};
use handover::{domain::proto::GetHeadRequest, grpc::client::Client};
use tokio::time::timeout;
use tonic::transport::Channel;

use crate::support::{Server, append, data_dir, event};

/// Bytes of an event: 36 of them take what may wait to be written in all.
const LARGE: usize = 900 << 10;
/// Appends of the pipeline.
const APPENDS: usize = 60;
const ENOUGH: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn unread_answers_hold_no_share_of_the_queue() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let good = server.client().await;
    let channel = Channel::from_shared(server.address.clone()).expect("an address");
    // There is room for one byte of the answers.
    let channel = channel.initial_stream_window_size(1).connect().await.expect("it is there");
    let text = "x".repeat(LARGE);
    let requests = (0..APPENDS).map(move |_| append("x/never", vec![event(&text, &[])]));
    let mut answers = Client::from_channel(channel).append_stream(stream::iter(requests));
    // The appends are sent once the answers are polled; from then on nothing reads them.
    let begun = async {
        while good.get_head(GetHeadRequest::default()).await.expect("an answer").position == 0 {
            assert!(poll_immediate(answers.next()).await.is_none(), "an answer has many bytes");
        }
    };
    timeout(ENOUGH, begun).await.expect("the appends begin");
    let head = GetHeadRequest { min_position: 30 };
    timeout(ENOUGH, good.get_head(head)).await.expect("they go in").expect("an answer");
    let one = append("x/good", vec![event(&"y".repeat(LARGE), &[])]);
    let appended = timeout(ENOUGH, good.append(one)).await;
    appended.expect("others wait for nothing").expect("it is recorded");
    let all = GetHeadRequest { min_position: APPENDS as u64 + 1 };
    timeout(ENOUGH, good.get_head(all)).await.expect("all go in").expect("an answer");
}
