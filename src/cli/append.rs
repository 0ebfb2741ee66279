//! `handover append`: one event, from a file or standard input.

use std::{
    collections::BTreeMap,
    io::Read as _,
    path::{Path, PathBuf},
};

use crate::{
    cli::{
        exit::{Exit, Failure},
        input,
        payload::{self, Payload},
        receipt, resuming,
        server_args::ServerArgs,
        settled::settled,
        undone,
    },
    domain::{limits, proto},
};

/// Bytes of a payload as text. An event at its limit fits even if every byte has to be escaped.
const TEXT_BYTES: u64 = 8 * limits::EVENT_BYTES as u64;

/// The arguments of `append`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The payload as JSON, as in `{"@type": "handover.v1.StatementMade", ...}`; `-` reads
    /// standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The stream, as in `exchange/ankara-2024-08-01`
    #[arg(long)]
    stream: String,
    /// Append only if the stream holds exactly this many events; 0 means that it must not exist
    /// yet
    #[arg(long, value_name = "N")]
    expected_revision: Option<u64>,
    /// A UUID that makes it safe to repeat this append
    #[arg(long, value_name = "UUID")]
    request_id: Option<uuid::Uuid>,
    /// Append only to the store of this name (urn:uuid:...), and end with exit code 9 if the server
    /// keeps another one
    #[arg(long, value_name = "NAME", value_parser = resuming::store_name)]
    store: Option<String>,
    /// A label of your own; repeat for several
    #[arg(long, value_name = "KEY:VALUE")]
    tag: Vec<String>,
    /// What accompanies the event; repeat for several
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    metadata: Vec<(String, String)>,
    /// How to print the receipt; by default words on a terminal and json elsewhere
    #[arg(long)]
    output: Option<receipt::Form>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Appends one event and prints its receipt.
pub async fn run(args: Args) -> Result<Exit, Failure> {
    let metadata = each_once(args.metadata).map_err(Failure::usage)?;
    let name = input::name(&args.file);
    let payload = read(&args.file)?;
    if let Some(claim) = &payload.claim {
        let problem = format!("{name}: the claim {:?} is not a position", claim.id);
        return Err(Failure::usage(problem));
    }
    let event = proto::NewEvent { payload: Some(payload.pack(None)), tags: args.tag, metadata };
    let write = proto::StreamWrite {
        stream: args.stream.clone(),
        expected_revision: args.expected_revision,
        events: vec![event],
    };
    let request = proto::AppendRequest {
        request_id: args.request_id.map(|id| id.to_string()).unwrap_or_default(),
        writes: vec![write],
        store: args.store.unwrap_or_default(),
        ..Default::default()
    };
    let client = args.server.connect().await?;
    let response = client.append(request).await?;
    settled(&client).await;
    let words = words(&args.stream, &response);
    receipt::print(args.output, receipt::Form::Json, &response, &words)?;
    undone::end(&client, &response.undone, undone::Repeated::Event).await
}

/// The answer names the stream as it is recorded, which may be spelled otherwise than it was typed.
fn words(typed: &str, response: &proto::AppendResponse) -> String {
    let recorded = response.revisions.first_key_value();
    let (stream, revision) = recorded.map_or((typed, 0), |(name, it)| (name.as_str(), *it));
    receipt::words(response.first_position, stream, revision, response.duplicate)
}

/// The payload that a file is.
pub(super) fn read(path: &Path) -> Result<Payload, Failure> {
    let name = input::name(path);
    let mut text = String::new();
    let read = input::open(path)?.take(TEXT_BYTES + 1).read_to_string(&mut text);
    read.map_err(|error| Failure::from(error).during(&name))?;
    if text.len() as u64 > TEXT_BYTES {
        let problem = format!("{name}: more than {TEXT_BYTES} bytes cannot be an event");
        return Err(Failure::usage(problem));
    }
    let text = text.strip_prefix(input::BYTE_ORDER_MARK).unwrap_or(&text);
    payload::read(text).map_err(|error| {
        Failure::usage(format!("{name}:{}:{}: {}", error.line, error.column, error.problem))
    })
}

/// Metadata by their keys; one that is given twice could mean either.
fn each_once(pairs: Vec<(String, String)>) -> Result<BTreeMap<String, String>, String> {
    let mut metadata = BTreeMap::new();
    for (key, value) in pairs {
        if metadata.contains_key(&key) {
            return Err(format!("the metadata {key:?} is given twice"));
        }
        metadata.insert(key, value);
    }
    Ok(metadata)
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("is not of the form key=value")?;
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_says_where_the_event_stands() {
        let mut response = proto::AppendResponse {
            first_position: 7,
            last_position: 7,
            revisions: [("demo/1".to_owned(), 3)].into(),
            ..Default::default()
        };
        assert_eq!(words("demo/1", &response), "position 7, demo/1 revision 3");
        response.duplicate = true;
        assert!(words("demo/1", &response).ends_with("(was there already)"));
    }

    #[test]
    fn metadata_is_key_and_value() {
        assert_eq!(key_value("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(key_value("a").is_err());
        let pairs = |keys: &[&str]| {
            each_once(keys.iter().map(|&key| (key.to_owned(), String::new())).collect())
        };
        assert_eq!(pairs(&["a", "b"]).unwrap().len(), 2);
        assert_eq!(pairs(&["a", "b", "a"]).unwrap_err(), "the metadata \"a\" is given twice");
    }
}
