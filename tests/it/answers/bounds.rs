//! What bounds each list in an answer, found by the descriptors: a list that is added to the protos
//! without a bound fails here.

use std::collections::BTreeSet;

use handover::domain::proto::DESCRIPTORS;
use prost_reflect::{DescriptorPool, MessageDescriptor};

/// Methods with answers that need no pages, and what bounds them.
pub(super) const METHODS: [(&str, &str); 10] = [
    ("BackupService/DescribeBackup", "500 volumes, and `more` goes on; RESTORES_PER_STORE"),
    ("EventStoreService/Append", "the streams of one append"),
    ("EventStoreService/AppendStream", "the streams of one append"),
    ("EventStoreService/GetHead", "RESTORES_PER_STORE"),
    ("EventStoreService/Read", "a batch of PAGE_BYTES, or one event"),
    ("EventStoreService/Subscribe", "a batch of PAGE_BYTES, or one event"),
    (
        "ConsumerGroupService/Consume",
        "a batch of PAGE_BYTES, or one event; CONSUMER_CREDIT numbers",
    ),
    ("ProjectionService/ListProjections", "the projections that the program has"),
    ("StatusService/GetStatus", "100 groups, and what the program has of each list"),
    ("VerificationService/Verify", "100 findings of each severity"),
];

/// Lists that neither go on with a page token nor say how many more there are, and what bounds
/// them.
const LISTS: [(&str, &str); 43] = [
    ("AppendResponse.revisions", "the streams of one append"),
    ("AppendResponse.undone", "the events of one append"),
    ("Attribution.relayed_by", "LIST_ENTRIES"),
    ("ClaimedNumber.relayed_by", "LIST_ENTRIES"),
    ("ConsumeResponse.events", "PAGE_BYTES, or one event"),
    ("ConsumeResponse.attempts", "one for each of its events"),
    ("ConsumeResponse.withdrawn", "CONSUMER_CREDIT"),
    ("CountrySnapshot.counts", "ANSWER_BYTES; answers with `more` have the others"),
    ("DescribeBackupResponse.volumes", "500, and `more` goes on"),
    ("Difference.reasons", "each reason once"),
    ("Estimate.flags", "each flag once"),
    ("EventBatch.events", "PAGE_BYTES, or one event"),
    ("ExchangeSummary.flags", "each flag once"),
    ("Figure.flags", "each flag once"),
    ("Filter.items", "FILTER_TERMS"),
    ("FilterItem.streams", "FILTER_TERMS"),
    ("FilterItem.categories", "FILTER_TERMS"),
    ("FilterItem.types", "FILTER_TERMS"),
    ("FilterItem.tags", "FILTER_TERMS"),
    ("Group.consumers", "GROUP_CONSUMERS"),
    ("Leg.from", "PARTIES"),
    ("Leg.to", "PARTIES"),
    ("ListParkedResponse.parked", "PARKED_LISTED and ANSWER_BYTES; next_after_position goes on"),
    ("GetStatusResponse.budgets", "the budgets that the program has"),
    ("GetStatusResponse.groups", "at most 100"),
    ("GetStatusResponse.methods", "the methods that the program has"),
    ("GetStatusResponse.projections", "the projections that the program has"),
    ("GetStatusResponse.refusals", "the reasons that the program has"),
    ("GetStatusResponse.reloads", "what the program reads again"),
    ("GetStatusResponse.warnings", "a sentence for each thing that is exposed"),
    ("MethodStatus.codes", "the codes of gRPC"),
    ("ListProjectionsResponse.projections", "the projections that the program has"),
    ("ReadResponse.events", "PAGE_BYTES, or one event"),
    ("RecordedEvent.tags", "EVENT_BYTES"),
    ("RecordedEvent.metadata", "METADATA_BYTES"),
    ("Side.parties", "PARTIES"),
    ("StoreHistory.branches", "RESTORES_PER_STORE"),
    ("StatementMade.mentions", "LIST_ENTRIES"),
    ("StatementMade.topics", "LIST_ENTRIES"),
    ("TransferCompleted.via", "PARTIES"),
    ("VerificationReport.findings", "100 of each severity; beside it is how many there are"),
    ("VerificationReport.unchecked", "each reason once"),
    ("WatchExchangeResponse.caused_by", "the events that a watch looks at together"),
];

/// Lists that count their further entries under another name than `more_` and theirs.
const COUNTED_AS: [(&str, &str); 2] =
    [("GetExchangeResponse.status_history", "reports"), ("CountryChange.caused_by", "causes")];

/// The answers of all methods, each with the method's name.
fn answers() -> Vec<(String, MessageDescriptor)> {
    let pool = DescriptorPool::decode(DESCRIPTORS).expect("build.rs made the descriptors");
    let services = pool.services().filter(|service| service.package_name() == "handover.v1");
    let methods = services.flat_map(|service| service.methods().collect::<Vec<_>>());
    let named = methods.map(|method| {
        (format!("{}/{}", method.parent_service().name(), method.name()), method.output())
    });
    named.collect()
}

/// A message with all that it holds, at any depth. What an `Any` holds is one event's.
fn parts(message: &MessageDescriptor, found: &mut Vec<MessageDescriptor>) {
    if message.full_name().starts_with("google.") || found.contains(message) {
        return;
    }
    found.push(message.clone());
    for field in message.fields() {
        if let Some(inner) = field.kind().as_message() {
            parts(inner, found);
        }
    }
}

/// The lists of a message, as `Message.field`.
fn lists(message: &MessageDescriptor) -> Vec<(String, String)> {
    let fields = message.fields().filter(|field| field.is_list() || field.is_map());
    let named = fields.map(|field| field.name().to_owned());
    named.map(|field| (format!("{}.{field}", message.name()), field)).collect()
}

/// The methods with a list in their answers, at any depth.
pub(super) fn methods_with_lists() -> BTreeSet<String> {
    let has_list = |answer: &MessageDescriptor| {
        let mut found = Vec::new();
        parts(answer, &mut found);
        found.iter().any(|part| !lists(part).is_empty())
    };
    answers().into_iter().filter(|(_, it)| has_list(it)).map(|(method, _)| method).collect()
}

#[test]
fn each_list_in_an_answer_goes_on_or_says_how_many_more_there_are_or_has_a_limit() {
    let mut found = Vec::new();
    for (_, answer) in answers() {
        parts(&answer, &mut found);
    }
    let answers: BTreeSet<_> = answers().iter().map(|(_, it)| it.full_name().to_owned()).collect();
    let mut others = BTreeSet::new();
    for message in &found {
        let has = |field: &str| message.get_field_by_name(field).is_some();
        let goes_on = answers.contains(message.full_name()) && has("next_page_token");
        for (list, field) in lists(message) {
            let other = COUNTED_AS.iter().find(|(counted, _)| *counted == list);
            let counted = other.map_or(field.as_str(), |(_, name)| name);
            if !goes_on && !has(&format!("more_{counted}")) {
                others.insert(list);
            }
        }
    }
    let known = LISTS.iter().map(|(list, _)| (*list).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(others, known);
}
