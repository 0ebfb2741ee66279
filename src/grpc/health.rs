//! Tells clients which services can be used, by `grpc.health.v1`.
//!
//! A name stands for readiness, of a service or (empty) of the server: requests to it can be
//! answered. `liveness` is none of them. It says that the process works, also while it loads or
//! drains: what restarts a process goes by it, what sends it requests by the others.

use tonic_health::{ServingStatus, server::HealthReporter};

/// Services that need nothing but the log; they can be used while it accepts appends.
const LOG: [&str; 3] = ["", "handover.v1.ConsumerGroupService", "handover.v1.EventStoreService"];
/// Services that record, and answer from projections.
const RECORD: [&str; 5] = [
    "handover.v1.SourceService",
    "handover.v1.StatementService",
    "handover.v1.ExchangeService",
    "handover.v1.TransferService",
    "handover.v1.ClaimService",
];
/// Services that only answer from projections.
const FIGURES: [&str; 1] = ["handover.v1.CountService"];
/// Services that tell what is wrong with the others.
const OPERATION: [&str; 4] = [
    "handover.v1.BackupService",
    "handover.v1.ProjectionService",
    "handover.v1.StatusService",
    "handover.v1.VerificationService",
];
/// Whether the process works.
pub const LIVENESS: &str = "liveness";

/// What can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usable {
    /// Appends are accepted.
    pub writing: bool,
    /// Every projection answers.
    pub figures: bool,
}

/// Tells clients whether the services can be used.
#[derive(Clone, Debug)]
pub struct Health(HealthReporter);

impl Health {
    /// No service can be used yet; the process works.
    pub(super) async fn new(reporter: HealthReporter) -> Self {
        let health = Self(reporter);
        health.not_ready().await;
        health.alive(true).await;
        health
    }

    /// The server is ready, as far as this can be used.
    pub async fn ready(&self, usable: Usable) {
        let Usable { writing, figures } = usable;
        self.set(&LOG, writing).await;
        self.set(&RECORD, writing && figures).await;
        self.set(&FIGURES, figures).await;
        self.set(&OPERATION, true).await;
    }

    /// No service can be used: the server is starting or stopping.
    pub async fn not_ready(&self) {
        for services in [&LOG[..], &RECORD, &FIGURES, &OPERATION] {
            self.set(services, false).await;
        }
    }

    /// Whether the process works.
    pub async fn alive(&self, works: bool) {
        self.set(&[LIVENESS], works).await;
    }

    async fn set(&self, services: &[&'static str], usable: bool) {
        let status = if usable { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in services {
            self.0.set_service_status(*service, status).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::proto;

    #[test]
    fn every_service_has_its_health() {
        let told: BTreeSet<&str> =
            LOG.into_iter().chain(RECORD).chain(FIGURES).chain(OPERATION).collect();
        let pool = proto::descriptions();
        let services: Vec<_> = pool.services().collect();
        let all = services.iter().map(prost_reflect::ServiceDescriptor::full_name);
        let ours = all.filter(|name| name.starts_with("handover.")).chain([""]);
        assert_eq!(told, ours.collect::<BTreeSet<_>>());
    }
}
