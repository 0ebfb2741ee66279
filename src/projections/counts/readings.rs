//! A claim that was corrected twice counts everywhere as one corrected once, to the last reading.

use proptest::prelude::*;

use super::{
    properties::{config, flows},
    *,
};
use crate::domain::flags::Flag;
use crate::projections::claims::test_record::{Flow, Record};

fn rows(record: &Record) -> Vec<CountRow> {
    country_counts(&record.claims(), &CountQuery::default()).rows
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn correcting_twice_equals_correcting_once_to_the_last(
        others in prop::collection::vec(flows(), 0..6),
        first in flows(),
        readings in prop::collection::vec(flows(), 2..4),
        portion_of in any::<bool>(),
    ) {
        let mut twice = Record::default();
        let mut once = Record::default();
        let readings: Vec<Flow> = readings
            .into_iter()
            .map(|flow| Flow { exchange: first.exchange.clone(), ..flow })
            .collect();
        for record in [&mut twice, &mut once] {
            if portion_of {
                record.report("inner", "outer", "", "");
            }
            record.completed(&first);
            for other in &others {
                record.completed(other);
            }
        }
        let claim = if portion_of { 2 } else { 1 };
        for reading in &readings {
            twice.correct(claim, &reading.message());
        }
        let last = readings.last().expect("there are two at least");
        once.correct(claim, &last.message());
        prop_assert_eq!(rows(&twice), rows(&once));
        let flagged = rows(&twice).iter().filter_map(|row| row.received.clone()).any(|figure| {
            figure.unnumbered > 0 && !figure.flags.contains(&Flag::Incomplete)
        });
        prop_assert!(!flagged, "what is unknown is said to be");
    }
}
