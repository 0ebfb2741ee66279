//! One acceptable event of each known type, invented, for tests.

use crate::domain::{known::Known, proto};

/// One of each, in the order of [`Known::TYPE_NAMES`].
pub(crate) fn all() -> Vec<Known> {
    vec![
        source().into(),
        statement().into(),
        exchange().into(),
        role().into(),
        agreed().into(),
        completed().into(),
        declined().into(),
        total().into(),
        superlative().into(),
        detention().into(),
        confirmed().into(),
        disputed().into(),
        corrected().into(),
        retracted().into(),
        preferred().into(),
    ]
}

pub(crate) fn actor(party: &str, name: &str) -> proto::Actor {
    let kind = proto::ActorKind::StateOrgan.into();
    proto::Actor { party: party.into(), name: name.into(), kind }
}

pub(crate) fn attribution() -> proto::Attribution {
    proto::Attribution {
        source_id: "demo-source".into(),
        locator: "sentence 3".into(),
        claimed_by: Some(actor("TR", "Demo Ministry")),
        relayed_by: vec![actor("", "Demo Agency")],
        reported_at: "2024-08-02".into(),
        reliability: proto::Reliability::B.into(),
        credibility: proto::Credibility::Credibility2.into(),
        note: "first line\nsecond line".into(),
    }
}

pub(crate) fn leg() -> proto::Leg {
    proto::Leg {
        exchange_id: "demo-1".into(),
        from: vec!["RU".into(), "BY".into()],
        to: vec!["DE".into()],
        unit: proto::Unit::Person.into(),
        category: proto::Category::Convict.into(),
        portion: "first batch".into(),
    }
}

pub(crate) fn count(value: u32) -> proto::Count {
    proto::Count { value: Some(value), ..Default::default() }
}

pub(crate) fn source() -> proto::SourceRegistered {
    proto::SourceRegistered {
        source_id: "demo-source".into(),
        kind: proto::SourceKind::Outlet.into(),
        publisher: "Demo Herald".into(),
        title: "A swap in the demo".into(),
        url: "https://demo.example/2024/08/02?page=1".into(),
        archive_url: "http://archive.example/demo".into(),
        sha256: "0123456789abcdef".repeat(4),
        language: "en-GB".into(),
        translated: false,
        published_at: "2024-08-02T12:30:00Z".into(),
    }
}

pub(crate) fn statement() -> proto::StatementMade {
    proto::StatementMade {
        attribution: Some(attribution()),
        speaker: Some(actor("DE", "Ana Demo")),
        on_behalf_of: Some(actor("x-demo", "")),
        mode: proto::StatementMode::Indirect.into(),
        occasion: "press conference".into(),
        place: "Demo City".into(),
        text: "The swap is done.\n\tNo more was said.".into(),
        topics: vec!["swap".into()],
        mentions: vec!["Demo Ministry".into()],
        exchange_id: "demo-1".into(),
        occurred: "2024-08-01".into(),
        occurred_text: "yesterday".into(),
    }
}

pub(crate) fn exchange() -> proto::ExchangeReported {
    proto::ExchangeReported {
        attribution: Some(attribution()),
        exchange_id: "demo-1".into(),
        part_of: "demo-0".into(),
        title: "The demo swap".into(),
        kind: proto::ExchangeKind::Exchange.into(),
        parties: vec!["RU".into(), "DE".into()],
        place: "Demo City".into(),
        occurred: "2024-08-01/2024-08-02".into(),
        occurred_text: "this week".into(),
        status: proto::ExchangeStatus::Completed.into(),
    }
}

pub(crate) fn role() -> proto::RoleAttributed {
    proto::RoleAttributed {
        attribution: Some(attribution()),
        exchange_id: "demo-1".into(),
        actor: Some(actor("AE", "")),
        role: proto::Role::NeutralIntermediary.into(),
        denied: false,
    }
}

pub(crate) fn agreed() -> proto::TransferAgreed {
    let attribution = Some(attribution());
    proto::TransferAgreed { attribution, leg: Some(leg()), count: Some(count(13)) }
}

pub(crate) fn completed() -> proto::TransferCompleted {
    proto::TransferCompleted {
        attribution: Some(attribution()),
        leg: Some(leg()),
        count: Some(count(13)),
        of_which: Some(proto::OfWhich { minors: Some(2), ..Default::default() }),
        kind: proto::TransferKind::Exchange.into(),
        via: vec!["CH".into()],
        occurred: "2024-08-01".into(),
        occurred_text: "on Thursday".into(),
    }
}

pub(crate) fn declined() -> proto::TransferDeclined {
    proto::TransferDeclined {
        attribution: Some(attribution()),
        leg: Some(leg()),
        count: Some(count(1)),
        reason: proto::DeclineReason::NoShow.into(),
    }
}

pub(crate) fn total() -> proto::TotalClaimed {
    proto::TotalClaimed {
        attribution: Some(attribution()),
        leg: Some(leg()),
        count: Some(count(26)),
        ..Default::default()
    }
}

pub(crate) fn running_total() -> proto::TotalClaimed {
    proto::TotalClaimed {
        attribution: Some(attribution()),
        series: "Demo series: totals".into(),
        as_of: "2025-01".into(),
        covers: "2022-02-24/2025-01".into(),
        count: Some(count(300)),
        previous_total: Some(250),
        follows_exchange_id: "demo-2".into(),
        ..Default::default()
    }
}

pub(crate) fn superlative() -> proto::SuperlativeClaimed {
    proto::SuperlativeClaimed {
        attribution: Some(attribution()),
        exchange_id: "demo-1".into(),
        text: "the largest".into(),
        measure: "persons".into(),
        scope: "of its kind".into(),
        since: "for decades".into(),
        holder: "observers".into(),
    }
}

pub(crate) fn detention() -> proto::DetentionReported {
    proto::DetentionReported {
        attribution: Some(attribution()),
        detention_id: "demo-held".into(),
        subject: "a group of demonstrators".into(),
        custodian: Some(actor("RU", "")),
        status: proto::DetentionStatus::OnRemand.into(),
        charge: "trespass".into(),
        since: "2024-03".into(),
    }
}

pub(crate) fn confirmed() -> proto::ClaimConfirmed {
    let attribution = Some(attribution());
    proto::ClaimConfirmed { attribution, claim: 42, grounds: "was there".into() }
}

pub(crate) fn disputed() -> proto::ClaimDisputed {
    let attribution = Some(attribution());
    proto::ClaimDisputed { attribution, claim: 42, grounds: "was not there".into() }
}

pub(crate) fn corrected() -> proto::ClaimCorrected {
    correction(&completed().into())
}

/// A correction of claim 42 that puts `replacement` in its place.
pub(crate) fn correction(replacement: &Known) -> proto::ClaimCorrected {
    proto::ClaimCorrected {
        attribution: Some(attribution()),
        claim: 42,
        replacement: Some(replacement.pack()),
        by: proto::CorrectedBy::Claimant.into(),
        reason: "a slip".into(),
    }
}

pub(crate) fn retracted() -> proto::ClaimRetracted {
    let attribution = Some(attribution());
    proto::ClaimRetracted { attribution, claim: 42, reason: "it did not happen".into() }
}

pub(crate) fn preferred() -> proto::ClaimPreferred {
    proto::ClaimPreferred {
        attribution: Some(attribution()),
        claim: 42,
        country: "DE".into(),
        direction: proto::Direction::Received.into(),
        rationale: "the receiving side counted".into(),
    }
}
