//! When an event may speak about a claim.
//!
//! Confirmations, corrections, retractions and preferences name a claim by its position. Whether
//! that claim is there and fits depends on the record, so these rules are checked against it,
//! after the event's own fields ([`Known::validate`]).

mod history;

use crate::domain::{event::Position, known::Known};

pub use history::Retractions;

/// A rule of the record that an event would break.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{subject}: {description} ({rule})")]
pub struct RuleBroken {
    /// The rule's name, which programs can rely on.
    pub rule: &'static str,
    /// What is wrong and what to do instead.
    pub description: String,
    /// What it is about, as in `claim 42`.
    pub subject: String,
}

/// The position holds an event that the record understands.
pub const CLAIM_EXISTS: &str = "claim-exists";
/// The claim is of a kind that such an event can be about.
pub const CLAIM_FITS: &str = "claim-fits";
/// The claim has not been retracted.
pub const CLAIM_STANDS: &str = "claim-not-retracted";
/// A replacement has the claim's payload type.
pub const SAME_TYPE: &str = "replacement-same-type";
/// A replacement is about the claim's exchange and stands in its stream.
pub const SAME_EXCHANGE: &str = "replacement-same-exchange";
/// A preferred claim gives one number.
pub const SINGLE_VALUE: &str = "preferred-single-value";

/// A preferred number lies within what is claimed for the figure that it is preferred for.
pub const PREFERRED_IN_RANGE: &str = "preferred-in-range";

/// Checks an event against the claim that it is about; an event about no claim is fine.
///
/// `target` is the claim as recorded, or `None` if the position holds nothing that is known;
/// `latest` is the claim as last corrected, the same as `target` if never; `retracted` is the
/// position of its retraction.
pub fn check(
    event: &Known,
    target: Option<&Known>,
    latest: Option<&Known>,
    retracted: Option<Position>,
) -> Result<(), RuleBroken> {
    let Some(claim) = event.about() else {
        return Ok(());
    };
    let broken = |rule, description| {
        Err(RuleBroken { rule, description, subject: format!("claim {claim}") })
    };
    let Some(target) = target else {
        return Err(missing(claim));
    };
    if !fits(event, target) {
        let (kind, deed) = (target.short_name(), event.short_name());
        let problem =
            format!("is a {kind}, which a {deed} cannot be about{}", way_out(event, target));
        return broken(CLAIM_FITS, problem);
    }
    if let Some(position) = retracted {
        return broken(CLAIM_STANDS, format!("was retracted by the event at {position}"));
    }
    if matches!(event, Known::ClaimCorrected(_))
        && let Some((rule, description)) = misfit(event, target)
    {
        return broken(rule, description);
    }
    if matches!(event, Known::ClaimPreferred(_)) && !has_single_value(latest.unwrap_or(target)) {
        let problem = "gives no single number that could be preferred; \
                       prefer a claim that does, or correct this one first";
        return broken(SINGLE_VALUE, problem.to_owned());
    }
    Ok(())
}

/// What is broken where an event names a position that holds no claim.
pub fn missing(claim: Position) -> RuleBroken {
    let description = "there is no claim at this position".to_owned();
    RuleBroken { rule: CLAIM_EXISTS, description, subject: format!("claim {claim}") }
}

fn fits(event: &Known, target: &Known) -> bool {
    let undoable = || {
        // A correction is undone by another correction, and a retraction stands.
        matches!(
            target,
            Known::ClaimConfirmed(_) | Known::ClaimDisputed(_) | Known::ClaimPreferred(_)
        )
    };
    if matches!(event, Known::ClaimPreferred(_)) {
        return matches!(target, Known::TransferCompleted(_));
    }
    target.is_first_hand_claim() || (matches!(event, Known::ClaimRetracted(_)) && undoable())
}

fn way_out(event: &Known, target: &Known) -> &'static str {
    match (event, target) {
        (Known::ClaimRetracted(_), Known::ClaimCorrected(_)) => {
            "; a correction is undone by another correction of the claim"
        }
        (_, Known::ClaimCorrected(_)) => "; name the claim that it corrects",
        (Known::ClaimRetracted(_), Known::ClaimRetracted(_)) => {
            "; a retraction stands: record the claim anew"
        }
        (Known::ClaimPreferred(_), _) => "; prefer a TransferCompleted",
        _ => "",
    }
}

/// What keeps a correction's replacement from standing in the claim's place.
fn misfit(event: &Known, target: &Known) -> Option<(&'static str, String)> {
    let Some(replacement) = event.replacement() else {
        return Some((SAME_TYPE, "its replacement cannot be decoded".to_owned()));
    };
    let (old, new) = (target.short_name(), replacement.short_name());
    if old != new {
        return Some((SAME_TYPE, format!("is a {old}; it cannot be replaced by a {new}")));
    }
    if replacement.exchange_id() != target.exchange_id() {
        let name = |event: &Known| {
            event.exchange_id().map_or("no exchange".to_owned(), |id| format!("exchange {id}"))
        };
        let problem = format!(
            "is about {}, its replacement about {}; retract it and record a new claim",
            name(target),
            name(&replacement)
        );
        return Some((SAME_EXCHANGE, problem));
    }
    (replacement.home() != target.home()).then(|| {
        let problem = "stands in another stream than its replacement would; \
                       retract it and record a new claim";
        (SAME_EXCHANGE, problem.to_owned())
    })
}

fn has_single_value(claim: &Known) -> bool {
    matches!(claim, Known::TransferCompleted(transfer)
        if transfer.count.as_ref().is_some_and(|count| count.value.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{known::examples, proto};

    fn rule(event: impl Into<Known>, target: &Known) -> Option<&'static str> {
        let event = event.into();
        let broken = check(&event, Some(target), Some(target), None).err()?;
        assert_eq!(broken.subject, "claim 42");
        Some(broken.rule)
    }

    fn without_number() -> Known {
        let count = Some(proto::Count { low: Some(10), ..Default::default() });
        proto::TransferCompleted { count, of_which: None, ..examples::completed() }.into()
    }

    #[test]
    fn events_about_no_claim_look_nothing_up_in_the_record() {
        for event in examples::all().iter().filter(|event| event.about().is_none()) {
            assert_eq!(check(event, None, None, Some(7)), Ok(()), "{event:?}");
        }
    }

    #[test]
    fn a_claim_that_is_not_there_cannot_be_spoken_about() {
        for event in examples::all().iter().filter(|event| event.about().is_some()) {
            let broken = check(event, None, None, None).expect_err("no such claim");
            assert_eq!((broken.rule, broken.subject.as_str()), (CLAIM_EXISTS, "claim 42"));
        }
    }

    #[test]
    fn each_event_fits_its_kinds_of_claims_and_no_other() {
        for target in examples::all() {
            let name = target.short_name();
            let about = name.starts_with("Claim");
            let claim = !about && name != "SourceRegistered";
            let undone = ["ClaimConfirmed", "ClaimDisputed", "ClaimPreferred"].contains(&name);
            let expect = |fits: bool| (!fits).then_some(CLAIM_FITS);
            assert_eq!(rule(examples::confirmed(), &target), expect(claim), "confirm {name}");
            assert_eq!(rule(examples::disputed(), &target), expect(claim), "dispute {name}");
            assert_eq!(rule(examples::retracted(), &target), expect(claim || undone), "{name}");
            let completed = name == "TransferCompleted";
            assert_eq!(rule(examples::preferred(), &target), expect(completed), "prefer {name}");
            let replacement = if claim { target.clone() } else { examples::completed().into() };
            let correction = examples::correction(&replacement);
            assert_eq!(rule(correction, &target), expect(claim), "correct {name}");
        }
    }

    #[test]
    fn a_retracted_claim_is_spoken_about_no_more() {
        let target = Known::from(examples::completed());
        for event in examples::all().iter().filter(|event| event.about().is_some()) {
            assert_eq!(check(event, Some(&target), Some(&target), None), Ok(()), "{event:?}");
            let broken = check(event, Some(&target), Some(&target), Some(50)).expect_err("gone");
            assert_eq!(broken.rule, CLAIM_STANDS);
            assert!(broken.description.contains("50"), "{broken}");
        }
    }

    #[test]
    fn a_correction_keeps_type_exchange_and_stream() {
        let target = Known::from(examples::completed());
        assert_eq!(rule(examples::correction(&without_number()), &target), None);
        assert_eq!(
            rule(examples::correction(&examples::agreed().into()), &target),
            Some(SAME_TYPE)
        );
        let mut elsewhere = examples::completed();
        elsewhere.leg = Some(proto::Leg { exchange_id: "demo-9".into(), ..examples::leg() });
        assert_eq!(rule(examples::correction(&elsewhere.into()), &target), Some(SAME_EXCHANGE));

        let target = Known::from(examples::statement());
        let elsewhere =
            proto::StatementMade { exchange_id: "demo-9".into(), ..examples::statement() };
        let correction = examples::correction(&elsewhere.into());
        assert_eq!(rule(correction, &target), Some(SAME_EXCHANGE));
        let mut other_speaker = examples::statement();
        other_speaker.speaker = Some(examples::actor("DE", "Ben Demo"));
        let correction = examples::correction(&other_speaker.into());
        assert_eq!(rule(correction, &target), Some(SAME_EXCHANGE));
    }

    #[test]
    fn a_preferred_claim_gives_one_number_in_its_latest_form() {
        let (single, open) = (Known::from(examples::completed()), without_number());
        let event = Known::from(examples::preferred());
        assert_eq!(check(&event, Some(&open), Some(&single), None), Ok(()));
        let broken = check(&event, Some(&single), Some(&open), None).expect_err("no number");
        assert_eq!(broken.rule, SINGLE_VALUE);
    }

    #[test]
    fn the_refusal_says_the_way_out() {
        let description = |event: Known, target: Known| {
            check(&event, Some(&target), Some(&target), None).expect_err("unfit").to_string()
        };
        let undo = description(examples::retracted().into(), examples::corrected().into());
        assert!(undo.contains("undone by another correction"), "{undo}");
        let twice = description(examples::retracted().into(), examples::retracted().into());
        assert!(twice.contains("record the claim anew"), "{twice}");
        let agreed = description(examples::preferred().into(), examples::agreed().into());
        assert!(agreed.contains("prefer a TransferCompleted"), "{agreed}");
    }
}
