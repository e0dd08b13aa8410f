//! Compiles the `.proto` files with protox, so that no `protoc` is needed on the machine, and keeps
//! the descriptors for gRPC reflection.

use std::error::Error;
use std::path::PathBuf;

use prost::Message as _;

const PROTOS: [&str; 4] = [
    "anabranch/v1/register.proto",
    "anabranch/v1/sfu.proto",
    "anabranch/v1/signal.proto",
    "anabranch/v1/admin.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(PROTOS, ["proto"])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("anabranch.v1.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
