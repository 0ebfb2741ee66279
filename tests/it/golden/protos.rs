//! Every name, number and type of the protos.

use handover::domain::proto::DESCRIPTORS;
use prost_reflect::{
    Cardinality, DescriptorPool, EnumDescriptor, FieldDescriptor, MessageDescriptor,
    MethodDescriptor,
};

const PACKAGE: &str = "handover.v1";

fn message(message: &MessageDescriptor) -> Vec<String> {
    let mut fields: Vec<FieldDescriptor> = message.fields().collect();
    fields.sort_by_key(FieldDescriptor::number);
    let head = format!("message {}", message.full_name());
    std::iter::once(head).chain(fields.iter().map(field)).collect()
}

fn field(field: &FieldDescriptor) -> String {
    let label = match (field.containing_oneof(), field.cardinality()) {
        _ if field.is_map() => String::new(),
        (_, Cardinality::Repeated) => "repeated ".to_owned(),
        (_, Cardinality::Required) => "required ".to_owned(),
        // `optional` in proto3 is a oneof of its own, with a name that says nothing.
        (Some(_), _) if field.field_descriptor_proto().proto3_optional() => "optional ".to_owned(),
        (Some(oneof), _) => format!("oneof {} ", oneof.name()),
        (None, Cardinality::Optional) => String::new(),
    };
    let json = field.json_name();
    format!("field {} = {} {label}{} {json}", field.full_name(), field.number(), kind(field))
}

fn kind(field: &FieldDescriptor) -> String {
    let kind = field.kind();
    match kind.as_message().filter(|_| field.is_map()) {
        Some(entry) => {
            let (key, value) = (entry.map_entry_key_field(), entry.map_entry_value_field());
            format!("map<{:?}, {:?}>", key.kind(), value.kind())
        }
        None => format!("{kind:?}"),
    }
}

fn values(of: &EnumDescriptor) -> Vec<String> {
    let value = |value: prost_reflect::EnumValueDescriptor| {
        format!("value {}.{} = {}", of.full_name(), value.name(), value.number())
    };
    of.values().map(value).collect()
}

fn rpc(method: &MethodDescriptor) -> String {
    let stream = |streams: bool| if streams { "stream " } else { "" };
    format!(
        "rpc {}({}{}) returns ({}{})",
        method.full_name(),
        stream(method.is_client_streaming()),
        method.input().full_name(),
        stream(method.is_server_streaming()),
        method.output().full_name(),
    )
}

#[test]
fn nothing_that_a_client_was_built_against_has_changed() {
    let pool = DescriptorPool::decode(DESCRIPTORS).expect("build.rs made the descriptors");
    let mut messages: Vec<_> = pool
        .all_messages()
        .filter(|message| message.package_name() == PACKAGE && !message.is_map_entry())
        .collect();
    messages.sort_by_key(|message| message.full_name().to_owned());
    let mut enums: Vec<_> = pool.all_enums().filter(|it| it.package_name() == PACKAGE).collect();
    enums.sort_by_key(|it| it.full_name().to_owned());
    let mut rpcs: Vec<_> = pool
        .services()
        .filter(|service| service.package_name() == PACKAGE)
        .flat_map(|service| service.methods().map(|method| rpc(&method)).collect::<Vec<_>>())
        .collect();
    rpcs.sort();
    let lines = messages.iter().flat_map(message).chain(enums.iter().flat_map(values)).chain(rpcs);
    let lines: Vec<String> = lines.collect();
    assert!(lines.len() > 300, "only {} lines", lines.len());
    let broken = "the protos changed: clients and stored events rely on what is gone";
    super::compare("protos.txt", &lines, broken);
}
