//! The events that handover itself understands.
//!
//! A payload of any other type passes through the store untouched; one of these is decoded here,
//! checked field by field ([`Known::validate`]), kept to its own stream ([`Known::home`]) and
//! labelled with the tags that follow from it ([`Known::tags`]). The texts by which the record
//! tells things apart are folded ([`Known::fold`]).

mod admission;
#[cfg(test)]
pub(crate) mod examples;
mod fields;
mod folded;
mod home;
mod rewritten;
mod tags;
mod validate;

use prost::Message as _;

use crate::domain::{event::Position, proto, violation::Violations};

use fields::Checked as _;
use folded::Identified as _;
pub use home::Home;

macro_rules! known {
    ($($name:ident),* $(,)?) => {
        /// A decoded event of the record's language. What it holds is as it came: only
        /// [`Known::validate`] says whether its fields are in order.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Known {
            $(
                #[doc = concat!("`handover.v1.", stringify!($name), "`")]
                $name(proto::$name),
            )*
        }

        impl Known {
            /// The full names of all known types.
            pub const TYPE_NAMES: [&str; 15] =
                [$(concat!("handover.v1.", stringify!($name))),*];

            /// Decodes a payload as it was typed; `None` if its type is not one of ours. What is
            /// recorded is read by [`Known::read`].
            pub fn decode(
                type_name: &str,
                payload: &[u8],
            ) -> Option<Result<Self, prost::DecodeError>> {
                Some(match type_name {
                    $(concat!("handover.v1.", stringify!($name)) => {
                        proto::$name::decode(payload).map(Self::$name)
                    })*
                    _ => return None,
                })
            }

            /// The full name of the payload's message.
            pub fn type_name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => concat!("handover.v1.", stringify!($name)),)*
                }
            }

            /// The name of the payload's message without its package, for messages to people.
            pub fn short_name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($name),)*
                }
            }

            /// Checks every field. Paths start at the payload, as in `leg.from[0]`.
            pub fn validate(&self) -> Result<(), Violations> {
                let violations = match self {
                    $(Self::$name(event) => event.violations(),)*
                };
                violations.into_result(())
            }

            /// Folds the identity texts. Answers whether one of them was not folded before.
            pub fn fold(&mut self) -> bool {
                match self {
                    $(Self::$name(event) => event.fold_texts(),)*
                }
            }

            /// The payload under its type's name, as a client would send it.
            pub fn pack(&self) -> proto::Any {
                match self {
                    $(Self::$name(event) => proto::Any::pack(event),)*
                }
            }
        }

        $(
            impl From<proto::$name> for Known {
                fn from(event: proto::$name) -> Self {
                    Self::$name(event)
                }
            }
        )*
    };
}

known! {
    SourceRegistered,
    StatementMade,
    ExchangeReported,
    RoleAttributed,
    TransferAgreed,
    TransferCompleted,
    TransferDeclined,
    TotalClaimed,
    SuperlativeClaimed,
    DetentionReported,
    ClaimConfirmed,
    ClaimDisputed,
    ClaimCorrected,
    ClaimRetracted,
    ClaimPreferred,
}

impl Known {
    /// The claim that this event is about; `None` if it is about no claim.
    pub fn about(&self) -> Option<Position> {
        match self {
            Self::ClaimConfirmed(event) => Some(event.claim),
            Self::ClaimDisputed(event) => Some(event.claim),
            Self::ClaimCorrected(event) => Some(event.claim),
            Self::ClaimRetracted(event) => Some(event.claim),
            Self::ClaimPreferred(event) => Some(event.claim),
            Self::SourceRegistered(_)
            | Self::StatementMade(_)
            | Self::ExchangeReported(_)
            | Self::RoleAttributed(_)
            | Self::TransferAgreed(_)
            | Self::TransferCompleted(_)
            | Self::TransferDeclined(_)
            | Self::TotalClaimed(_)
            | Self::SuperlativeClaimed(_)
            | Self::DetentionReported(_) => None,
        }
    }

    /// Whether it claims something of the world: neither a source, nor about another claim.
    pub fn is_first_hand_claim(&self) -> bool {
        self.about().is_none() && !matches!(self, Self::SourceRegistered(_))
    }

    /// The exchange that the event is about, if it names one itself. Of an event about a claim it
    /// is the claim that knows.
    pub fn exchange_id(&self) -> Option<&str> {
        let id = match self {
            Self::StatementMade(event) => &event.exchange_id,
            Self::ExchangeReported(event) => &event.exchange_id,
            Self::RoleAttributed(event) => &event.exchange_id,
            Self::SuperlativeClaimed(event) => &event.exchange_id,
            Self::TransferAgreed(_)
            | Self::TransferCompleted(_)
            | Self::TransferDeclined(_)
            | Self::TotalClaimed(_) => &self.leg()?.exchange_id,
            Self::SourceRegistered(_)
            | Self::DetentionReported(_)
            | Self::ClaimConfirmed(_)
            | Self::ClaimDisputed(_)
            | Self::ClaimCorrected(_)
            | Self::ClaimRetracted(_)
            | Self::ClaimPreferred(_) => return None,
        };
        Some(id.as_str()).filter(|id| !id.is_empty())
    }

    /// From where to where, if the event is about a leg.
    pub fn leg(&self) -> Option<&proto::Leg> {
        match self {
            Self::TransferAgreed(event) => event.leg.as_ref(),
            Self::TransferCompleted(event) => event.leg.as_ref(),
            Self::TransferDeclined(event) => event.leg.as_ref(),
            Self::TotalClaimed(event) => event.leg.as_ref(),
            Self::SourceRegistered(_)
            | Self::StatementMade(_)
            | Self::ExchangeReported(_)
            | Self::RoleAttributed(_)
            | Self::SuperlativeClaimed(_)
            | Self::DetentionReported(_)
            | Self::ClaimConfirmed(_)
            | Self::ClaimDisputed(_)
            | Self::ClaimCorrected(_)
            | Self::ClaimRetracted(_)
            | Self::ClaimPreferred(_) => None,
        }
    }

    /// Who said so; every event but a source carries it.
    pub fn attribution(&self) -> Option<&proto::Attribution> {
        match self {
            Self::SourceRegistered(_) => None,
            Self::StatementMade(event) => event.attribution.as_ref(),
            Self::ExchangeReported(event) => event.attribution.as_ref(),
            Self::RoleAttributed(event) => event.attribution.as_ref(),
            Self::TransferAgreed(event) => event.attribution.as_ref(),
            Self::TransferCompleted(event) => event.attribution.as_ref(),
            Self::TransferDeclined(event) => event.attribution.as_ref(),
            Self::TotalClaimed(event) => event.attribution.as_ref(),
            Self::SuperlativeClaimed(event) => event.attribution.as_ref(),
            Self::DetentionReported(event) => event.attribution.as_ref(),
            Self::ClaimConfirmed(event) => event.attribution.as_ref(),
            Self::ClaimDisputed(event) => event.attribution.as_ref(),
            Self::ClaimCorrected(event) => event.attribution.as_ref(),
            Self::ClaimRetracted(event) => event.attribution.as_ref(),
            Self::ClaimPreferred(event) => event.attribution.as_ref(),
        }
    }

    /// What a correction puts in the claim's place; `None` if this is no correction, or one that
    /// [`Known::validate`] refuses because its replacement cannot be decoded.
    pub fn replacement(&self) -> Option<Self> {
        let Self::ClaimCorrected(event) = self else {
            return None;
        };
        let any = event.replacement.as_ref()?;
        Self::decode(any.type_name(), &any.value)?.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_known_type_decodes_to_what_was_packed() {
        let samples = examples::all();
        let names: Vec<_> = samples.iter().map(Known::type_name).collect();
        assert_eq!(names, Known::TYPE_NAMES, "a sample of each type, in order");
        for event in samples {
            let any = event.pack();
            assert_eq!(any.type_name(), event.type_name());
            assert!(event.type_name().ends_with(&format!(".{}", event.short_name())));
            assert_eq!(Known::decode(any.type_name(), &any.value), Some(Ok(event)));
        }
    }

    #[test]
    fn other_types_are_not_ours() {
        for name in ["", "handover.v1.Leg", "TransferCompleted", "demo.v1.TransferCompleted"] {
            assert_eq!(Known::decode(name, &[]), None, "{name}");
        }
    }

    #[test]
    fn events_state_which_exchange_and_which_claim_they_are_about() {
        for event in examples::all() {
            let (exchange, claim) = (event.exchange_id(), event.about());
            match event.type_name().trim_start_matches("handover.v1.") {
                "SourceRegistered" | "DetentionReported" => {
                    assert_eq!((exchange, claim), (None, None), "{event:?}");
                }
                name if name.starts_with("Claim") => {
                    assert_eq!((exchange, claim), (None, Some(42)), "{event:?}");
                }
                _ => assert_eq!((exchange, claim), (Some("demo-1"), None), "{event:?}"),
            }
        }
    }

    fn nothing_panics(type_name: &str, payload: &[u8]) {
        if let Some(Ok(event)) = Known::decode(type_name, payload) {
            let valid = event.validate().is_ok();
            let home = event.typed_home();
            assert!(!valid || home.is_some(), "valid, but at home nowhere: {event:?}");
            event.tags();
            event.replacement();
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(
            index in 0..Known::TYPE_NAMES.len(),
            payload in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            nothing_panics(Known::TYPE_NAMES[index], &payload);
        }

        #[test]
        fn damaged_payloads_never_panic(
            index in 0..Known::TYPE_NAMES.len(),
            damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            let event = &examples::all()[index];
            let mut payload = event.pack().value.to_vec();
            for (at, byte) in damage {
                let at = at.index(payload.len());
                payload[at] = byte;
            }
            nothing_panics(event.type_name(), &payload);
        }
    }
}
