//! A consumer that a test steers.

use std::collections::{BTreeMap, VecDeque};

use futures_util::{StreamExt as _, stream};
use handover::{
    domain::proto::{ConsumeRequest, ConsumeResponse, Nack, NackAction, RecordedEvent},
    grpc::client::{Answers, Client, ClientError},
};
use tokio::sync::mpsc;

/// One call to `Consume`.
pub(crate) struct Member {
    say: Option<mpsc::Sender<ConsumeRequest>>,
    reported: Answers<ConsumeResponse>,
    /// Events that came and were not taken yet.
    came: VecDeque<Delivered>,
    /// Deliveries that were withdrawn.
    pub(crate) withdrawn: Vec<u64>,
    unanswered: BTreeMap<u64, u64>,
}

/// An event as it was delivered.
#[derive(Clone, Debug)]
pub(crate) struct Delivered {
    pub(crate) delivery: u64,
    pub(crate) attempts: u32,
    pub(crate) event: RecordedEvent,
}

impl Member {
    /// Takes part; nothing is sent before the first event is requested.
    pub(crate) fn join(client: &Client, group: &str, name: &str, credit: u64) -> Self {
        let (say, said) = mpsc::channel(1_024);
        let first = ConsumeRequest {
            group: group.into(),
            consumer: name.into(),
            credit,
            ..ConsumeRequest::default()
        };
        say.try_send(first).expect("the call has not begun");
        let said = stream::unfold(said, |mut said| async { Some((said.recv().await?, said)) });
        Self {
            say: Some(say),
            reported: client.consume(said),
            came: VecDeque::new(),
            withdrawn: Vec::new(),
            unanswered: BTreeMap::new(),
        }
    }

    /// The next event.
    pub(crate) async fn next(&mut self) -> Result<Delivered, ClientError> {
        loop {
            if let Some(event) = self.came.pop_front() {
                return Ok(event);
            }
            self.receive().await?;
        }
    }

    /// Waits for whatever comes next.
    pub(crate) async fn receive(&mut self) -> Result<(), ClientError> {
        let reported = self.reported.next().await.expect("the call goes on")?;
        assert_eq!(reported.events.len(), reported.attempts.len(), "each event with its attempts");
        self.withdrawn.extend(&reported.withdrawn);
        for delivery in &reported.withdrawn {
            self.unanswered.remove(delivery);
        }
        self.came.retain(|event| !reported.withdrawn.contains(&event.delivery));
        let events = reported.events.into_iter().zip(reported.attempts);
        for (delivery, (event, attempts)) in (reported.first_delivery..).zip(events) {
            self.unanswered.insert(delivery, event.position);
            self.came.push_back(Delivered { delivery, attempts, event });
        }
        Ok(())
    }

    /// The positions of the next events.
    pub(crate) async fn positions(&mut self, count: usize) -> Vec<u64> {
        let mut positions = Vec::new();
        while positions.len() < count {
            positions.push(self.next().await.expect("an event").event.position);
        }
        positions
    }

    pub(crate) fn say(&self, request: ConsumeRequest) {
        // If the call has ended, the next request for an event finds that out.
        let _ = self.say.as_ref().expect("it has not left").try_send(request);
    }

    pub(crate) fn ack(&mut self, deliveries: &[u64]) {
        for delivery in deliveries {
            self.unanswered.remove(delivery);
        }
        self.say(ConsumeRequest { acks: deliveries.to_vec(), ..ConsumeRequest::default() });
    }

    /// Acknowledges everything that came, and gives as much credit.
    pub(crate) fn ack_all(&mut self) {
        let acks: Vec<_> = std::mem::take(&mut self.unanswered).into_keys().collect();
        let credit = acks.len() as u64;
        self.say(ConsumeRequest { acks, credit, ..ConsumeRequest::default() });
    }

    pub(crate) fn nack(&mut self, delivery: u64, action: NackAction, reason: &str) {
        self.unanswered.remove(&delivery);
        let nack = Nack { delivery, action: action.into(), reason: reason.into() };
        self.say(ConsumeRequest { nacks: vec![nack], ..ConsumeRequest::default() });
    }

    /// Says that nothing more comes, and waits until the group has handled everything. What was
    /// withdrawn from it.
    pub(crate) async fn leave(mut self) -> Vec<u64> {
        self.say = None;
        while let Some(reported) = self.reported.next().await {
            let withdrawn = reported.expect("it may leave").withdrawn;
            self.withdrawn.extend(withdrawn);
        }
        self.withdrawn
    }
}
