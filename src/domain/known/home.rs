//! The one stream that a known event may stand in.

use crate::domain::{
    event::Position,
    known::Known,
    name::{InvalidName, StreamName},
};

/// Where an event belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Home {
    /// In this stream.
    Stream(StreamName),
    /// In the stream of the claim at this position.
    OfClaim(Position),
}

impl Known {
    /// The event's own stream; `None` only if a field that names it is missing or malformed, in
    /// which case [`Known::validate`] says so.
    pub fn home(&self) -> Option<Home> {
        if let Some(claim) = self.about() {
            return Some(Home::OfClaim(claim));
        }
        let stream = match self {
            Self::SourceRegistered(event) => named("source", &event.source_id),
            Self::DetentionReported(event) => named("detention", &event.detention_id),
            Self::StatementMade(event) => {
                let speaker = event.speaker.as_ref()?;
                named("statement", &slug::slugify(&speaker.name))
            }
            Self::TotalClaimed(event) if event.leg.is_none() => {
                named("series", &slug::slugify(&event.series))
            }
            Self::ExchangeReported(_)
            | Self::RoleAttributed(_)
            | Self::TransferAgreed(_)
            | Self::TransferCompleted(_)
            | Self::TransferDeclined(_)
            | Self::TotalClaimed(_)
            | Self::SuperlativeClaimed(_)
            | Self::ClaimConfirmed(_)
            | Self::ClaimDisputed(_)
            | Self::ClaimCorrected(_)
            | Self::ClaimRetracted(_)
            | Self::ClaimPreferred(_) => named("exchange", self.exchange_id()?),
        };
        stream.ok().map(Home::Stream)
    }
}

impl Known {
    /// The home to which a client sends an event with its texts as they were typed. It is the
    /// stream of that spelling, since a repeated request that an older build recorded is recognized
    /// by it. Where that spelling is no stream name, it is the stream of the folded text.
    pub fn typed_home(&self) -> Option<Home> {
        self.home().or_else(|| self.clone().folded().home())
    }
}

fn named(category: &str, name: &str) -> Result<StreamName, InvalidName> {
    StreamName::parse(&format!("{category}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{known::examples, proto};

    fn home(event: impl Into<Known>) -> Option<String> {
        match event.into().home()? {
            Home::Stream(stream) => Some(stream.to_string()),
            Home::OfClaim(claim) => Some(format!("of claim {claim}")),
        }
    }

    #[test]
    fn every_known_event_has_one_stream() {
        let homes: Vec<_> = examples::all().into_iter().filter_map(home).collect();
        let exchange = "exchange/demo-1";
        let mut expected = vec!["source/demo-source", "statement/ana-demo"];
        expected.extend([exchange; 7]);
        expected.push("detention/demo-held");
        expected.extend(["of claim 42"; 5]);
        assert_eq!(homes, expected);
        assert_eq!(home(examples::running_total()).as_deref(), Some("series/demo-series-totals"));
    }

    #[test]
    fn a_spelling_that_is_no_stream_name_has_the_home_of_the_folded_one() {
        let mut event = examples::exchange();
        event.exchange_id = " demo-1".into();
        let event = Known::from(event);
        assert_eq!(event.home(), None);
        let home = StreamName::parse("exchange/demo-1").map(Home::Stream);
        assert_eq!(event.typed_home(), home.ok());
    }

    #[test]
    fn the_spelling_of_slugs_stays_as_it_is_stored() {
        for (name, slug) in [
            ("Ana Demo", "ana-demo"),
            ("TR Ministry of Foreign Affairs / MIT", "tr-ministry-of-foreign-affairs-mit"),
            ("\u{130}brahim K\u{e7}\u{131}n", "ibrahim-kcin"),
            ("\u{418}\u{432}\u{430}\u{43d} \u{429}\u{443}\u{43a}\u{438}\u{43d}", "ivan-shchukin"),
            ("\u{423}\u{43a}\u{440}\u{430}\u{457}\u{43d}\u{430}", "ukrayina"),
            ("Stra\u{df}e & S\u{f8}n", "strasse-son"),
            ("\u{4e2d}\u{56fd}", "zhong-guo"),
            ("O'Neil, 2nd (spokesman)", "o-neil-2nd-spokesman"),
            ("\u{202e}-- ", ""),
        ] {
            assert_eq!(slug::slugify(name), slug, "{name}");
        }
    }

    #[test]
    fn the_stream_of_a_typed_id_is_spelled_as_the_id_where_that_is_a_name() {
        let home = |id: &str| {
            let event = proto::DetentionReported { detention_id: id.into(), ..Default::default() };
            let Some(Home::Stream(home)) = Known::from(event).typed_home() else { return None };
            Some(home.to_string())
        };
        assert_eq!(home("a\u{200b}b").as_deref(), Some("detention/a\u{200b}b"));
        assert_eq!(home(" ab\u{a0}").as_deref(), Some("detention/ab"));
        assert_eq!(home("a b"), None);
    }

    #[test]
    fn an_event_that_does_not_say_its_stream_has_no_home() {
        assert_eq!(home(proto::SourceRegistered::default()), None);
        assert_eq!(home(proto::StatementMade::default()), None);
        assert_eq!(home(proto::TransferCompleted::default()), None);
        assert_eq!(home(proto::TotalClaimed::default()), None);
        let spaced = proto::DetentionReported { detention_id: "a b".into(), ..Default::default() };
        assert_eq!(home(spaced), None);
    }
}
