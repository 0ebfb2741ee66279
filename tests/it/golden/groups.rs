//! The bytes by which a group's checkpoints are stored, and what a start reads from them.

use std::collections::BTreeMap;

use handover::domain::{
    group::{Chain, Checkpoint, Entry},
    proto::{GroupCheckpointed, GroupProgressed},
};
use prost::Message as _;

use super::{hex, unhex};

const GOLDEN: &str = "groups.txt";

/// How far a group is: two events have failed, and one stream is behind.
fn before() -> Checkpoint {
    Checkpoint {
        position: 300,
        unfinished: [(7, 0), (150, 2), (299, 1)].into_iter().collect(),
        behind: BTreeMap::from([("x/slow".into(), 250)]),
    }
}

/// The same group later: one event is finished, one is tried again, one is new, and another stream
/// is behind.
fn after() -> Checkpoint {
    Checkpoint {
        position: 400,
        unfinished: [(150, 3), (299, 1), (390, 0)].into_iter().collect(),
        behind: BTreeMap::from([("x/other".into(), 380)]),
    }
}

fn golden(name: &str) -> Vec<u8> {
    let text = super::read(GOLDEN);
    let prefix = format!("{name} = ");
    let line = text.lines().find_map(|line| line.strip_prefix(&prefix));
    unhex(line.expect("a line with this name"))
}

#[test]
fn a_checkpoint_has_the_bytes_it_always_had() {
    let whole = GroupCheckpointed::from(&before()).encode_to_vec();
    let changes = after().changes_since(&before()).encode_to_vec();
    let lines = [
        format!("group_checkpointed = {}", hex(&whole)),
        format!("group_progressed = {}", hex(&changes)),
    ];
    super::compare(GOLDEN, &lines, "other bytes are recorded now: a start reads something else");
}

#[test]
fn a_stored_checkpoint_is_read_as_what_was_recorded() {
    let whole = GroupCheckpointed::decode(&*golden("group_checkpointed")).expect("a checkpoint");
    let changes = GroupProgressed::decode(&*golden("group_progressed")).expect("changes");
    let mut chain = Chain::begun(0);
    chain.read(&Entry::Whole(whole));
    assert_eq!(chain.last(), Some(&before()));
    chain.read(&Entry::Changes(changes));
    assert_eq!(chain.last(), Some(&after()));
}
