//! Walks, while tables become runs and runs are merged around them.

use std::thread;

use super::*;
use crate::log::waiting::{SetOnDrop, bounded};

/// Walks all that there is, a few matches at a time, and compares it with what should be there.
fn walk(index: &Index, filter: &Filter, direction: Direction, step: usize) -> Vec<Position> {
    let up_to = index.watermark();
    let (mut span, mut found) = (Span { after: 0, up_to }, Vec::new());
    loop {
        let some = lookup(index).matches(filter, span, direction, step).unwrap();
        let Some(last) = some.last() else { return found };
        match direction {
            Direction::Forwards => span.after = *last,
            Direction::Backwards => span.up_to = last - 1,
        }
        found.extend(some);
    }
}

#[test]
fn a_walk_yields_each_match_once_and_in_order_while_segments_change_around_it() {
    bounded("walks around changes", || {
        let random = &mut Random::new();
        let mut case = Case::new(random_sizes(random), 1 << 16);
        case.feed(random, 10);
        let category = Category::parse("c1").unwrap();
        let filter =
            Filter::new(vec![FilterItem { categories: vec![category], ..FilterItem::default() }])
                .unwrap();
        let done = AtomicBool::new(false);
        let index = Arc::clone(&case.index);
        let walks = thread::scope(|scope| {
            let ending = SetOnDrop(&done);
            let walkers: Vec<_> = [(Direction::Forwards, 3), (Direction::Backwards, 7)]
                .into_iter()
                .map(|(direction, step)| {
                    let (index, filter, done) = (&index, &filter, &done);
                    scope.spawn(move || {
                        let mut walks = Vec::new();
                        while !done.load(Ordering::Relaxed) || walks.is_empty() {
                            let mut found = walk(index, filter, direction, step);
                            if direction == Direction::Backwards {
                                found.reverse();
                            }
                            walks.push(found);
                        }
                        walks
                    })
                })
                .collect();
            for _ in 0..40 {
                case.feed(random, 6);
                case.end_volume();
                case.seal();
                case.settle().unwrap();
            }
            drop(ending);
            walkers.into_iter().map(|walker| walker.join().unwrap()).collect::<Vec<_>>()
        });
        let all = case.model.matches(&filter, Span { after: 0, up_to: u64::MAX });
        for walk in walks.iter().flatten() {
            let there = &all[..walk.len()];
            assert!(walk == there, "a walk is not a beginning of what there is");
        }
        let lengths: Vec<usize> = walks.iter().map(Vec::len).collect();
        println!("{lengths:?} walks");
        assert!(case.index.layout().runs().count() < 10, "runs were merged meanwhile");
    });
}
