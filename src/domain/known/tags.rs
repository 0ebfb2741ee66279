//! The labels that follow from a known payload, under the keys that only the server sets.
//!
//! Outlets and agencies that merely passed a claim on give no `party:` tag: a subscriber to a
//! party wants to hear of what it did, suffered or said.

use crate::domain::{
    known::Known,
    name::Tag,
    proto::{Actor, Leg, Role},
};

impl Known {
    /// The tags that follow from the event alone, sorted, each once. Values that no tag can hold
    /// are left out; [`Known::validate`] refuses them.
    ///
    /// The tags of the claim that an event is about are not among them: they follow from the
    /// claim.
    pub fn tags(&self) -> Vec<Tag> {
        let mut tags = Tags(Vec::new());
        tags.own(self);
        if let Some(replacement) = self.replacement() {
            // The claimant that the replacement names does not say the correction, but readers that
            // follow this claimant must get it.
            tags.own(&replacement);
        }
        tags.0.sort();
        tags.0.dedup();
        tags.0
    }
}

struct Tags(Vec<Tag>);

impl Tags {
    fn add(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.0.extend(Tag::parse(&format!("{key}:{value}")));
        }
    }

    fn own(&mut self, event: &Known) {
        if let Some(claim) = event.about() {
            self.add("claim", &claim.to_string());
        }
        if let Some(id) = event.exchange_id() {
            self.add("exchange", id);
        }
        if let Some(attribution) = event.attribution() {
            self.add("source", &attribution.source_id);
            if let Some(claimant) = &attribution.claimed_by {
                self.party(claimant);
                self.add("claimant", &name_or_party(claimant));
            }
        }
        if let Some(leg) = event.leg() {
            self.leg(leg);
        }
        self.particular(event);
    }

    fn particular(&mut self, event: &Known) {
        match event {
            Known::SourceRegistered(event) => self.add("source", &event.source_id),
            Known::StatementMade(event) => {
                event.on_behalf_of.iter().for_each(|actor| self.party(actor));
                if let Some(speaker) = &event.speaker {
                    self.party(speaker);
                    self.add("speaker", &slug::slugify(&speaker.name));
                }
            }
            Known::ExchangeReported(event) => self.all("party", &event.parties),
            Known::RoleAttributed(event) => {
                event.actor.iter().for_each(|actor| self.party(actor));
                self.role(event.role);
            }
            Known::TransferCompleted(event) => self.all("party", &event.via),
            Known::TotalClaimed(event) => self.add("exchange", &event.follows_exchange_id),
            Known::DetentionReported(event) => {
                event.custodian.iter().for_each(|actor| self.party(actor));
            }
            Known::ClaimPreferred(event) => self.add("party", &event.country),
            Known::TransferAgreed(_)
            | Known::TransferDeclined(_)
            | Known::SuperlativeClaimed(_)
            | Known::ClaimConfirmed(_)
            | Known::ClaimDisputed(_)
            | Known::ClaimCorrected(_)
            | Known::ClaimRetracted(_) => {}
        }
    }

    fn leg(&mut self, leg: &Leg) {
        self.all("from", &leg.from);
        self.all("to", &leg.to);
        self.all("party", &leg.from);
        self.all("party", &leg.to);
    }

    fn all(&mut self, key: &str, values: &[String]) {
        for value in values {
            self.add(key, value);
        }
    }

    fn party(&mut self, actor: &Actor) {
        self.add("party", &actor.party);
    }

    fn role(&mut self, role: i32) {
        if let Ok(role) = Role::try_from(role)
            && role != Role::Unspecified
        {
            let name = role.as_str_name().trim_start_matches("ROLE_");
            self.add("role", &name.to_ascii_lowercase().replace('_', "-"));
        }
    }
}

fn name_or_party(actor: &Actor) -> String {
    if actor.name.is_empty() { actor.party.clone() } else { slug::slugify(&actor.name) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{known::examples, limits, proto};

    fn tags(event: impl Into<Known>) -> String {
        let tags = event.into().tags();
        assert!(tags.is_sorted_by(|a, b| a < b), "sorted, each once: {tags:?}");
        tags.iter().map(Tag::as_str).collect::<Vec<_>>().join(" ")
    }

    const BASE: &str = "claimant:demo-ministry";

    #[test]
    fn tags_follow_from_the_payload() {
        assert_eq!(tags(examples::source()), "source:demo-source");
        let statement = "exchange:demo-1 party:DE party:TR party:x-demo \
                         source:demo-source speaker:ana-demo";
        assert_eq!(tags(examples::statement()), format!("{BASE} {statement}"));
        let reported = "exchange:demo-1 party:DE party:RU party:TR source:demo-source";
        assert_eq!(tags(examples::exchange()), format!("{BASE} {reported}"));
        let role = "exchange:demo-1 party:AE party:TR role:neutral-intermediary source:demo-source";
        assert_eq!(tags(examples::role()), format!("{BASE} {role}"));
        let leg = "exchange:demo-1 from:BY from:RU party:BY party:DE party:RU party:TR \
                   source:demo-source to:DE";
        assert_eq!(tags(examples::agreed()), format!("{BASE} {leg}"));
        assert_eq!(tags(examples::declined()), format!("{BASE} {leg}"));
        assert_eq!(tags(examples::total()), format!("{BASE} {leg}"));
        let via = leg.replace("party:BY", "party:BY party:CH");
        assert_eq!(tags(examples::completed()), format!("{BASE} {via}"));
        let series = "exchange:demo-2 party:TR source:demo-source";
        assert_eq!(tags(examples::running_total()), format!("{BASE} {series}"));
        let superlative = "exchange:demo-1 party:TR source:demo-source";
        assert_eq!(tags(examples::superlative()), format!("{BASE} {superlative}"));
        assert_eq!(
            tags(examples::detention()),
            format!("{BASE} party:RU party:TR source:demo-source")
        );
    }

    #[test]
    fn an_event_about_a_claim_names_it() {
        let own = "claim:42 claimant:demo-ministry";
        let rest = "party:TR source:demo-source";
        assert_eq!(tags(examples::confirmed()), format!("{own} {rest}"));
        assert_eq!(tags(examples::disputed()), format!("{own} {rest}"));
        assert_eq!(tags(examples::retracted()), format!("{own} {rest}"));
        assert_eq!(tags(examples::preferred()), format!("{own} party:DE {rest}"));
    }

    #[test]
    fn a_correction_carries_the_tags_of_what_it_puts_in_place() {
        let corrected = "exchange:demo-1 from:BY from:RU party:BY party:CH party:DE party:RU \
                         party:TR source:demo-source to:DE";
        assert_eq!(tags(examples::corrected()), format!("claim:42 {BASE} {corrected}"));
    }

    #[test]
    fn a_claimant_without_a_name_is_its_party() {
        let mut source = examples::attribution();
        source.claimed_by = Some(Actor { party: "TR".into(), ..Default::default() });
        let event = proto::ClaimConfirmed { attribution: Some(source), ..examples::confirmed() };
        assert!(tags(event).contains("claimant:TR "));
    }

    #[test]
    fn ids_and_slugs_at_their_limit_still_fit_a_tag() {
        let id = "a".repeat(limits::ID_BYTES);
        let mut event = examples::statement();
        event.exchange_id.clone_from(&id);
        event.speaker = Some(Actor { name: id.clone(), ..Default::default() });
        let mut attribution = examples::attribution();
        attribution.source_id.clone_from(&id);
        attribution.claimed_by = Some(Actor { name: id.clone(), ..Default::default() });
        event.attribution = Some(attribution);
        assert_eq!(Known::from(event.clone()).validate(), Ok(()));
        let tags = tags(event);
        for key in ["exchange", "speaker", "source", "claimant"] {
            assert!(tags.contains(&format!("{key}:{id}")), "{key}: {tags}");
        }
    }
}
