//! Tests of the whole: the real binary, the real files, the real wire.

mod concurrency;
mod crash;
mod lifecycle;
mod refusals;
mod support;
mod tidy;
