//! What is known of a SAML identity provider: read out of its metadata by a process that may parse them, kept by root's as bytes.
//!
//! Whoever signs with one of its keys can be anybody whom this method may name, so it comes from root's files, or from an address that
//! root's files name. It must not be taken from a message of the provider's.

use serde::{Deserialize, Serialize};

use crate::proof::TooLarge;

/// Longest metadata, in bytes: one organisation's providers. Aggregates of a federation (tens of megabytes) are not read.
pub const METADATA_MAX: usize = 1024 * 1024;
/// Most bytes of all that is kept of a provider: eight certificates of RSA with 4096 bits are 12 KiB. It goes into one message, beside
/// the configuration.
pub const PROVIDER_BYTES_MAX: usize = 40 * 1024;

/// A provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamlProvider {
    /// Its entity id.
    pub entity_id: String,
    /// Where it takes requests by redirect.
    pub redirect: Option<String>,
    /// Where it takes requests by post.
    pub post: Option<String>,
    /// What it signs with: certificates in DER.
    pub certificates: Vec<Vec<u8>>,
    /// It wants requests signed.
    pub wants_signed_requests: bool,
    /// Until when this is good, in seconds since 1970; none: until something newer is known.
    pub valid_until: Option<u64>,
}

impl SamlProvider {
    /// Whether it is within the limits, and can be asked and believed at all.
    ///
    /// # Errors
    /// What is too large, or missing.
    pub fn check(&self) -> Result<(), TooLarge> {
        let certificates: usize = self.certificates.iter().map(Vec::len).sum();
        let place = |place: &Option<String>| place.as_ref().map_or(0, String::len);
        let has = self.entity_id.len() + place(&self.redirect) + place(&self.post) + certificates;
        let missing = self.entity_id.is_empty() || self.certificates.is_empty();
        if missing || has > PROVIDER_BYTES_MAX {
            return Err(TooLarge { what: "the provider", has, max: PROVIDER_BYTES_MAX });
        }
        Ok(())
    }

    /// Whether its time is over. `now` in seconds since 1970.
    pub fn is_over(&self, now: u64) -> bool {
        self.valid_until.is_some_and(|end| end <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_fits_a_message_and_ends() {
        let provider = SamlProvider {
            entity_id: "https://idp.example".into(),
            redirect: None,
            post: None,
            certificates: vec![vec![0; 1000]; 8],
            wants_signed_requests: false,
            valid_until: Some(100),
        };
        assert_eq!(provider.check(), Ok(()));
        assert!(provider.is_over(100) && !provider.is_over(99));
        assert!(!SamlProvider { valid_until: None, ..provider.clone() }.is_over(u64::MAX));
        let large = SamlProvider { certificates: vec![vec![0; PROVIDER_BYTES_MAX]], ..provider.clone() };
        assert!(large.check().is_err());
        assert!(SamlProvider { certificates: Vec::new(), ..provider.clone() }.check().is_err());
        assert!(SamlProvider { entity_id: String::new(), ..provider }.check().is_err());
    }
}
