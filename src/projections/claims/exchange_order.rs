//! The exchanges in the order in which they were first named.

use hashbrown::HashSet;

use crate::domain::{event::Position, symbol::Symbol};

/// Every exchange with the first event that named it, as the one that it is about or as the
/// larger one of that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ExchangeOrder {
    order: Vec<(Position, Symbol)>,
    known: HashSet<Symbol>,
}

impl ExchangeOrder {
    /// Notes the exchanges that an event names; events come in order. `text` tells how a symbol is
    /// spelt: of two that one event names, the one that sorts before the other comes first.
    pub(super) fn note<'t>(
        &mut self,
        event: Position,
        mut exchanges: [Symbol; 2],
        text: impl Fn(Symbol) -> &'t str,
    ) {
        debug_assert!(
            self.order.last().is_none_or(|(last, _)| *last <= event),
            "pages go on after a position"
        );
        exchanges.sort_unstable_by_key(|exchange| text(*exchange));
        for exchange in exchanges {
            if !exchange.is_empty() && self.known.insert(exchange) {
                self.order.push((event, exchange));
            }
        }
    }

    pub(super) fn order(&self) -> &[(Position, Symbol)] {
        &self.order
    }
}
