//! What each method takes, from the descriptors.

use std::{collections::HashMap, sync::LazyLock};

use prost_reflect::MethodDescriptor;

use crate::domain::{limits, proto};

/// What a method takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Method {
    /// Exactly one message, as opposed to a stream of them.
    pub(super) takes_one: bool,
    /// It answers with one message.
    pub(super) answers_once: bool,
    /// The full name of its message; empty: not one of ours.
    pub(super) message: String,
    /// Bytes that a message may have.
    pub(super) limit: usize,
}

/// Health, reflection, and what is not there.
static FOREIGN: Method = Method {
    takes_one: false,
    answers_once: false,
    message: String::new(),
    limit: limits::FOREIGN_REQUEST_BYTES,
};

static METHODS: LazyLock<HashMap<String, Method>> = LazyLock::new(|| {
    let services: Vec<_> = proto::descriptions().services().collect();
    let all = services.iter().flat_map(|service| service.methods().map(|it| (path(&it), own(&it))));
    all.collect()
});

/// Reads the descriptors.
pub(super) fn prepare() {
    LazyLock::force(&METHODS);
}

/// What the method at this path takes.
pub(super) fn of(path: &str) -> &'static Method {
    METHODS.get(path).unwrap_or(&FOREIGN)
}

fn path(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

fn own(method: &MethodDescriptor) -> Method {
    Method {
        takes_one: !method.is_client_streaming(),
        answers_once: !method.is_server_streaming(),
        message: method.input().full_name().to_owned(),
        limit: limits::REQUEST_BYTES,
    }
}
