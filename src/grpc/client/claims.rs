//! What is recorded about claims.

use super::{Client, ClientError, timed};
use crate::domain::proto;

calls! { claim_service:
    /// Records how a claim should read.
    correct_claim = correct_claim(CorrectClaimRequest) -> CorrectClaimResponse;
    /// Records that a claim is withdrawn.
    retract_claim = retract_claim(RetractClaimRequest) -> RetractClaimResponse;
    /// Records that somebody contests a claim.
    dispute_claim = dispute_claim(DisputeClaimRequest) -> DisputeClaimResponse;
    /// Records that somebody backs a claim.
    confirm_claim = confirm_claim(ConfirmClaimRequest) -> ConfirmClaimResponse;
    /// Records that a claim is to be used.
    prefer_claim = prefer_claim(PreferClaimRequest) -> PreferClaimResponse;
}
