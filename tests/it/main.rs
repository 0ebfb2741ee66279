//! Tests of the whole: the real binary, the real files, the real wire.

#![expect(
    clippy::indexing_slicing,
    reason = "a test that indexes past the end fails, as it should"
)]

mod abuse;
mod access;
mod another_store;
mod answers;
mod backup;
mod claims;
mod cli;
mod client;
mod concurrency;
mod crash;
mod damage;
mod exchanges;
#[cfg(target_os = "linux")]
mod faults;
mod followers;
mod frames;
mod golden;
mod groups;
mod heartbeats;

mod histories;
mod history;

mod idle;
mod lifecycle;
mod lists;
mod managed;
mod metrics;
mod pages;
#[cfg(target_os = "linux")]
mod peers;
mod pipeline;
#[cfg(all(plantable, debug_assertions))]
mod planted;
mod proxy;
mod reflection;
mod refusals;
mod reloads;
mod resets;
mod rpc;
mod schedules;
mod shortage;
mod simulated;
mod spans;
mod spellings;
mod support;
mod tidy;
mod tls;
mod traces;
mod transport;
mod trouble;
mod undone;
mod unread;
mod verify;
mod watches;
mod web;
