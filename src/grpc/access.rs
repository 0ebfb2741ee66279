//! Access at the door: each call is admitted before its request is taken in, or refused.
//!
//! ```text
//!   files --> in_use --> Access          read again while the server runs
//!                          |    renewal --> fetch, key_sets      keys of issuers by address
//!                          |
//!   headers, connection --> guard --> caller --> services      what a caller may see and append
//!                             |         |
//!                           audit     lifetime                 streams end with their credentials
//! ```
//!
//! The decisions are those of `domain::access`. Without [`Access`] every call is permitted.

mod appending;
mod audit;
mod caller;
mod credentials;
mod fetch;
mod files;
mod guard;
mod in_use;
mod key_sets;
mod lifetime;
mod rates;
mod refusal;
mod renewal;
mod repeats;
mod token_file;

pub(super) use self::{appending::stream_of, caller::Caller, guard::Guard};
pub use self::{
    files::{AccessError, AccessErrors, AccessFiles},
    in_use::Access,
    token_file::TokenFile,
};
