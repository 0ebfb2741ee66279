//! `handover claims correct`: how a claim should read, whole or with another number.

use std::path::PathBuf;

use super::recording::{self, RecordArgs, record};
use crate::{
    cli::{
        append, choice,
        exit::{Exit, Failure},
    },
    domain::{
        known::Known,
        proto::{
            Any, ClaimCorrected, CorrectClaimRequest, CorrectedBy, Count, GetClaimRequest,
            GetClaimResponse,
        },
    },
    grpc::client::Client,
};

/// The arguments of a correction.
#[derive(Clone, Debug, clap::Args)]
#[group(id = "reading", required = true, args = ["payload", "value"])]
pub struct Args {
    #[command(flatten)]
    about: recording::Args,
    /// The whole claim as it should read, as JSON, as in
    /// `{"@type": "handover.v1.TransferCompleted", ...}`; `-` reads standard input
    #[arg(long, value_name = "FILE", conflicts_with = "value")]
    payload: Option<PathBuf>,
    /// The number that the claim should give; everything else of it stays
    #[arg(long, value_name = "N")]
    value: Option<u32>,
    /// Who set it right: the recorder wrote it down wrongly, or the claimant said something else
    #[arg(long, value_parser = choice::of("CorrectedBy"), default_value = "recorder")]
    corrected_by: i32,
}

/// Records the correction and prints its receipt.
pub(super) async fn run(args: Args) -> Result<Exit, Failure> {
    let Args { about: args, payload, value, corrected_by } = args;
    let given = payload.map(|path| append::read(&path)).transpose()?;
    let client = args.recording.server.connect().await?;
    let replacement = match (given, value) {
        (Some(payload), _) => payload.pack(None),
        (None, value) => {
            let request = GetClaimRequest { claim: args.claim, page_size: 1, ..Default::default() };
            with_number(&client.claim(request).await?, value.unwrap_or_default())?
        }
    };
    let correction = ClaimCorrected {
        attribution: Some(args.said.attribution()),
        claim: args.claim,
        replacement: Some(replacement),
        by: CorrectedBy::try_from(corrected_by).unwrap_or_default().into(),
        reason: args.reason,
    };
    let recording = &args.recording;
    record!(&client, recording, correct_claim(CorrectClaimRequest { correction: correction }))
}

/// The claim as it reads now, with another number. What the claim says of the number's parts and
/// scope stays; that it was a range or "about" does not.
fn with_number(claim: &GetClaimResponse, value: u32) -> Result<Any, Failure> {
    let reading = claim.reading.clone().unwrap_or_default();
    let position = claim.record.map_or(0, |record| record.position);
    let known = Known::decode(reading.type_name(), &reading.value).and_then(Result::ok);
    let number = |count: Option<Count>| {
        let scope = count.unwrap_or_default().scope;
        Some(Count { value: Some(value), scope, ..Count::default() })
    };
    Ok(match known {
        Some(Known::TransferCompleted(mut claim)) => {
            claim.count = number(claim.count);
            Any::pack(&claim)
        }
        Some(Known::TransferAgreed(mut claim)) => {
            claim.count = number(claim.count);
            Any::pack(&claim)
        }
        Some(Known::TransferDeclined(mut claim)) => {
            claim.count = number(claim.count);
            Any::pack(&claim)
        }
        Some(Known::TotalClaimed(mut claim)) => {
            claim.count = number(claim.count);
            Any::pack(&claim)
        }
        other => {
            let kind = match &other {
                Some(known) => known.short_name(),
                None => reading.type_name(),
            };
            return Err(Failure::usage(format!(
                "claim {position} is a {kind}, which has no number; give the whole claim with \
                 --payload"
            )));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::exit::Exit,
        domain::{
            known::examples,
            proto::{ClaimRecord, TransferCompleted},
        },
    };

    fn claim(known: &Known) -> GetClaimResponse {
        let record = Some(ClaimRecord { position: 7, ..Default::default() });
        GetClaimResponse { record, reading: Some(known.pack()), ..Default::default() }
    }

    #[test]
    fn only_the_number_of_the_claim_changes() {
        let count = Count {
            low: Some(10),
            approximate: true,
            scope: "adults".to_owned(),
            ..Count::default()
        };
        let before = TransferCompleted { count: Some(count), ..examples::completed() };
        let after = with_number(&claim(&before.clone().into()), 0).unwrap();
        let count = Count { value: Some(0), scope: "adults".to_owned(), ..Count::default() };
        assert_eq!(after, Any::pack(&TransferCompleted { count: Some(count), ..before }));
    }

    #[test]
    fn a_claim_that_gives_no_number_is_not_corrected_by_one() {
        let failure = with_number(&claim(&examples::statement().into()), 3).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.contains("claim 7 is a StatementMade"), "{failure}");
        assert!(failure.message.contains("--payload"), "{failure}");
    }
}
