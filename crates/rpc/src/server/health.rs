//! What every node's server carries besides its role's service: `grpc.health.v1` and reflection, for load
//! balancers, orchestrators and people with `grpcurl`.

use tonic::transport::server::Router;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::DESCRIPTORS;

/// The service's health, as its node sees it.
#[derive(Clone, Debug)]
pub struct Health {
    reporter: HealthReporter,
    service: &'static str,
}

impl Health {
    /// Says whether the service takes calls: SERVING or NOT_SERVING, for its name and for the whole server.
    pub async fn set_serving(&self, serving: bool) {
        let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in [self.service, ""] {
            self.reporter.set_service_status(service, status).await;
        }
    }
}

/// Adds health and reflection to a server. `service` is the full name of the one that it is there for (see
/// `proto::*_server::SERVICE_NAME`), healthy from now on.
pub async fn with_health(router: Router, service: &'static str) -> (Router, Health) {
    let (reporter, health) = tonic_health::server::health_reporter();
    // Tools ask for v1, older ones for v1alpha. No error can come: the descriptors are compiled in.
    let router = router
        .add_service(health)
        .add_optional_service(descriptors(service).build_v1().ok())
        .add_optional_service(descriptors(service).build_v1alpha().ok());
    let health = Health { reporter, service };
    health.set_serving(true).await;
    (router, health)
}

/// Only the services that are here; those of the other roles are not.
fn descriptors(service: &str) -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .with_service_name(service)
        .with_service_name("grpc.health.v1.Health")
}

#[cfg(test)]
mod tests;
