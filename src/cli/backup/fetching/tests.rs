//! Servers that stop, break off or are slow, with a clock that the tests move.

use std::sync::{Mutex, PoisonError};

use futures_util::stream::{self, once};

use super::*;

/// What a stream does when it is opened for so many times.
type Behaviour = fn(usize, FetchPieceRequest) -> Answers<FetchPieceResponse>;

fn lost() -> ClientError {
    ClientError::local(ClientErrorKind::Unavailable, "the server does not answer".to_owned())
}

fn bytes(data: &[u8]) -> FetchPieceResponse {
    FetchPieceResponse { data: data.to_vec().into(), ..Default::default() }
}

/// What an answer breaks off with once the connection has been silent for so long.
fn after(
    seconds: u64,
    answer: Result<FetchPieceResponse, ClientError>,
) -> Answers<FetchPieceResponse> {
    once(async move {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        answer
    })
    .boxed()
}

/// What was fetched, how it ended, what was reported, and how long it took.
struct Fetched {
    bytes: Vec<u8>,
    end: Result<(), ClientError>,
    notes: Vec<String>,
    seconds: u64,
}

async fn fetched(behaviour: Behaviour) -> Fetched {
    let (chunks, mut taken) = mpsc::channel(4);
    let (opened, notes) = (Mutex::new(0), Mutex::new(Vec::new()));
    let open = |request: FetchPieceRequest| {
        let mut opened = opened.lock().unwrap_or_else(PoisonError::into_inner);
        *opened += 1;
        behaviour(*opened, request)
    };
    let note = |text: &str| notes.lock().unwrap().push(text.to_owned());
    let begun = Instant::now();
    let fetching = Fetching::new(open, FetchPieceRequest::default(), chunks, note).run();
    let taking = async {
        let mut all = Vec::new();
        while let Some(chunk) = taken.recv().await {
            match chunk {
                Ok(chunk) => all.extend_from_slice(&chunk),
                Err(error) => return (all, Err(error)),
            }
        }
        (all, Ok(()))
    };
    let both = async { tokio::join!(fetching, taking) };
    let ((), (bytes, end)) =
        timeout(Duration::from_hours(1), both).await.expect("the fetching has no end");
    let seconds = begun.elapsed().as_secs();
    Fetched { bytes, end, notes: notes.into_inner().unwrap(), seconds }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stopped_is_waited_for_one_minute_and_that_is_reported() {
    // The connection notices after 50 s, as with pings; later streams are silent.
    let fetched = fetched(|opened, _| match opened {
        1 => after(50, Err(lost())),
        _ => stream::pending().boxed(),
    })
    .await;
    assert_eq!(fetched.end, Err(lost()));
    assert!((59..=61).contains(&fetched.seconds), "{} s", fetched.seconds);
    assert_eq!(fetched.notes.len(), 2, "{:?}", fetched.notes);
    assert!(fetched.notes[0].contains("for 10 s"), "{:?}", fetched.notes);
    assert!(fetched.notes[1].ends_with("trying again for 10 s"), "{:?}", fetched.notes);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_gone_is_waited_for_one_minute() {
    let fetched = fetched(|_, _| once(async { Err(lost()) }).boxed()).await;
    assert_eq!(fetched.end, Err(lost()));
    assert!((59..=61).contains(&fetched.seconds), "{} s", fetched.seconds);
    assert_eq!(fetched.notes, ["the server does not answer; trying again for 60 s"]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_off_goes_on_where_it_was_and_each_byte_renews_the_patience() {
    let fetched = fetched(|opened, request| {
        assert_eq!(request.offset, opened as u64 / 2, "opened {opened} times");
        match opened {
            20.. => stream::empty().boxed(),
            _ if opened % 2 == 1 => {
                after(50, Ok(bytes(&[7]))).chain(once(async { Err(lost()) })).boxed()
            }
            _ => after(5, Err(lost())),
        }
    })
    .await;
    assert_eq!((fetched.bytes, fetched.end), (vec![7; 10], Ok(())));
    assert!(fetched.seconds > 300, "{} s", fetched.seconds);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_slow_and_there_is_not_given_up() {
    let fetched = fetched(|_, _| after(600, Ok(bytes(&[1, 2])))).await;
    assert_eq!((fetched.bytes, fetched.end), (vec![1, 2], Ok(())));
    assert_eq!(fetched.notes.len(), 1, "{:?}", fetched.notes);
}

#[tokio::test(start_paused = true)]
async fn what_the_server_refuses_is_not_tried_again() {
    let refused = || ClientError::local(ClientErrorKind::NotFound, "it is gone".to_owned());
    let fetched = fetched(|_, _| {
        let error = ClientError::local(ClientErrorKind::NotFound, "it is gone".to_owned());
        once(async { Err(error) }).boxed()
    })
    .await;
    assert_eq!((fetched.end, fetched.seconds), (Err(refused()), 0));
    assert!(fetched.notes.is_empty(), "{:?}", fetched.notes);
}
