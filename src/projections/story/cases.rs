//! The stories of exchanges that happened, as they were claimed.

use super::*;
use crate::domain::proto::{ExchangeFlag, Role, RoleAttributed};
use crate::projections::claims::test_record::{ANKARA, Record, ankara_article, flow};

fn story_of(record: &Record, id: &str) -> Story {
    tests::at(&record.claims(), id, record.head(), false).unwrap()
}

fn total(value: u32) -> proto::TotalClaimed {
    let leg = flow(ANKARA, "", "", None).message().leg;
    let count = Some(proto::Count { value: Some(value), ..Default::default() });
    proto::TotalClaimed { leg, count, ..Default::default() }
}

#[test]
fn a_total_that_is_the_sum_of_its_parts_is_not_flagged_and_a_further_part_is() {
    let mut record = ankara_article();
    let claimed = record.push(&total(26));
    let sum = |story: &Story| {
        let (status, sum) = &story.totals[0];
        let sum = sum.as_ref().unwrap();
        (status.claim, sum.low, sum.high)
    };
    let article = story_of(&record, ANKARA);
    assert_eq!(sum(&article), (claimed, Some(26), Some(26)));
    assert!(article.summary.flags.is_empty());
    record.completed(&flow(ANKARA, "US+DE+PL+SI+NO+RU+BY", "TR", Some(3)));
    record.push(&total(24));
    let later = story_of(&record, ANKARA);
    assert_eq!((sum(&later), later.totals.len()), ((claimed, Some(29), Some(29)), 2));
    record.completed(&flow(ANKARA, "RU+BY", "", Some(16)));
    let flags: Vec<_> = story_of(&record, ANKARA).summary.flags().collect();
    assert_eq!(flags, [ExchangeFlag::TotalDiffersFromSum], "the 16 are not the whole of the 29");
}

#[test]
fn those_that_attribute_a_role_and_those_that_deny_it_are_listed() {
    let mut record = Record::default();
    let id = "us-ru-2022-12-08";
    record.report(id, "", "2022-12-08", "US+RU");
    let role = |party: &str, role: Role, denied| RoleAttributed {
        exchange_id: id.into(),
        actor: Some(proto::Actor { party: party.into(), name: party.into(), kind: 0 }),
        role: role.into(),
        denied,
        ..Default::default()
    };
    for party in ["AE", "SA"] {
        record.push(&role(party, Role::Mediator, false));
        record.push(&role(party, Role::Mediator, true));
    }
    record.push(&role("AE", Role::Host, false));
    let story = story_of(&record, id);
    let claims =
        |claims: &[ClaimStatus]| claims.iter().map(|status| status.claim).collect::<Vec<_>>();
    let roles: Vec<_> = story
        .roles
        .iter()
        .map(|it| (it.actor.party.as_str(), it.role, claims(&it.attributed), claims(&it.denied)))
        .collect();
    let (mediator, host) = (Role::Mediator.into(), Role::Host.into());
    let expected = [
        ("AE", mediator, vec![2], vec![3]),
        ("SA", mediator, vec![4], vec![5]),
        ("AE", host, vec![6], vec![]),
    ];
    assert_eq!(roles, expected);
    assert!(story.summary.flags().any(|flag| flag == ExchangeFlag::RoleDisputed));
}
