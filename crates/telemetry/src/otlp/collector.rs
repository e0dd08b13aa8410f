//! The way to the collector, and how we introduce ourselves there.

use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

use super::export::PATIENCE;
use super::wire::{AnyValue, KeyValue, Resource, Scope, any_value};
use super::{InvalidOtlp, Otlp};
use crate::settings::Service;

pub(super) fn endpoint(otlp: &Otlp) -> Result<Endpoint, InvalidOtlp> {
    let endpoint = Endpoint::from_shared(otlp.endpoint.clone())
        .map_err(|_| InvalidOtlp::Endpoint(otlp.endpoint.clone()))?
        .connect_timeout(PATIENCE);
    if !otlp.endpoint.starts_with("https:") {
        return Ok(endpoint);
    }
    let tls = match &otlp.ca {
        None => ClientTlsConfig::new().with_native_roots(),
        Some(path) => {
            let pem = std::fs::read(path).map_err(|error| InvalidOtlp::Ca { path: path.clone(), error })?;
            ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem))
        }
    };
    endpoint.tls_config(tls).map_err(InvalidOtlp::Tls)
}

fn text(key: &str, value: &str) -> KeyValue {
    let value = Some(any_value::Value::StringValue(value.to_owned()));
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value }) }
}

/// The names of OpenTelemetry, and the role as in the log.
pub(super) fn resource(service: &Service) -> Resource {
    let attributes = vec![
        text("service.name", "anabranch"),
        text("service.version", &service.version),
        text("service.instance.id", &service.node),
        text("service.node.role", &service.role),
    ];
    Resource { attributes }
}

pub(super) fn scope(service: &Service) -> Scope {
    Scope { name: "anabranch".to_owned(), version: service.version.clone() }
}
