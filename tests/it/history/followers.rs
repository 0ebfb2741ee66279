//! Followers over restores: each goes on with what comes after its position, or is refused.

use handover::{
    client::{Client, Follow, Followed},
    domain::proto::RecordedEvent,
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::{assert_changed, copy, head, note, restore, stop};
use crate::{
    client::client,
    support::{Server, data_dir, read_all, seed},
};

/// A program that keeps what it has seen beside its position and the name of the store.
#[derive(Clone, Debug, Default)]
struct Follower {
    store: Option<String>,
    seen: Vec<RecordedEvent>,
}

impl Follower {
    fn position(&self) -> u64 {
        self.seen.last().map_or(0, |event| event.position)
    }

    /// Goes on, up to so many events; true: it was refused, and has undone what lies beyond the
    /// branch.
    async fn go_on(&mut self, server: &Client, most: usize) -> bool {
        let client = match &self.store {
            Some(name) => server.clone().of_store(name),
            None => server.clone(),
        };
        let mut following = client.subscribe(Follow::all().after(self.position()));
        let mut taken = 0;
        let refused = loop {
            match following.next().await {
                Ok(Followed::Event(event)) => {
                    self.seen.push(*event);
                    taken += 1;
                    if taken == most {
                        break None;
                    }
                }
                Ok(Followed::CaughtUp(_)) => break None,
                other => break Some(other.expect_err("no other item comes").error),
            }
        };
        self.store = following.store().map(str::to_owned);
        let Some(change) = refused.as_ref().and_then(|error| error.history.clone()) else {
            assert_eq!(refused, None);
            return false;
        };
        let branch = change.branch_position.unwrap_or(0);
        self.seen.retain(|event| event.position <= branch);
        self.store = Some(change.store);
        true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_beyond_the_branch_is_refused_and_others_go_on_under_the_new_name() {
    let (dir, data) = data_dir();
    let kept = dir.path().join("kept");
    let server = Server::start(&data, &[]);
    let calls = server.client().await;
    note(&calls, 10).await;
    let (plain, _) = head(&calls).await;
    stop(server);
    copy(&data, &kept);

    let server = Server::start(&data, &[]);
    note(&server.client().await, 5).await;
    let (same, before) = head(&server.client().await).await;
    assert_eq!((same.as_str(), before), (plain.as_str(), 15), "a restart is no restore");
    stop(server);

    restore(&kept, &data, 10);
    let server = Server::start(&data, &[]);
    let calls = server.client().await;
    let (name, position) = head(&calls).await;
    assert_eq!(position, 10);
    assert!(name.starts_with(&format!("{plain}#")), "{name}");
    note(&calls, 7).await;
    let resumed = client(&server.address);
    for beyond in [11, 15] {
        let of_old = resumed.clone().of_store(&plain);
        let error =
            of_old.subscribe(Follow::all().after(beyond)).next().await.expect_err("a refusal");
        assert_changed(&error.error, &name, Some(10));
    }
    let log = read_all(&calls).await;
    for at in [0, 9, 10] {
        let mut follower = Follower { store: Some(plain.clone()), seen: log[..at].to_vec() };
        assert!(!follower.go_on(&resumed, usize::MAX).await);
        assert_eq!(follower.seen, log, "from {at}");
        assert_eq!(follower.store.as_ref(), Some(&name));
    }
}

/// Random appends, copies and restores, with followers that stand anywhere: after each restore,
/// what a follower has is a beginning of the log that is there.
#[tokio::test(flavor = "multi_thread")]
async fn no_follower_skips_an_event_whatever_is_restored() {
    let mut random = StdRng::seed_from_u64(seed());
    let (dir, data) = data_dir();
    let mut followers = vec![Follower::default(); 6];
    let mut copies: Vec<(std::path::PathBuf, u64)> = Vec::new();
    let (mut refused, mut skipped, mut resumed) = (0, 0, 0);
    for round in 0..8 {
        let server = Server::start(&data, &[]);
        let calls = server.client().await;
        note(&calls, random.random_range(1..20)).await;
        let log = read_all(&calls).await;
        for follower in &mut followers {
            let most = random.random_range(1..30);
            resumed += 1;
            if follower.go_on(&client(&server.address), most).await {
                refused += 1;
                assert!(!follower.go_on(&client(&server.address), most).await, "it goes on");
            }
            skipped += u32::from(!log.starts_with(&follower.seen));
        }
        stop(server);
        let kept = dir.path().join(format!("kept-{round}"));
        copy(&data, &kept);
        copies.push((kept, log.len() as u64));
        if random.random_bool(0.7) {
            let (kept, after) = &copies[random.random_range(0..copies.len())];
            restore(kept, &data, *after);
        }
    }
    println!("followers resumed {resumed}, refused {refused}, silently skipped {skipped}");
    assert_eq!(skipped, 0);
}
