//! Generated from `proto/otlp.proto`.
#![expect(
    clippy::enum_variant_names,
    unreachable_pub,
    clippy::allow_attributes_without_reason,
    reason = "generated"
)]

tonic::include_proto!("opentelemetry.proto.collector.trace.v1");
