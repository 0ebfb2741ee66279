//! One `Consume` call: what the consumer says goes down, what it is told comes up.

use futures_util::{Stream, stream};
use tonic::{Status, Streaming};

use super::asked;
use crate::{
    domain::proto,
    engine::{Consumer, Delivered, Engine, GroupError},
    grpc::{passthrough::ConsumeFrame, status::Fault},
};

type Requests = Streaming<proto::ConsumeRequest>;

/// Reads the first message and takes part in the group that it names.
pub(super) async fn begin(
    engine: &Engine,
    mut requests: Requests,
) -> Result<impl Stream<Item = Result<ConsumeFrame, Status>> + Send + use<>, Status> {
    // A call without any message names no group.
    let mut first = requests.message().await?.unwrap_or_default();
    let (group, name) = (std::mem::take(&mut first.group), std::mem::take(&mut first.consumer));
    engine.expect_store(&std::mem::take(&mut first.store)).map_err(Fault::from)?;
    let consumer = Consumer::join(engine.groups(), &group, &name).await.map_err(Fault::from)?;
    say(&consumer, first).await?;
    let call = Some(Call { consumer, requests });
    Ok(stream::try_unfold(call, |call| async {
        match call {
            Some(call) => call.next().await,
            None => Ok(None),
        }
    }))
}

struct Call {
    consumer: Consumer,
    requests: Requests,
}

impl Call {
    /// The next frame; `None`: the consumer has said that it is done, and has left.
    async fn next(mut self) -> Result<Option<(ConsumeFrame, Option<Self>)>, Status> {
        loop {
            tokio::select! {
                // What it has to answer first is not made more.
                biased;
                said = self.requests.message() => {
                    let Some(said) = said? else {
                        self.consumer.leave().await;
                        return Ok(None);
                    };
                    say(&self.consumer, said).await?;
                }
                told = self.consumer.next() => {
                    let frame = told.map_err(Fault::from)?.into();
                    return Ok(Some((frame, Some(self))));
                }
            }
        }
    }
}

async fn say(consumer: &Consumer, said: proto::ConsumeRequest) -> Result<(), Status> {
    let said = asked::said(said).map_err(Fault::from)?;
    consumer.say(said).await.map_err(|error: GroupError| Fault::from(error).into())
}

impl From<Delivered> for ConsumeFrame {
    fn from(delivered: Delivered) -> Self {
        let Delivered { events, first_delivery, attempts, withdrawn } = delivered;
        let rest =
            proto::ConsumeResponse { events: Vec::new(), first_delivery, attempts, withdrawn };
        Self { run: events, rest }
    }
}
