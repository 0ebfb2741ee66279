//! Events about a claim: who says so, why, and the receipt.

use crate::{
    cli::{
        actor,
        exit::{Exit, Failure},
        position, receipt, resuming,
        server_args::ServerArgs,
        settled::settled,
        undone,
    },
    domain::proto::{
        Actor, Attribution, ClaimConfirmed, ClaimDisputed, ClaimPreferred, ClaimRetracted,
        ConfirmClaimRequest, Direction, DisputeClaimRequest, PreferClaimRequest, Receipt,
        RetractClaimRequest,
    },
    grpc::client::Client,
};

/// The arguments that every event about a claim has.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Position of the claim
    #[arg(value_name = "POSITION", value_parser = position::only)]
    pub(super) claim: u64,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub(super) reason: String,
    #[command(flatten)]
    pub(super) said: Said,
    #[command(flatten)]
    pub(super) recording: RecordArgs,
}

/// The arguments of a preference.
#[derive(Clone, Debug, clap::Args)]
pub struct PreferArgs {
    #[command(flatten)]
    args: Args,
    /// For this country's figure in the exchange, instead of for the claim's leg
    #[arg(long, value_name = "PARTY", default_value = "", hide_default_value = true)]
    country: String,
    /// For what that country received
    #[arg(long, requires = "country", conflicts_with = "sent")]
    received: bool,
    /// For what that country sent
    #[arg(long, requires = "country")]
    sent: bool,
}

/// Reads an actor that must not be left out.
fn required_actor(text: &str) -> Result<Actor, &'static str> {
    actor::read(text)?.ok_or("names no actor; leave it out if no actor is given")
}

/// Who says so, and where it can be read.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Said {
    /// The source that says so, by its id
    #[arg(long, value_name = "SOURCE")]
    source: String,
    /// Where in the source
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    locator: String,
    /// Who says so; the first word is the party if it is a party's code, and in `[TR] Hakan Demo`
    /// the party stands apart
    #[arg(long, value_name = "ACTOR", value_parser = required_actor)]
    by: Option<Actor>,
    /// A remark of the recorder
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    note: String,
}

impl Said {
    pub(super) fn attribution(self) -> Attribution {
        let (source_id, locator, note) = (self.source, self.locator, self.note);
        let claimed_by = self.by;
        Attribution { source_id, locator, claimed_by, note, ..Attribution::default() }
    }
}

/// How an event is recorded and its receipt printed.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct RecordArgs {
    /// A UUID that makes it safe to repeat this
    #[arg(long, value_name = "UUID")]
    request_id: Option<uuid::Uuid>,
    /// Record it only in the store of this name (urn:uuid:...), and end with exit code 9 if the
    /// server keeps another one, where the position is another event
    #[arg(long, value_name = "NAME", value_parser = resuming::store_name)]
    pub(super) store: Option<String>,
    /// A label of your own; repeat for several
    #[arg(long, value_name = "KEY:VALUE")]
    pub(super) tag: Vec<String>,
    /// How to print the receipt; by default words on a terminal and json elsewhere
    #[arg(long)]
    output: Option<receipt::Form>,
    #[command(flatten)]
    pub(super) server: ServerArgs,
}

impl RecordArgs {
    /// The id of the request; empty: it is not safe to repeat.
    pub(super) fn request_id(&self) -> String {
        self.request_id.map(|id| id.to_string()).unwrap_or_default()
    }

    /// Waits until figures have the event, and prints where it stands.
    pub(super) async fn end(
        &self,
        client: &Client,
        receipt: Option<&Receipt>,
    ) -> Result<Exit, Failure> {
        settled(client).await;
        let receipt = receipt.cloned().unwrap_or_default();
        receipt::print(self.output, receipt::Form::Json, &receipt, &words(&receipt))?;
        undone::end(client, &receipt.undone, undone::Repeated::Event).await
    }
}

fn words(receipt: &Receipt) -> String {
    let Receipt { position, stream, revision, duplicate, undone: _ } = receipt;
    receipt::words(*position, stream, *revision, *duplicate)
}

/// The end of a command that records one event about a claim.
macro_rules! record {
    ($client:expr, $recording:expr, $call:ident($request:ident { $field:ident: $event:expr })) => {{
        let (client, recording): (&Client, &RecordArgs) = ($client, $recording);
        let request = $request {
            request_id: recording.request_id(),
            $field: Some($event),
            tags: recording.tag.clone(),
            store: recording.store.clone().unwrap_or_default(),
            ..Default::default()
        };
        let recorded = client.$call(request).await?;
        recording.end(client, recorded.receipt.as_ref()).await
    }};
}
pub(super) use record;

pub(super) async fn retract(args: Args) -> Result<Exit, Failure> {
    let Args { claim, reason, said, recording } = args;
    let retraction = ClaimRetracted { attribution: Some(said.attribution()), claim, reason };
    let client = recording.server.connect().await?;
    record!(&client, &recording, retract_claim(RetractClaimRequest { retraction: retraction }))
}

pub(super) async fn dispute(args: Args) -> Result<Exit, Failure> {
    let Args { claim, reason: grounds, said, recording } = args;
    let dispute = ClaimDisputed { attribution: Some(said.attribution()), claim, grounds };
    let client = recording.server.connect().await?;
    record!(&client, &recording, dispute_claim(DisputeClaimRequest { dispute: dispute }))
}

pub(super) async fn confirm(args: Args) -> Result<Exit, Failure> {
    let Args { claim, reason: grounds, said, recording } = args;
    let confirmation = ClaimConfirmed { attribution: Some(said.attribution()), claim, grounds };
    let client = recording.server.connect().await?;
    record!(&client, &recording, confirm_claim(ConfirmClaimRequest { confirmation: confirmation }))
}

pub(super) async fn prefer(args: PreferArgs) -> Result<Exit, Failure> {
    let direction = match (args.received, args.sent) {
        (true, _) => Direction::Received,
        (_, true) => Direction::Sent,
        _ if args.country.is_empty() => Direction::Unspecified,
        _ => return Err(Failure::usage("--country needs --received or --sent")),
    };
    let (country, args) = (args.country, args.args);
    let preference = ClaimPreferred {
        attribution: Some(args.said.attribution()),
        claim: args.claim,
        country,
        direction: direction.into(),
        rationale: args.reason,
    };
    let client = args.recording.server.connect().await?;
    record!(&client, &args.recording, prefer_claim(PreferClaimRequest { preference: preference }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_is_read_as_the_tables_have_it() {
        let actor = |by: &str| {
            let (source, locator, note) = ("a".to_owned(), String::new(), String::new());
            let said = Said { source, locator, by: required_actor(by).ok(), note };
            said.attribution().claimed_by
        };
        let of = |party: &str, name: &str| {
            Some(Actor { party: party.into(), name: name.into(), ..Default::default() })
        };
        assert_eq!(actor("TR MFA"), of("TR", "TR MFA"));
        assert_eq!((actor("Anna Demo"), actor("")), (of("", "Anna Demo"), None));
        assert_eq!(actor("[] IS spokesman"), of("", "IS spokesman"));
        assert!(required_actor("-").unwrap_err().contains("names no actor"));
    }

    #[test]
    fn a_receipt_says_where_the_event_stands() {
        let stream = "exchange/demo-1".to_owned();
        let mut receipt = Receipt { position: 7, stream, revision: 3, ..Receipt::default() };
        assert_eq!(words(&receipt), "position 7, exchange/demo-1 revision 3");
        receipt.duplicate = true;
        assert!(words(&receipt).ends_with("(was there already)"));
    }
}
