//! Mutated filters: none makes the parser panic, and a parsed one can be written and parsed again.

use prost::Message as _;

use super::*;
use crate::fuzz::Fuzz;

fn seed(streams: &[&str], categories: &[&str], types: &[&str], tags: &[&str]) -> Vec<u8> {
    let own = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
    let item = proto::FilterItem {
        streams: own(streams),
        categories: own(categories),
        types: own(types),
        tags: own(tags),
    };
    proto::Filter { items: vec![item] }.encode_to_vec()
}

fn read(input: &[u8]) -> String {
    let Ok(filter) = proto::Filter::decode(input) else { return "no message".to_owned() };
    let mut wrong = Violations::default();
    let parsed = Filter::parse(filter.clone(), "filter", &mut wrong);
    if let Some(first) = wrong.0.first() {
        return first.problem.clone();
    }
    let again = Filter::parse(filter, "filter", &mut wrong);
    assert_eq!(parsed, again);
    let labels = Labels {
        stream: StreamName::parse("exchange/demo-1").expect("a name"),
        type_name: TypeName::parse("handover.v1.TransferCompleted").expect("a name"),
        tags: vec![Tag::parse("country:DE").expect("a tag")],
    };
    let matches = parsed.matches(&labels);
    assert!(!parsed.is_all() || matches, "a filter of everything leaves an event out");
    let _ = (parsed.single_stream(), parsed.only_stream(&labels.stream));
    format!("filter {matches}")
}

#[test]
fn no_filter_that_was_changed_makes_the_parser_panic() {
    let seeds = [
        seed(&["exchange/demo-1"], &[], &[], &[]),
        seed(&[], &["exchange"], &["handover.v1.TransferCompleted"], &[]),
        seed(&[], &[], &[], &["country:DE", "source:demo"]),
        Vec::new(),
    ];
    Fuzz::of("filter", seeds).run(read);
}
