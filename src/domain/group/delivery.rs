//! A delivery: an event that is handed to a consumer, and what the consumer says of it.

use std::time::Duration;

use crate::domain::event::Position;

/// A time, since the group was opened.
pub type Moment = Duration;

/// A consumer, for as long as it takes part; never used again.
pub type ConsumerId = u64;

/// An event on its way to a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The number of the delivery, from 1, for this consumer.
    pub delivery: u64,
    /// Which event.
    pub position: Position,
    /// How often it was tried before.
    pub attempts: u32,
}

/// What a consumer says of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was handled.
    Handled,
    /// It was not, and should be tried again. The reason.
    Retry(String),
    /// It was not, and is to be laid aside. The reason.
    Park(String),
    /// It was not, and need not be.
    Skip,
}

/// An event that is to be recorded as parked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Park {
    /// Which event.
    pub position: Position,
    /// How often it was tried, with the try after which it is parked.
    pub attempts: u32,
    /// Why it is parked.
    pub reason: String,
    /// The name of the consumer that had it last.
    pub consumer: String,
}

/// No delivery of this number was ever made to the consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeverDelivered(pub u64);
