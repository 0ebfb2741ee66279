//! The suite `network`: what TLS, tokens and metrics cost, each against a server without it.

mod costs;
mod figures;
mod scraper;

use self::{
    costs::{Costs, Load, Of},
    figures::{FIGURES, IDLE_TLS_APPENDS, IDLE_TLS_MEMORY},
};
use super::{case::Suite, followers::Idle};

/// The cases, in the order in which they run.
pub(super) fn suite() -> Suite {
    let idle = Idle { secured: true, memory: IDLE_TLS_MEMORY, appends: IDLE_TLS_APPENDS };
    Suite {
        name: "network",
        cases: vec![
            Box::new(Costs { of: Of::Access, load: Load::Appends }),
            Box::new(Costs { of: Of::Access, load: Load::Reads }),
            Box::new(Costs { of: Of::Scrapes, load: Load::Appends }),
            Box::new(idle),
        ],
        figures: FIGURES,
    }
}
