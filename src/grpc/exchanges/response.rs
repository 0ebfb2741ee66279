//! A page of a story: of every list some, and how many more there are.

use prost::Message;

use super::items::{Item, Legs, items, leg};
use crate::{
    domain::{event::Position, known::Known, proto},
    engine::Engine,
    grpc::{budget::Budget, claimed::Texts, listed, page::Page, status::RpcError},
    projections::{
        claim_status::{ClaimStatus, PreferenceInForce},
        story::{AttributedRole, ReportedState, Story},
    },
};

/// A page of a story that is true for `at`, with its texts.
pub(super) async fn respond(
    engine: &Engine,
    story: &Story,
    page: &Page,
    at: Position,
) -> Result<proto::GetExchangeResponse, RpcError> {
    let items = items(story);
    let begins = page.begins().offset.min(items.len());
    let mut builder = ResponseBuilder::new(story, at);
    let rest = items.get(begins..).unwrap_or_default();
    let positions = |item: &Item| positions(story, *item);
    let take = |texts: &Texts, item: &Item| builder.take(texts, *item);
    let taken = listed::each(engine, rest, positions, take).await?;
    builder.count_rest(rest.get(taken..).unwrap_or_default());
    let mut answer = builder.answer;
    answer.next_page_token = page.next(taken, items.len(), at);
    Ok(answer)
}

/// The events with the texts that an item shows.
fn positions(story: &Story, item: Item) -> Vec<Position> {
    let status: Option<&ClaimStatus> = match item {
        Item::Count(_) | Item::Portion(_) | Item::Party(_) => None,
        Item::Claim(legs, place, claim) => {
            let leg = leg(story, legs, place);
            let claimed = leg.and_then(|leg| leg.claims.get(claim)).map(|number| &number.status);
            let preferred = leg.and_then(|leg| leg.preference.as_ref()).filter(|_| claim == 0);
            let preferred = preferred.into_iter().flat_map(PreferenceInForce::positions);
            return claimed.into_iter().flat_map(ClaimStatus::positions).chain(preferred).collect();
        }
        Item::Total(place) => story.totals.get(place).map(|(status, _)| status),
        Item::Attributed(role, claim) => {
            story.roles.get(role).and_then(|it| it.attributed.get(claim))
        }
        Item::Denied(role, claim) => story.roles.get(role).and_then(|it| it.denied.get(claim)),
        Item::Report(place) => story.reports.get(place).map(|report| &report.claim),
        Item::Superlative(place) => story.superlatives.get(place),
        Item::Statement(place) => story.statements.get(place),
    };
    status.into_iter().flat_map(ClaimStatus::positions).collect()
}

/// An answer that is being put together.
struct ResponseBuilder<'s> {
    story: &'s Story,
    budget: Budget,
    answer: proto::GetExchangeResponse,
    /// Of each list of legs the place of the last that is in the answer, and of roles.
    last_legs: [Option<usize>; 3],
    last_role: Option<usize>,
}

impl<'s> ResponseBuilder<'s> {
    fn new(story: &'s Story, at: Position) -> Self {
        let (portions, parties) = (Vec::new(), Vec::new());
        let summary = &story.summary;
        let exchange = proto::ExchangeSummary { portions, parties, ..summary.clone() };
        let answer = proto::GetExchangeResponse {
            exchange: Some(exchange),
            position: at,
            ..proto::GetExchangeResponse::default()
        };
        let budget = Budget::default();
        Self { story, budget, answer, last_legs: [None; 3], last_role: None }
    }

    /// Puts an item into the answer; absent: it does not fit any more.
    fn take(&mut self, texts: &Texts, item: Item) -> Option<()> {
        let Self { story, budget, answer, .. } = self;
        match item {
            Item::Claim(legs, place, claim) => self.take_claim(texts, legs, place, claim),
            Item::Attributed(place, claim) => self.take_role(texts, place, claim, false),
            Item::Denied(place, claim) => self.take_role(texts, place, claim, true),
            Item::Count(place) => {
                let count = story.counts.get(place)?.clone().into();
                budget.put(&mut answer.counts, count)
            }
            Item::Total(place) => {
                let (status, sum) = story.totals.get(place)?;
                let (record, total) = (Some(texts.record(status)), total(texts, status));
                let sum = sum.clone().map(Into::into);
                budget.put(&mut answer.totals, proto::TotalEntry { record, total, sum })
            }
            Item::Report(place) => {
                let report = report(texts, story.reports.get(place)?);
                budget.put(&mut answer.status_history, report)
            }
            Item::Superlative(place) => {
                let superlative = superlative(texts, story.superlatives.get(place)?);
                budget.put(&mut answer.superlatives, superlative)
            }
            Item::Statement(place) => {
                let statement = texts.statement(story.statements.get(place)?);
                budget.put(&mut answer.statements, statement)
            }
            Item::Portion(place) => {
                let name = story.summary.portions.get(place)?;
                budget.put_name(&mut answer.exchange.as_mut()?.portions, name)
            }
            Item::Party(place) => {
                let name = story.summary.parties.get(place)?;
                budget.put_name(&mut answer.exchange.as_mut()?.parties, name)
            }
        }
    }

    fn take_claim(&mut self, texts: &Texts, legs: Legs, place: usize, claim: usize) -> Option<()> {
        let found = leg(self.story, legs, place)?;
        let number = texts.number(found.claims.get(claim)?);
        let last = self.last_legs.get_mut(legs as usize)?;
        let head = (*last != Some(place)).then(|| texts.leg(found, claim));
        let bytes = number.encoded_len() + head.as_ref().map_or(0, Message::encoded_len);
        self.budget.takes_bytes(bytes).then_some(())?;
        *last = Some(place);
        if let Some(head) = head {
            match legs {
                Legs::Completed => self.answer.legs.push(head),
                Legs::Agreed => self.answer.agreed.push(head),
                Legs::Declined => {
                    let (_, reason) = self.story.declined.get(place)?;
                    let leg = Some(head);
                    self.answer.declined.push(proto::DeclinedLeg { leg, reason: *reason });
                }
            }
        }
        self.last_leg(legs)?.claims.push(number);
        Some(())
    }

    /// The last leg of a list that is in the answer.
    fn last_leg(&mut self, legs: Legs) -> Option<&mut proto::LegEstimate> {
        match legs {
            Legs::Completed => self.answer.legs.last_mut(),
            Legs::Agreed => self.answer.agreed.last_mut(),
            Legs::Declined => self.answer.declined.last_mut()?.leg.as_mut(),
        }
    }

    fn take_role(&mut self, texts: &Texts, place: usize, claim: usize, denied: bool) -> Option<()> {
        let AttributedRole { actor, role, attributed, denied: deniers } =
            self.story.roles.get(place)?;
        let status = if denied { deniers } else { attributed }.get(claim)?;
        let begins = self.last_role != Some(place);
        let continues = claim > 0 || (denied && !attributed.is_empty());
        let head = begins.then(|| proto::RoleEntry {
            actor: Some(actor.clone()),
            role: *role,
            continues,
            ..proto::RoleEntry::default()
        });
        let claim = proto::RoleClaim {
            record: Some(texts.record(status)),
            attribution: attribution(texts, status),
        };
        let bytes = claim.encoded_len() + head.as_ref().map_or(0, Message::encoded_len);
        self.budget.takes_bytes(bytes).then_some(())?;
        self.answer.roles.extend(head);
        self.last_role = Some(place);
        let entry = self.answer.roles.last_mut()?;
        (if denied { &mut entry.denied_by } else { &mut entry.attributed_by }).push(claim);
        Some(())
    }

    /// Says how many more there are of each list, given what is left.
    fn count_rest(&mut self, rest: &[Item]) {
        let (mut portions, mut parties) = (0, 0);
        for item in rest {
            let answer = &mut self.answer;
            match *item {
                Item::Claim(legs, place, claim) => self.count_claim(legs, place, claim),
                Item::Attributed(place, _) if self.last_role == Some(place) => {
                    if let Some(role) = answer.roles.last_mut() {
                        role.more_attributed_by += 1;
                    }
                }
                Item::Denied(place, _) if self.last_role == Some(place) => {
                    if let Some(role) = answer.roles.last_mut() {
                        role.more_denied_by += 1;
                    }
                }
                Item::Attributed(_, claim) => answer.more_roles += u32::from(claim == 0),
                Item::Denied(place, claim) => {
                    let alone = self.story.roles.get(place).map(|role| role.attributed.is_empty());
                    answer.more_roles += u32::from(claim == 0 && alone == Some(true));
                }
                Item::Count(_) => answer.more_counts += 1,
                Item::Total(_) => answer.more_totals += 1,
                Item::Report(_) => answer.more_reports += 1,
                Item::Superlative(_) => answer.more_superlatives += 1,
                Item::Statement(_) => answer.more_statements += 1,
                Item::Portion(_) => portions += 1,
                Item::Party(_) => parties += 1,
            }
        }
        if let Some(exchange) = &mut self.answer.exchange {
            (exchange.more_portions, exchange.more_parties) = (portions, parties);
        }
    }

    fn count_claim(&mut self, legs: Legs, place: usize, claim: usize) {
        if self.last_legs.get(legs as usize) == Some(&Some(place)) {
            self.last_leg(legs).into_iter().for_each(|leg| leg.more_claims += 1);
        } else if claim == 0 {
            *(match legs {
                Legs::Completed => &mut self.answer.more_legs,
                Legs::Agreed => &mut self.answer.more_agreed,
                Legs::Declined => &mut self.answer.more_declined,
            }) += 1;
        }
    }
}

fn report(texts: &Texts, report: &ReportedState) -> proto::StatusReport {
    let ReportedState { claim, status, occurred } = report;
    let (record, attribution) = (Some(texts.record(claim)), attribution(texts, claim));
    proto::StatusReport { record, status: *status, occurred: occurred.clone(), attribution }
}

fn attribution(texts: &Texts, status: &ClaimStatus) -> Option<proto::Attribution> {
    texts.reading(status.read_from)?.attribution().cloned()
}

fn total(texts: &Texts, status: &ClaimStatus) -> Option<proto::TotalClaimed> {
    let Known::TotalClaimed(total) = texts.reading(status.read_from)? else { return None };
    Some(total)
}

fn superlative(texts: &Texts, status: &ClaimStatus) -> proto::SuperlativeEntry {
    let superlative = match texts.reading(status.read_from) {
        Some(Known::SuperlativeClaimed(superlative)) => Some(superlative),
        _ => None,
    };
    proto::SuperlativeEntry { record: Some(texts.record(status)), superlative }
}
