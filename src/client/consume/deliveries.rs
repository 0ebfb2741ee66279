//! What a consumer was given, what may be begun, and what is to be answered. Pure.
//!
//! Within a stream one event is handled at a time. When one is to be tried again, the server takes
//! back those after it, which may be here already or under way. None of them is begun before the
//! server reports that. An event that is withdrawn while a handler runs is answered all the
//! same: the answer counts as long as no other consumer has the event.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

use super::delivery::{Delivery, Verdict};
use crate::domain::proto::{ConsumeRequest, ConsumeResponse, Nack, NackAction};

/// Bytes of a reason that the server takes.
const REASON_BYTES: usize = 1_024;

/// A delivery that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Task {
    /// The call that it belongs to: numbers of deliveries begin anew with each.
    session: u64,
    number: u64,
    stream: String,
    attempts: u32,
}

/// A delivery that is being handled and may be answered.
#[derive(Debug)]
struct Running {
    position: u64,
    since: Instant,
    withdrawn: bool,
}

/// The deliveries of one stream.
#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<(u64, Delivery)>,
    /// One is being handled, maybe one of an earlier call.
    busy: bool,
    /// What waits will be taken back.
    held: bool,
}

impl Lane {
    fn may_begin(&self) -> bool {
        !self.busy && !self.held && !self.waiting.is_empty()
    }
}

/// All deliveries of a consumer.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    session: u64,
    max_attempts: u32,
    lanes: HashMap<String, Lane>,
    /// Streams of which something may be begun.
    ready: VecDeque<String>,
    /// The streams of deliveries that wait, by number.
    waiting: BTreeMap<u64, String>,
    /// By the number of the delivery.
    running: BTreeMap<u64, Running>,
    answers: ConsumeRequest,
    stopping: bool,
}

impl Deliveries {
    /// A new call: what was given in the last one needs no answer any more. The group tries an
    /// event so often before it parks it.
    pub(super) fn joined(&mut self, max_attempts: u32) {
        self.session += 1;
        self.max_attempts = max_attempts;
        self.forget_waiting();
        self.running.clear();
        self.answers = ConsumeRequest::default();
    }

    /// Begins nothing any more, and takes no more credit.
    pub(super) fn stop(&mut self) {
        self.stopping = true;
        self.forget_waiting();
    }

    fn forget_waiting(&mut self) {
        self.ready.clear();
        self.waiting.clear();
        self.lanes.retain(|_, lane| {
            lane.waiting.clear();
            lane.held = false;
            lane.busy
        });
    }

    /// Takes in what the server says.
    pub(super) fn receive(&mut self, said: ConsumeResponse) {
        let attempts = said.attempts.into_iter().chain(std::iter::repeat(0));
        for ((number, event), attempts) in (said.first_delivery..).zip(said.events).zip(attempts) {
            if self.stopping {
                continue;
            }
            let stream = event.stream.clone();
            self.waiting.insert(number, stream.clone());
            let lane = self.lanes.entry(stream.clone()).or_default();
            lane.waiting.push_back((number, Delivery { event, attempts }));
            self.look_at(&stream);
        }
        for number in said.withdrawn {
            self.withdraw(number);
        }
    }

    fn withdraw(&mut self, number: u64) {
        let Some(stream) = self.waiting.remove(&number) else {
            if let Some(running) = self.running.get_mut(&number).filter(|it| !it.withdrawn) {
                running.withdrawn = true;
                self.answers.credit += 1;
            }
            return;
        };
        self.answers.credit += 1;
        if let Some(lane) = self.lanes.get_mut(&stream) {
            lane.waiting.retain(|(other, _)| *other != number);
            lane.held = false;
        }
        self.look_at(&stream);
    }

    /// What is to be begun next, and counts as begun; `None`: nothing may be.
    pub(super) fn begin(&mut self, now: Instant) -> Option<(Task, Delivery)> {
        while let Some(stream) = self.ready.pop_front() {
            let Some(lane) = self.lanes.get_mut(&stream).filter(|lane| lane.may_begin()) else {
                continue;
            };
            let Some((number, delivery)) = lane.waiting.pop_front() else { continue };
            lane.busy = true;
            self.waiting.remove(&number);
            let position = delivery.event.position;
            self.running.insert(number, Running { position, since: now, withdrawn: false });
            let (session, attempts) = (self.session, delivery.attempts);
            return Some((Task { session, number, stream, attempts }, delivery));
        }
        None
    }

    /// A delivery was handled. If its call has ended, there is nothing to answer.
    pub(super) fn finished(&mut self, task: &Task, verdict: Verdict) {
        let Some(lane) = self.lanes.get_mut(&task.stream) else { return };
        lane.busy = false;
        if task.session == self.session
            && let Some(running) = self.running.remove(&task.number)
        {
            self.answers.working.retain(|number| *number != task.number);
            if running.withdrawn {
                self.finished_late(task, &running, verdict);
            } else {
                let tried_again =
                    matches!(verdict, Verdict::Retry(_)) && task.attempts + 1 < self.max_attempts;
                // If nothing waits, the server has nothing to take back and would not say so.
                lane.held |= tried_again && !lane.waiting.is_empty();
                self.answers.credit += 1;
                self.answer(task.number, verdict);
            }
        }
        self.look_at(&task.stream);
    }

    /// A delivery was handled that was withdrawn meanwhile; its credit was given back then. If the
    /// event was delivered here again, that is answered instead, and it is not handled twice.
    fn finished_late(&mut self, task: &Task, running: &Running, verdict: Verdict) {
        // The end of its lease was a try; it is tried again as it is.
        if matches!(verdict, Verdict::Retry(_)) {
            return;
        }
        let Some(lane) = self.lanes.get_mut(&task.stream) else { return };
        let again = |next: &mut (u64, Delivery)| next.1.event.position == running.position;
        match lane.waiting.pop_front_if(again) {
            Some((number, _)) => {
                self.waiting.remove(&number);
                self.answers.credit += 1;
                self.answer(number, verdict);
            }
            None => self.answer(task.number, verdict),
        }
    }

    fn answer(&mut self, number: u64, verdict: Verdict) {
        match nack(number, verdict) {
            Some(nack) => self.answers.nacks.push(nack),
            None => self.answers.acks.push(number),
        }
    }

    /// Whether something is being handled that the server should get a message about now and then.
    pub(super) fn is_at_work(&self) -> bool {
        !self.running.is_empty()
    }

    /// Notes for the server what is being handled, and has not been for longer than a handler may.
    pub(super) fn name_work(&mut self, now: Instant, longest: Duration) {
        let in_time = |it: &Running| !it.withdrawn && now.duration_since(it.since) < longest;
        let named = self.running.iter().filter(|(_, it)| in_time(it)).map(|(number, _)| *number);
        self.answers.working = named.collect();
    }

    /// Whether there is something to send to the server.
    pub(super) fn has_answers(&self) -> bool {
        let ConsumeRequest { acks, nacks, working, credit, .. } = &self.answers;
        let said = !acks.is_empty() || !nacks.is_empty() || !working.is_empty();
        said || (*credit > 0 && !self.stopping)
    }

    /// Takes the answers to be sent, which count as sent from then on. It gives back as much credit
    /// as was used, so that the sum of unanswered events and credit stays the same.
    pub(super) fn take_answers(&mut self) -> ConsumeRequest {
        let answers = std::mem::take(&mut self.answers);
        let credit = if self.stopping { 0 } else { answers.credit };
        ConsumeRequest { credit, ..answers }
    }

    fn look_at(&mut self, stream: &str) {
        let Some(lane) = self.lanes.get(stream) else { return };
        if lane.may_begin() {
            if !self.ready.iter().any(|other| other == stream) {
                self.ready.push_back(stream.to_owned());
            }
        } else if lane.waiting.is_empty() && !lane.busy {
            self.lanes.remove(stream);
        }
    }
}

fn nack(delivery: u64, verdict: Verdict) -> Option<Nack> {
    let (action, mut reason) = match verdict {
        Verdict::Done => return None,
        Verdict::Retry(reason) => (NackAction::Retry, reason),
        Verdict::Park(reason) => (NackAction::Park, reason),
        Verdict::Skip(reason) => (NackAction::Skip, reason),
    };
    reason.truncate(reason.floor_char_boundary(REASON_BYTES));
    Some(Nack { delivery, action: action.into(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::proto::RecordedEvent;

    fn given(first_delivery: u64, streams: &[&str]) -> ConsumeResponse {
        let event = |(position, stream): (u64, &&str)| RecordedEvent {
            position,
            stream: (*stream).to_owned(),
            ..RecordedEvent::default()
        };
        ConsumeResponse {
            events: (first_delivery..).zip(streams).map(event).collect(),
            first_delivery,
            attempts: vec![0; streams.len()],
            withdrawn: Vec::new(),
            heartbeat: false,
            store: String::new(),
        }
    }

    fn withdrawn(numbers: &[u64]) -> ConsumeResponse {
        ConsumeResponse { withdrawn: numbers.to_vec(), ..ConsumeResponse::default() }
    }

    fn deliveries() -> Deliveries {
        let mut deliveries = Deliveries::default();
        deliveries.joined(5);
        deliveries
    }

    /// Begins all that may be.
    fn begin(deliveries: &mut Deliveries) -> Vec<Task> {
        std::iter::from_fn(|| deliveries.begin(Instant::now())).map(|(task, _)| task).collect()
    }

    fn numbers(tasks: &[Task]) -> Vec<u64> {
        tasks.iter().map(|task| task.number).collect()
    }

    #[test]
    fn of_each_stream_one_is_handled_at_a_time_and_in_order() {
        let mut deliveries = deliveries();
        deliveries.receive(given(1, &["a/1", "a/1", "b/1", "a/1"]));
        let mut tasks = begin(&mut deliveries);
        assert_eq!(numbers(&tasks), [1, 3]);
        deliveries.finished(&tasks.remove(0), Verdict::Done);
        let mut tasks = begin(&mut deliveries);
        assert_eq!(numbers(&tasks), [2]);
        deliveries.finished(&tasks.remove(0), Verdict::Park("odd".to_owned()));
        assert_eq!(numbers(&begin(&mut deliveries)), [4]);
        let answers = deliveries.take_answers();
        assert_eq!((answers.acks, answers.nacks.len(), answers.credit), (vec![1], 1, 2));
        assert!(!deliveries.has_answers());
    }

    #[test]
    fn behind_what_is_tried_again_nothing_is_begun_until_it_is_taken_back() {
        let mut deliveries = deliveries();
        deliveries.receive(given(1, &["a/1", "a/1"]));
        let task = begin(&mut deliveries).remove(0);
        deliveries.finished(&task, Verdict::Retry("later".to_owned()));
        deliveries.receive(given(3, &["a/1"]));
        assert_eq!(begin(&mut deliveries), [], "2 waits for its withdrawal, and so does 3");
        deliveries.receive(withdrawn(&[2, 3]));
        assert_eq!(begin(&mut deliveries), []);
        deliveries.receive(given(4, &["a/1", "a/1"]));
        assert_eq!(numbers(&begin(&mut deliveries)), [4]);
        assert_eq!(deliveries.take_answers().credit, 3);
    }

    #[test]
    fn the_last_attempt_parks_so_what_is_behind_goes_on() {
        let mut deliveries = deliveries();
        let mut last = given(1, &["a/1", "a/1"]);
        last.attempts = vec![4, 0];
        deliveries.receive(last);
        let task = begin(&mut deliveries).remove(0);
        deliveries.finished(&task, Verdict::Retry("again".to_owned()));
        assert_eq!(numbers(&begin(&mut deliveries)), [2]);
    }

    #[test]
    fn what_is_withdrawn_is_dropped_unless_it_was_begun() {
        let mut deliveries = deliveries();
        deliveries.receive(given(1, &["a/1", "a/1", "b/1"]));
        let tasks = begin(&mut deliveries);
        deliveries.receive(withdrawn(&[1, 2]));
        assert_eq!(deliveries.take_answers().credit, 2);
        for task in tasks {
            deliveries.finished(&task, Verdict::Done);
        }
        assert_eq!(begin(&mut deliveries), []);
        let answers = deliveries.take_answers();
        assert_eq!((answers.acks, answers.credit), (vec![1, 3], 1), "credit is given back once");
    }

    #[test]
    fn what_comes_again_while_it_is_being_handled_is_not_handled_twice() {
        for (verdict, acks, begun) in [
            (Verdict::Done, vec![2], [3]),
            // It did not succeed, so it is tried again.
            (Verdict::Retry("later".to_owned()), vec![], [2]),
        ] {
            let mut deliveries = deliveries();
            deliveries.receive(given(1, &["a/1"]));
            let task = begin(&mut deliveries).remove(0);
            deliveries.receive(withdrawn(&[1]));
            let mut again = given(2, &["a/1", "a/1"]);
            again.events[0].position = 1;
            deliveries.receive(again);
            assert_eq!(begin(&mut deliveries), [], "the stream is still being handled");
            deliveries.take_answers();
            deliveries.finished(&task, verdict);
            assert_eq!(deliveries.take_answers().acks, acks);
            assert_eq!(numbers(&begin(&mut deliveries)), begun);
        }
    }

    #[test]
    fn what_is_being_handled_is_named_for_as_long_as_a_handler_may_take() {
        let mut deliveries = deliveries();
        deliveries.receive(given(1, &["a/1", "a/1", "b/1", "c/1"]));
        assert!(!deliveries.is_at_work());
        let tasks = begin(&mut deliveries);
        let (now, longest) = (Instant::now(), Duration::from_mins(1));
        deliveries.name_work(now, longest);
        assert_eq!(deliveries.answers.working, [1, 3, 4], "2 waits");
        deliveries.receive(withdrawn(&[3]));
        deliveries.name_work(now, longest);
        deliveries.finished(&tasks[2], Verdict::Done);
        let answers = deliveries.take_answers();
        assert_eq!((answers.working, answers.acks), (vec![1], vec![4]));
        deliveries.name_work(now + longest, longest);
        assert!(!deliveries.has_answers(), "it takes too long");
    }

    #[test]
    fn a_lost_call_leaves_nothing_to_answer_and_no_stream_handled_twice_at_once() {
        let mut deliveries = deliveries();
        deliveries.receive(given(1, &["a/1", "a/1", "b/1"]));
        let tasks = begin(&mut deliveries);
        deliveries.joined(5);
        deliveries.receive(given(1, &["a/1", "c/1", "d/1"]));
        let begun = begin(&mut deliveries);
        assert_eq!(numbers(&begun), [2, 3], "a/1 is still being handled");
        for task in tasks {
            deliveries.finished(&task, Verdict::Done);
        }
        assert!(
            !deliveries.has_answers(),
            "the numbers of the old call mean nothing in the new one"
        );
        for task in begun {
            deliveries.finished(&task, Verdict::Done);
        }
        assert_eq!(deliveries.take_answers().acks, [2, 3]);
        assert_eq!(numbers(&begin(&mut deliveries)), [1]);
    }

    #[test]
    fn a_consumer_that_stops_answers_what_was_begun_and_nothing_else() {
        let mut deliveries = deliveries();
        deliveries.receive(given(1, &["a/1", "a/1", "b/1"]));
        let tasks = begin(&mut deliveries);
        deliveries.stop();
        deliveries.receive(given(4, &["c/1"]));
        assert!(!deliveries.has_answers());
        for task in tasks {
            deliveries.finished(&task, Verdict::Done);
        }
        assert_eq!(begin(&mut deliveries), []);
        let answers = deliveries.take_answers();
        assert_eq!((answers.acks, answers.credit), (vec![1, 3], 0));
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let nack = nack(1, Verdict::Skip("\u{e9}".repeat(REASON_BYTES))).unwrap();
        assert_eq!(nack.reason.len(), REASON_BYTES);
        let nack = super::nack(1, Verdict::Skip(format!("x{}", "\u{e9}".repeat(REASON_BYTES))));
        assert_eq!(nack.unwrap().reason.len(), REASON_BYTES - 1);
    }
}
