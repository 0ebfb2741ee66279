//! A bit flips in any kind of file: every answer is right or an error that names the file, what is
//! derived is made again, and nothing brings the server down.

use std::fmt;

use rand::{Rng as _, rngs::StdRng};

use super::{
    cases::{each, seeded},
    disk::Image,
    kinds::{Kind, newest_volume},
    places::{self, APPENDS, Ending},
    probe::{Found, probe},
    story,
};

/// Bits that are flipped in each file, one at a time.
const FLIPS: usize = 3;
/// Where headers are.
const BEGINNING: usize = 64;

/// A store of which one bit is flipped.
struct Flip {
    ending: Ending,
    path: String,
    bit: usize,
}

impl fmt::Display for Flip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ending, path, bit } = self;
        write!(f, "bit {bit} of {path}, in a store that ended as {ending:?}")
    }
}

/// Places in a file: near its beginning, and where it is not empty.
fn bits(contents: &[u8], chance: &mut StdRng) -> Vec<usize> {
    if contents.is_empty() {
        return Vec::new();
    }
    let mut bytes = vec![chance.random_range(0..contents.len().min(BEGINNING))];
    let filled: Vec<usize> = (0..contents.len()).filter(|at| contents[*at] != 0).collect();
    while bytes.len() < FLIPS && !filled.is_empty() {
        bytes.push(filled[chance.random_range(0..filled.len())]);
    }
    bytes.into_iter().map(|byte| byte * 8 + chance.random_range(0..8)).collect()
}

async fn flip(case: Flip) {
    let (world, _) = places::begin(case.ending).await;
    let story = places::story(case.ending).await;
    let newest = newest_volume(&world.data());
    let path = world.root().join(&case.path);
    let mut bytes = std::fs::read(&path).expect("a file of the store");
    bytes[case.bit / 8] ^= 1 << (case.bit % 8);
    std::fs::write(&path, bytes).expect("it can be changed");
    let before = Image::of(world.root());
    let found = probe(&world, &story).await;
    if matches!(found, Found::Refused(..)) {
        println!("{found:#?}");
        before.assert_unchanged(world.root(), &newest);
    }
    match Kind::of(&case.path) {
        Kind::Derived => found.assert_whole(&story),
        Kind::Text(name) => found.assert_damaged(name),
        Kind::Journal(name) => match &found {
            Found::Refused(..) => found.assert_damaged(&name),
            Found::Served(head, errors) => {
                assert!(errors.is_empty(), "{errors:#?}");
                // Nothing claims that the last frame was durable unless the store was stopped.
                let least = APPENDS - u64::from(case.ending == Ending::Killed);
                let events: usize = (0..least).map(story::events).sum();
                assert!(*head >= events as u64, "{head} of {events} events are left");
            }
        },
        Kind::Volume(name) => {
            found.assert_named(&name);
            let refused = matches!(found, Found::Refused(..));
            assert!(
                !refused || name == newest,
                "one old volume keeps all others from being served"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_bit_flips_every_answer_is_right_or_names_the_damage() {
    let mut chance = seeded();
    let mut flips = Vec::new();
    for ending in [Ending::Clean, Ending::Killed, Ending::Restored] {
        let (world, _) = places::begin(ending).await;
        let is_new = |path: &str| ending != Ending::Restored || Kind::of(path).is_of_a_restore();
        for (path, contents) in Image::of(world.root()).files().filter(|(path, _)| is_new(path)) {
            let flip = |bit| Flip { ending, path: path.to_owned(), bit };
            flips.extend(bits(contents, &mut chance).into_iter().map(flip));
        }
    }
    each(flips, flip).await;
}
