//! Compiles `proto/` without `protoc` and exports the descriptor set for reflection and JSON.
//!
//! Messages are generated once, below all layers; services are generated apart and refer to
//! them, so that only the gRPC layer says tonic. The server's answers that carry stored
//! events are types of our own that pass the bytes through undecoded.

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

const PROTO_ROOT: &str = "proto";
const MESSAGES: &str = "crate::domain::proto";
/// Our own `Any`, so that a payload is shared `Bytes` from the request to the log.
const ANY: &str = "crate::domain::proto::Any";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={PROTO_ROOT}");
    // Faults can be planted in debug builds, and in no profile that is made of `release`.
    println!("cargo:rustc-check-cfg=cfg(plantable)");
    if env::var("PROFILE")? == "debug" {
        println!("cargo:rustc-cfg=plantable");
    }
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut files: Vec<PathBuf> = fs::read_dir(format!("{PROTO_ROOT}/handover/v1"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.sort();
    let descriptors = protox::Compiler::new([PROTO_ROOT])?
        .include_source_info(true)
        .include_imports(true)
        .open_files(&files)?
        .encode_file_descriptor_set();
    fs::write(out.join("descriptors.bin"), &descriptors)?;
    let descriptors = prost::Message::decode(descriptors.as_slice())?;
    messages(&out, &descriptors)?;
    services(&out, &descriptors)
}

type Descriptors = prost_types::FileDescriptorSet;

fn messages(out: &Path, descriptors: &Descriptors) -> Result<(), Box<dyn Error>> {
    let mut only_messages = descriptors.clone();
    for file in &mut only_messages.file {
        file.service.clear();
    }
    prost_build::Config::new()
        .out_dir(out)
        .enable_type_names()
        .bytes(["."])
        // Sorted maps: an encoding must not depend on a hash seed.
        .btree_map(["."])
        .extern_path(".google.protobuf.Any", ANY)
        .compile_fds(only_messages)?;
    Ok(())
}

fn services(out: &Path, descriptors: &Descriptors) -> Result<(), Box<dyn Error>> {
    for (folder, server) in [("client", false), ("server", true)] {
        let folder = out.join(folder);
        fs::create_dir_all(&folder)?;
        let mut builder = tonic_prost_build::configure()
            .out_dir(folder)
            .build_client(!server)
            .build_server(server)
            .extern_path(".google.protobuf.Any", ANY);
        if server {
            builder = builder
                .codec_path("crate::grpc::codec::BoundedCodec")
                .extern_path(
                    ".handover.v1.AppendStreamRequest",
                    "crate::grpc::pipelined::Pipelined",
                )
                .extern_path(".handover.v1.ReadResponse", "crate::grpc::passthrough::ReadFrame")
                .extern_path(
                    ".handover.v1.SubscribeResponse",
                    "crate::grpc::passthrough::SubscribeFrame",
                )
                .extern_path(
                    ".handover.v1.ConsumeResponse",
                    "crate::grpc::passthrough::ConsumeFrame",
                );
        }
        builder.extern_path(".handover.v1", MESSAGES).compile_fds(descriptors.clone())?;
    }
    Ok(())
}
