//! Rules of exchanges, the parts played in them, what is said of them, and of detentions.

use super::parts;
use crate::domain::{
    identity::fold,
    known::fields::{Fields, rules},
    proto::{
        DetentionReported, DetentionStatus, ExchangeKind, ExchangeReported, ExchangeStatus, Role,
        RoleAttributed, SuperlativeClaimed,
    },
};

rules! {
    ExchangeReported {
        attribution: message,
        exchange_id: id,
        part_of: larger_than(exchange_id),
        title: line,
        kind: known(ExchangeKind::as_str_name),
        parties: parties,
        place: line,
        occurred: date,
        occurred_text: line,
        status: chosen(ExchangeStatus::as_str_name),
    }
    RoleAttributed {
        attribution: message,
        exchange_id: id,
        actor: message_as(parts::actor),
        role: chosen(Role::as_str_name),
        | denied
    }
    SuperlativeClaimed {
        attribution: message,
        exchange_id: id,
        text: required_line,
        measure: line,
        scope: line,
        since: line,
        holder: line,
    }
    DetentionReported {
        attribution: message,
        detention_id: id,
        subject: required_text,
        custodian: optional_as(parts::actor),
        status: known(DetentionStatus::as_str_name),
        charge: text,
        since: date,
    }
}

impl Fields {
    /// The larger exchange that one is a portion of.
    fn larger_than(&mut self, field: &str, larger: &str, exchange_id: &str) {
        self.optional_id(field, larger);
        if !fold(larger).is_empty() && fold(larger) == fold(exchange_id) {
            self.add(field, "is the exchange itself; name the larger one, or leave it empty");
        }
    }
}
