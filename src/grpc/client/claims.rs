//! What is recorded about claims.

use super::{Client, ClientError, timed};
use crate::domain::proto;

impl Client {
    /// Records how a claim should read.
    pub async fn correct_claim(
        &self,
        request: proto::CorrectClaimRequest,
    ) -> Result<proto::CorrectClaimResponse, ClientError> {
        let mut service = self.claim_service();
        Ok(service.correct_claim(timed(request)).await?.into_inner())
    }

    /// Records that a claim is withdrawn.
    pub async fn retract_claim(
        &self,
        request: proto::RetractClaimRequest,
    ) -> Result<proto::RetractClaimResponse, ClientError> {
        let mut service = self.claim_service();
        Ok(service.retract_claim(timed(request)).await?.into_inner())
    }

    /// Records that somebody contests a claim.
    pub async fn dispute_claim(
        &self,
        request: proto::DisputeClaimRequest,
    ) -> Result<proto::DisputeClaimResponse, ClientError> {
        let mut service = self.claim_service();
        Ok(service.dispute_claim(timed(request)).await?.into_inner())
    }

    /// Records that somebody backs a claim.
    pub async fn confirm_claim(
        &self,
        request: proto::ConfirmClaimRequest,
    ) -> Result<proto::ConfirmClaimResponse, ClientError> {
        let mut service = self.claim_service();
        Ok(service.confirm_claim(timed(request)).await?.into_inner())
    }

    /// Records that a claim is to be used.
    pub async fn prefer_claim(
        &self,
        request: proto::PreferClaimRequest,
    ) -> Result<proto::PreferClaimResponse, ClientError> {
        let mut service = self.claim_service();
        Ok(service.prefer_claim(timed(request)).await?.into_inner())
    }
}
