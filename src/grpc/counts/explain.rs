//! `ExplainCount`: the claims behind a country's figure, and what becomes of each.

use std::sync::Arc;

use prost::Message;

use crate::{
    domain::{
        date::Edtf,
        event::Position,
        figure::Figure,
        proto::{self, ErrorReason},
        violation::Violations,
    },
    engine::{AsOf, Engine},
    grpc::{
        budget::Budget,
        claimed::Texts,
        counts::figure_key::NamedFigure,
        listed,
        page::{Page, Paging, Place, Tokens, Usual},
        request,
        status::RpcError,
    },
    projections::{
        claim_status::PreferenceInForce,
        explain::{ExplainWalk, ExplainedExchange, ExplainedLeg, ProvenanceQuery, ProvenanceWalk},
        register::Register,
    },
};

/// The query that a request states.
#[derive(Clone)]
struct Question {
    figure: NamedFigure,
    exchange: String,
    occurred: Option<Edtf>,
    include_past: bool,
    as_of: AsOf,
    page: Page,
}

fn question(
    mut request: proto::ExplainCountRequest,
    tokens: Tokens,
) -> Result<Question, Violations> {
    let mut wrong = Violations::default();
    let paging = Paging::of(tokens, &mut request);
    let proto::ExplainCountRequest {
        country,
        unit,
        direction,
        exchange_id,
        as_of,
        occurred,
        include_past,
        min_position: _,
        page_size: _,
        page_token: _,
    } = request;
    let question = Question {
        figure: NamedFigure::parse(&country, unit, direction, &mut wrong),
        exchange: request::optional_name(&exchange_id, "exchange_id", &mut wrong),
        occurred: request::occurred(&occurred, "occurred", &mut wrong),
        include_past,
        as_of: request::as_of(as_of, "as_of", &mut wrong),
        page: paging.page(Usual::Few, &mut wrong),
    };
    wrong.into_result(question)
}

impl Question {
    /// The figure; absent: the record knows nothing of it. It is a fault if the requested exchange
    /// is not in the record.
    fn find(&self, register: &Register, at: Position) -> Result<Option<ProvenanceQuery>, RpcError> {
        let vocabulary = register.claims().vocabulary();
        let only = match self.exchange.as_str() {
            "" => None,
            id => {
                let known = vocabulary.find(id).filter(|it| register.at(at).knows(*it));
                Some(known.ok_or_else(|| not_found(id))?)
            }
        };
        let occurred = self.occurred.clone();
        Ok(self.figure.key(register).map(|key| ProvenanceQuery { key, only, occurred }))
    }
}

fn not_found(exchange: &str) -> RpcError {
    let message =
        format!("no claim about exchange {exchange:?} is recorded; ListExchanges has the ids");
    RpcError::new(tonic::Code::NotFound, ErrorReason::NotFound, message)
}

pub(super) async fn answer(
    engine: &Engine,
    request: proto::ExplainCountRequest,
) -> Result<proto::ExplainCountResponse, RpcError> {
    let question = question(request, Tokens::of(engine))?;
    let position = question.page.position(engine, question.as_of).await?;
    let (query, record) = (question.clone(), engine.record().for_list().await?);
    let found = record.query(move |register| query.find(register, position)).await??;
    let Some(query) = found else {
        return Ok(proto::ExplainCountResponse { position, ..Default::default() });
    };
    let (key, page) = (query.key, question.page);
    let behind = record.list(page.list(position), ProvenanceWalk::new(query, position)).await?;
    let stretch = (page.begins().offset, page.size());
    let of = (Arc::clone(&behind), position);
    let walk = ExplainWalk::new(of, key, question.include_past, stretch);
    let exchanges = record.page(walk).await?;
    let mut exchange_page = ExchangePage::default();
    for (place, exchange) in exchanges.iter().enumerate() {
        let parts = if place == 0 { page.begins().parts } else { 0 };
        if !exchange_page.take(engine, exchange, parts).await? {
            break;
        }
    }
    Ok(proto::ExplainCountResponse {
        figure: behind.figure.clone().map(Into::into),
        next_page_token: page.next_part(&exchange_page.next, behind.exchanges.len(), position),
        exchanges: exchange_page.exchanges,
        position,
        undated_exchanges: behind.undated_exchanges,
    })
}

/// Larger legs that a leg names.
const PARTS_OF: usize = 1_000;

/// A page that is being put together.
#[derive(Default)]
struct ExchangePage {
    budget: Budget,
    exchanges: Vec<proto::ExplainedExchange>,
    /// Where the next page begins: an exchange of this one, and a claim on its legs.
    next: Place,
}

impl ExchangePage {
    /// Adds an exchange, without the first `parts` claims on its legs; answers whether the page
    /// took all of it. An exchange comes with one claim at least, if it has any.
    async fn take(
        &mut self,
        engine: &Engine,
        explained: &ExplainedExchange,
        parts: usize,
    ) -> Result<bool, RpcError> {
        let claims = claims(explained);
        let preferred = explained.preference.iter().flat_map(PreferenceInForce::positions);
        let mut head = head(explained, &Texts::read(engine, preferred).await?, parts > 0);
        let mut owed = head.encoded_len();
        let begins = parts.min(claims.len());
        let rest = claims.get(begins..).unwrap_or_default();
        let events = |at: &(usize, usize)| positions(explained, *at);
        let take = |texts: &Texts, at: &(usize, usize)| {
            let (begun, number) = claim(&head, explained, *at, texts)?;
            let leg = begun.as_ref().map_or(0, Message::encoded_len);
            self.budget.takes_bytes(owed + leg + number.encoded_len()).then_some(())?;
            owed = 0;
            head.legs.extend(begun);
            let leg = head.legs.last_mut().and_then(|leg| leg.leg.as_mut());
            if let Some(leg) = leg {
                leg.claims.push(number);
            }
            Some(())
        };
        let shown = begins + listed::each(engine, rest, events, take).await?;
        if (shown == begins && begins < claims.len())
            || (owed > 0 && !self.budget.takes_bytes(owed))
        {
            return Ok(false);
        }
        count_rest(&mut head, explained, claims.get(shown..).unwrap_or_default());
        self.exchanges.push(head);
        let all = shown == claims.len();
        let offset = self.next.offset + usize::from(all);
        self.next = Place { offset, parts: if all { 0 } else { shown }, ..Place::default() };
        Ok(all)
    }
}

/// The claims on the legs of an exchange: the place of each one's leg, and its own on it.
fn claims(explained: &ExplainedExchange) -> Vec<(usize, usize)> {
    let legs = explained.legs.iter().enumerate();
    let claims = legs.flat_map(|(leg, it)| (0..it.leg.claims.len()).map(move |at| (leg, at)));
    claims.collect()
}

/// A claim, and its leg if that is not the last of the answer yet.
fn claim(
    head: &proto::ExplainedExchange,
    explained: &ExplainedExchange,
    (place, claim): (usize, usize),
    texts: &Texts,
) -> Option<(Option<proto::ExplainedLeg>, proto::ClaimedNumber)> {
    let leg = explained.legs.get(place)?;
    let number = texts.number(leg.leg.claims.get(claim)?);
    let begins = claim == 0 || head.legs.is_empty();
    Some((begins.then(|| self::leg(leg, texts, claim)), number))
}

/// The events with the texts that a claim shows; for the first claim on a leg, also those of the
/// leg's preference.
fn positions(explained: &ExplainedExchange, (leg, claim): (usize, usize)) -> Vec<Position> {
    let leg = explained.legs.get(leg).map(|it| &it.leg);
    let number = leg.and_then(|leg| leg.claims.get(claim));
    let preferred = leg.and_then(|leg| leg.preference.as_ref()).filter(|_| claim == 0);
    let preferred = preferred.into_iter().flat_map(PreferenceInForce::positions);
    number.into_iter().flat_map(|number| number.status.positions()).chain(preferred).collect()
}

/// Says how many claims and legs more there are.
fn count_rest(
    head: &mut proto::ExplainedExchange,
    explained: &ExplainedExchange,
    rest: &[(usize, usize)],
) {
    head.more_legs = count(rest.iter().filter(|(_, claim)| *claim == 0).count());
    if let Some((place, claim)) = rest.first().filter(|(_, claim)| *claim > 0)
        && let Some(leg) = head.legs.last_mut().and_then(|leg| leg.leg.as_mut())
    {
        let all = explained.legs.get(*place).map_or(0, |leg| leg.leg.claims.len());
        leg.more_claims = count(all - claim);
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A leg that begins at `first_claim`, still without claims.
fn leg(leg: &ExplainedLeg, texts: &Texts, first_claim: usize) -> proto::ExplainedLeg {
    let ExplainedLeg { leg, used, part_of } = leg;
    proto::ExplainedLeg {
        leg: Some(texts.leg(leg, first_claim)),
        r#use: (*used).into(),
        part_of: part_of.iter().take(PARTS_OF).copied().collect(),
        more_part_of: count(part_of.len().saturating_sub(PARTS_OF)),
    }
}

/// What an exchange adds, without its legs. Only the page where the exchange begins has its
/// preference.
fn head(explained: &ExplainedExchange, texts: &Texts, continues: bool) -> proto::ExplainedExchange {
    let ExplainedExchange { exchange, title, occurred, share, preference, legs: _ } = explained;
    let figure = Figure::from(*share);
    let preference = preference.clone().filter(|_| !continues);
    proto::ExplainedExchange {
        exchange_id: exchange.clone(),
        title: title.clone(),
        occurred: occurred.clone(),
        unnumbered: figure.unnumbered,
        shared: figure.shared.map(Into::into),
        open: figure.open.map(Into::into),
        share: Some(figure.into()),
        preference: preference.map(|preference| texts.preference(preference)),
        continues,
        ..proto::ExplainedExchange::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{estimate::Estimate, proto::LegUse},
        projections::claim_status::LegClaims,
    };

    #[test]
    fn a_leg_names_its_first_larger_legs_and_counts_the_others() {
        let shown = LegClaims {
            leg: proto::Leg::default(),
            estimate: Estimate::default(),
            claims: Vec::new(),
            preference: None,
        };
        let part_of = (0..1_003).collect();
        let explained = ExplainedLeg { leg: shown, used: LegUse::PartOfAnother, part_of };
        let leg = leg(&explained, &Texts::default(), 0);
        assert_eq!((leg.part_of.len(), leg.more_part_of), (PARTS_OF, 3));
    }
}
