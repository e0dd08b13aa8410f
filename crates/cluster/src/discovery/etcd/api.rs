//! Generated from `proto/etcd`.
#![expect(unreachable_pub, clippy::allow_attributes_without_reason, reason = "generated")]

/// Keys and their changes.
pub(super) mod mvccpb {
    tonic::include_proto!("mvccpb");
}

/// The calls.
pub(super) mod etcdserverpb {
    tonic::include_proto!("etcdserverpb");
}
