//! Compiles the server of the event store's service for the echo. Its messages and its codec are
//! the product's, so that an echo costs what the transport of the product costs.

use std::error::Error;

const PROTOS: &str = "../proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={PROTOS}");
    let descriptors = protox::compile(["handover/v1/event_store_service.proto"], [PROTOS])?;
    tonic_prost_build::configure()
        .build_client(false)
        .codec_path("::handover::grpc::codec::BoundedCodec")
        .extern_path(".handover.v1", "::handover::domain::proto")
        .extern_path(".google.protobuf.Any", "::handover::domain::proto::Any")
        .compile_fds(descriptors)?;
    Ok(())
}
