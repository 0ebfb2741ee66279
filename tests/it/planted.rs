//! Plants one fault after the other (`src/planted.rs`) and runs the tests that are to catch it,
//! each in a process of its own. A fault counts as caught if a test fails and says the expected
//! reason.
//!
//! `HANDOVER_CASE` names the faults to plant, by a part of their names.

mod absence;
mod list;
mod run;

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    path::Path,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use self::{
    list::{Catcher, Fault, faults},
    run::{Binaries, Outcome},
};

/// Faults that are planted at a time.
const AT_ONCE: usize = 2;
/// How long all of them may take on two cores.
const BUDGET: Duration = Duration::from_mins(1);

/// Which test caught a fault, or what the tests did instead.
struct Found {
    fault: &'static Fault,
    caught: Result<&'static Catcher, String>,
    time: Duration,
}

fn plant(binaries: &Binaries, fault: &'static Fault) -> Found {
    let begun = Instant::now();
    let mut instead = String::new();
    for catcher in fault.caught_by {
        match binaries.run(catcher, fault.name) {
            Outcome::Failed(output) if catcher.says.split('|').any(|it| output.contains(it)) => {
                return Found { fault, caught: Ok(catcher), time: begun.elapsed() };
            }
            outcome @ (Outcome::Passed | Outcome::Failed(_) | Outcome::Late) => {
                let _ = writeln!(instead, "{}: {outcome:#?}", catcher.test);
            }
        }
    }
    Found { fault, caught: Err(instead), time: begun.elapsed() }
}

/// Plants all of them, a few at a time; in the order of the list.
fn plant_all(binaries: &Binaries, planted: &[&'static Fault]) -> Vec<Found> {
    let (next, found) = (Mutex::new(planted.iter()), Mutex::new(Vec::new()));
    let take = || next.lock().unwrap_or_else(PoisonError::into_inner).next().copied();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(fault) = take() {
                    let one = plant(binaries, fault);
                    found.lock().unwrap_or_else(PoisonError::into_inner).push(one);
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_by_key(|one| faults().position(|fault| fault.name == one.fault.name));
    found
}

fn table(found: &[Found]) -> String {
    let mut table =
        "| planted fault | what it breaks | caught by | time |\n|---|---|---|---|\n".to_owned();
    for Found { fault, caught, time } in found {
        let by = caught.as_ref().map_or("**no test**", |catcher| catcher.test);
        let time = time.as_secs_f64();
        let _ = writeln!(table, "| `{}` | {} | `{by}` | {time:.1} s |", fault.name, fault.breaks);
    }
    table
}

#[test]
#[ignore = "takes a minute: tests/all runs it, with its table"]
fn every_planted_fault_is_caught_for_the_right_reason() {
    let only = std::env::var("HANDOVER_CASE").unwrap_or_default();
    let planted: Vec<_> = faults().filter(|fault| fault.name.contains(&only)).collect();
    let begun = Instant::now();
    let found = plant_all(&Binaries::find(), &planted);
    println!("{}\n{} faults in {:.0?}", table(&found), found.len(), begun.elapsed());
    let missed = found.iter().filter_map(|one| Some((one.fault.name, one.caught.as_ref().err()?)));
    let missed: Vec<String> = missed.map(|(name, why)| format!("{name}: {why}")).collect();
    assert!(missed.is_empty(), "{} were not caught:\n{}", missed.len(), missed.join("\n"));
    assert!(begun.elapsed() < BUDGET, "it takes longer than {BUDGET:?}");
}

/// The names of faults in the sources.
fn named_in_sources(dir: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(dir).expect("sources can be listed") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            named_in_sources(&path, names);
        } else if !path.ends_with("planted.rs") {
            let text = std::fs::read_to_string(&path).expect("a source can be read");
            let after = text.split("planted!(\"").skip(1);
            names.extend(after.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
        }
    }
}

#[test]
fn the_list_has_every_fault_that_the_sources_have() {
    let mut named = BTreeSet::new();
    named_in_sources(Path::new("src"), &mut named);
    let listed: BTreeSet<String> = faults().map(|fault| fault.name.to_owned()).collect();
    assert_eq!(listed, named);
    assert_eq!(listed.len(), faults().count(), "a name stands there twice");
    assert!(faults().count() >= 60 && faults().all(|fault| !fault.caught_by.is_empty()));
}
