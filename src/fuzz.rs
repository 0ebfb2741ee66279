//! Fuzzing on stable: inputs made by mutation, for whatever reads bytes or texts from outside.
//!
//! A check takes an input and says in a few words what came of it. It fails by a panic, or by
//! taking longer than [`LATE`]. An input with an outcome that was not seen before joins those that
//! are mutated further. So inputs get deeper into a reader, though its coverage is not measured.
//!
//! `tests/corpora/NAME` has the inputs of earlier runs, which are checked first. A failed input is
//! written to `target/fuzz`; copied to the corpus, it is checked for ever.
//!
//! - `FUZZ_SECONDS`: how long each runs; 2 without it.
//! - `FUZZ_SEED`: the seed of an earlier run; it is printed.
//! - `FUZZ_KEEP=1`: writes inputs with new outcomes into the corpus.

use std::{
    collections::BTreeSet,
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

/// Longest time for one input, in a debug build on a machine that does other things too.
const LATE: Duration = Duration::from_secs(20);
/// Bytes of an input at most.
const MOST_BYTES: usize = 1 << 14;
/// Inputs that are kept for further mutation.
const MOST_INPUTS: usize = 2_000;
/// Mutations of one input at most.
const MOST_MUTATIONS: usize = 6;
/// Numbers at which readers of lengths and counts may go wrong.
const NUMBERS: [u64; 10] = [
    0,
    1,
    0x7f,
    0x80,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    u64::MAX,
];

/// A reader under test.
pub(crate) struct Fuzz {
    name: &'static str,
    inputs: Vec<Vec<u8>>,
    words: &'static [&'static str],
}

impl Fuzz {
    /// Begins with these inputs, and with the corpus of this name.
    pub(crate) fn of(name: &'static str, seeds: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self { name, inputs: seeds.into_iter().collect(), words: &[] }
    }

    /// Words of the format, which are put into inputs.
    pub(crate) fn with_words(self, words: &'static [&'static str]) -> Self {
        Self { words, ..self }
    }

    /// Checks inputs until the time is up.
    pub(crate) fn run(self, check: impl Fn(&[u8]) -> String + Send + 'static) {
        let given = |name: &str| env::var(name).ok().and_then(|it| it.parse::<u64>().ok());
        let time = Duration::from_secs(given("FUZZ_SECONDS").unwrap_or(2));
        let seed = given("FUZZ_SEED").unwrap_or_else(rand::random);
        println!("FUZZ_SEED={seed}");
        let name = self.name;
        let current = Arc::new(Mutex::new((0_u64, Vec::new())));
        let run = Run {
            corpus: Path::new("tests/corpora").join(name),
            seen: BTreeSet::new(),
            chance: StdRng::seed_from_u64(seed),
            current: Arc::clone(&current),
            fuzz: self,
        };
        let (ended, end) = mpsc::sync_channel(1);
        thread::spawn(move || {
            let outcome = catch_unwind(AssertUnwindSafe(|| run.run(time, &check)));
            // The test has failed already if it does not wait any more.
            let _ = ended.send(outcome);
        });
        let mut before = u64::MAX;
        let outcome = loop {
            if let Ok(outcome) = end.recv_timeout(LATE) {
                break outcome;
            }
            let (number, input) = current.lock().unwrap_or_else(PoisonError::into_inner).clone();
            assert!(number != before, "{}", failed(name, &input, "takes too long"));
            before = number;
        };
        if outcome.is_err() {
            let (_, input) = current.lock().unwrap_or_else(PoisonError::into_inner).clone();
            panic!("{}", failed(name, &input, "panics"));
        }
    }
}

/// The bytes of this kind in `tests/golden/stored.txt`.
pub(crate) fn golden(kind: &str) -> Vec<Vec<u8>> {
    let text = fs::read_to_string("tests/golden/stored.txt").expect("the golden file");
    let lines = text.lines().filter_map(|line| line.split_once(" = "));
    let of_kind = lines.filter(|(name, _)| name.split(' ').next() == Some(kind));
    let byte = |pair: &[u8]| {
        let digits = str::from_utf8(pair).expect("digits");
        u8::from_str_radix(digits, 16).expect("hexadecimal digits")
    };
    let found: Vec<Vec<u8>> =
        of_kind.map(|(_, hex)| hex.as_bytes().chunks(2).map(byte).collect()).collect();
    assert!(!found.is_empty(), "there is nothing of the kind {kind}");
    found
}

/// Keeps an input that fails; what to do with it.
fn failed(name: &str, input: &[u8], how: &str) -> String {
    let dir = Path::new("target/fuzz").join(name);
    let path = dir.join(file_name(input));
    let kept = fs::create_dir_all(&dir).and_then(|()| fs::write(&path, input));
    kept.expect("a failed input can be kept");
    let (from, to) = (path.display(), Path::new("tests/corpora").join(name));
    format!("{name} {how} with {from}; copy it to {}", to.display())
}

/// An outcome without what differs from input to input of one kind: numbers, and what is quoted.
fn kind_of(outcome: &str) -> String {
    let mut quoted = false;
    let kept = outcome.chars().filter(|letter| {
        let quote = matches!(letter, '"' | '`');
        quoted ^= quote;
        !quoted && !quote && (letter.is_ascii_alphabetic() || *letter == ' ')
    });
    kept.take(80).collect()
}

fn file_name(input: &[u8]) -> String {
    format!("{:08x}-{}", crc32c::crc32c(input), input.len())
}

/// A run under way.
struct Run {
    fuzz: Fuzz,
    corpus: PathBuf,
    /// Outcomes so far.
    seen: BTreeSet<String>,
    chance: StdRng,
    /// What is being checked, and how many were before; the test waits beside it.
    current: Arc<Mutex<(u64, Vec<u8>)>>,
}

impl Run {
    fn run(mut self, time: Duration, check: &dyn Fn(&[u8]) -> String) {
        for input in std::mem::take(&mut self.fuzz.inputs).into_iter().chain(self.stored()) {
            self.check(input, check, false);
        }
        let keep = env::var_os("FUZZ_KEEP").is_some();
        let (begun, mut count) = (Instant::now(), 0_u64);
        while begun.elapsed() < time {
            let input = self.mutated();
            self.check(input, check, keep);
            count += 1;
        }
        println!("{}: {count} inputs, {} outcomes", self.fuzz.name, self.seen.len());
    }

    fn stored(&self) -> Vec<Vec<u8>> {
        let Ok(entries) = fs::read_dir(&self.corpus) else { return Vec::new() };
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        paths.iter().map(|path| fs::read(path).expect("an input can be read")).collect()
    }

    fn check(&mut self, input: Vec<u8>, check: &dyn Fn(&[u8]) -> String, keep: bool) {
        {
            let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            current.0 += 1;
            current.1.clone_from(&input);
        }
        let outcome = kind_of(&check(&input));
        let new = self.seen.len() < MOST_INPUTS && self.seen.insert(outcome);
        if new && keep {
            let kept = fs::create_dir_all(&self.corpus)
                .and_then(|()| fs::write(self.corpus.join(file_name(&input)), &input));
            kept.expect("the corpus can be written");
        }
        if new || self.fuzz.inputs.len() < 16 {
            self.fuzz.inputs.push(input);
        }
    }

    fn mutated(&mut self) -> Vec<u8> {
        let mut input = self.some_input();
        for _ in 0..self.chance.random_range(1..=MOST_MUTATIONS) {
            self.mutate(&mut input);
        }
        input.truncate(MOST_BYTES);
        input
    }

    fn some_input(&mut self) -> Vec<u8> {
        let count = self.fuzz.inputs.len().max(1);
        let number = self.chance.random_range(0..count);
        self.fuzz.inputs.get(number).cloned().unwrap_or_default()
    }

    fn mutate(&mut self, input: &mut Vec<u8>) {
        let at = self.chance.random_range(0..=input.len());
        let end = self.chance.random_range(at..=input.len().min(at + 64));
        match self.chance.random_range(0..10) {
            0 => input.truncate(at),
            1 => drop(input.drain(at..end)),
            2 => {
                let again = input[at..end].to_vec();
                input.splice(at..at, again);
            }
            3 => {
                let count = self.chance.random_range(1..8);
                let more: Vec<u8> = (0..count).map(|_| self.chance.random()).collect();
                input.splice(at..at, more);
            }
            4 => {
                let number = NUMBERS[self.chance.random_range(0..NUMBERS.len())];
                let bytes = [1, 2, 4, 8][self.chance.random_range(0..4)];
                let number = &number.to_be_bytes()[8 - bytes..];
                let end = (at + bytes).min(input.len());
                input.splice(at..end, number.iter().copied());
            }
            5 => {
                let other = self.some_input();
                let from = self.chance.random_range(0..=other.len());
                input.truncate(at);
                input.extend(&other[from..]);
            }
            6 if !self.fuzz.words.is_empty() => {
                let word = self.fuzz.words[self.chance.random_range(0..self.fuzz.words.len())];
                input.splice(at..at, word.bytes());
            }
            7 if at < input.len() => input[at] = self.chance.random(),
            8 if at < input.len() => input[at] = input[at].wrapping_add(1),
            _ if at < input.len() => input[at] ^= 1 << self.chance.random_range(0..8),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "finder panics with target/fuzz/finder")]
    fn an_input_that_panics_is_found_by_way_of_those_that_lead_to_it() {
        Fuzz::of("finder", [b"begin".to_vec()]).with_words(&["magic"]).run(|input| {
            let depth = input.iter().zip(b"magic").take_while(|(found, sought)| found == sought);
            let depth = depth.count();
            assert!(depth < 5, "it was found");
            "x".repeat(depth)
        });
    }
}
