//! From when and until when a certificate is valid.
//!
//! The library checks that before anything else, and its error has the date. So a check without any
//! authority is enough, and one at a time far ahead finds when the certificate ends.

use std::time::Duration;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage};

/// Later than any certificate is valid: the year 10000, in seconds.
const FAR_AHEAD: u64 = 253_402_300_800;

/// Whether a certificate can be parsed and is valid at this time.
pub(super) fn check(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), String> {
    let problem = verified(certificate, now)?;
    if let Error::CertExpired { not_after, .. } = problem {
        return Err(format!("expired on {}", shown(not_after)));
    }
    if let Error::CertNotValidYet { not_before, .. } = problem {
        return Err(format!("is valid from {} on, which is later than now", shown(not_before)));
    }
    // Whether its issuer and its purpose are right is for the other side to judge.
    Ok(())
}

/// Until when a certificate is valid; `None`: for ever.
pub(super) fn until(certificate: &CertificateDer<'_>) -> Option<UnixTime> {
    let far_ahead = UnixTime::since_unix_epoch(Duration::from_secs(FAR_AHEAD));
    match verified(certificate, far_ahead) {
        Ok(Error::CertExpired { not_after, .. }) => Some(not_after),
        Ok(_) | Err(_) => None,
    }
}

/// What is wrong with a certificate besides that no authority is known; the outer error says that
/// it cannot be parsed.
fn verified(certificate: &CertificateDer<'_>, at: UnixTime) -> Result<Error, String> {
    let parsed = EndEntityCert::try_from(certificate)
        .map_err(|error| format!("cannot be parsed: {error}"))?;
    let usage = KeyUsage::server_auth();
    let verified =
        parsed.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &[], &[], at, usage, None, None);
    Ok(verified.err().unwrap_or(Error::UnknownIssuer))
}

/// A time as logs and errors have it.
pub(super) fn shown(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let moment = OffsetDateTime::from_unix_timestamp(seconds).ok();
    let text = moment.and_then(|moment| moment.format(&Rfc3339).ok());
    text.unwrap_or_else(|| format!("second {seconds} of Unix time"))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn at(year: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs((year - 1970) * 31_556_952))
    }

    #[test]
    fn a_certificate_is_valid_between_its_dates_and_they_are_named() {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 3, 1);
        params.not_after = date_time_ymd(2022, 3, 1);
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let certificate = made.der();
        assert_eq!(check(certificate, at(2021)), Ok(()));
        let early = check(certificate, at(2020)).unwrap_err();
        assert!(early.contains("valid from 2020-03-01T00:00:00Z on"), "{early}");
        assert_eq!(check(certificate, at(2023)).unwrap_err(), "expired on 2022-03-01T00:00:00Z");
        assert_eq!(until(certificate).map(shown).unwrap(), "2022-03-01T00:00:00Z");
        let nothing = CertificateDer::from(vec![0x30, 0]);
        assert!(check(&nothing, at(2021)).unwrap_err().contains("cannot be parsed"));
        assert_eq!(until(&nothing), None);
    }
}
