//! What a browser brings back from an OpenID provider, by its address. Pure.

use portcullis_model::Secret;
use portcullis_model::proof::CODE_MAX;

use crate::forms::query_value;

/// Longest state, in bytes: ours have 32.
const STATE_MAX: usize = 256;
/// Longest error word that is written to the log.
const ERROR_MAX: usize = 60;

/// A way back.
#[derive(Debug)]
pub(crate) enum WayBack {
    /// With a code.
    Code {
        /// Names the flow.
        state: String,
        /// To be swapped.
        code: Secret,
        /// Who sent it (RFC 9207), when the provider says so.
        issuer: Option<String>,
    },
    /// With an error (RFC 6749, 4.1.2.1).
    Refused {
        /// Names the flow.
        state: String,
        /// The provider's word, fit for a line of log.
        error: String,
        /// Whether the person, or the provider for a reason of its own, said no.
        cancelled: bool,
    },
}

impl WayBack {
    /// Reads the query. `None` when it is none: something is missing, there twice, or too long.
    pub(crate) fn read(query: Option<&str>) -> Option<Self> {
        let query = query?;
        // A parameter that is there twice means two things (RFC 6749, 3.1).
        let once = |name: &str| {
            let all = query.split('&').filter(|pair| pair.split('=').next() == Some(name));
            match all.count() {
                0 => Some(None),
                1 => Some(Some(query_value(query, name)?)),
                _ => None,
            }
        };
        let state = once("state")?.filter(|state| !state.is_empty() && state.len() <= STATE_MAX)?;
        match (once("code")?, once("error")?, once("iss")?) {
            (Some(code), None, issuer) => {
                let fits = !code.is_empty()
                    && code.len() <= CODE_MAX
                    && issuer.as_ref().is_none_or(|issuer| issuer.len() <= CODE_MAX);
                fits.then(|| Self::Code { state, code: Secret::from(code), issuer })
            }
            (None, Some(error), _) => {
                let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
                let cancelled = error == "access_denied";
                let error = error.chars().take(ERROR_MAX).map(|c| if plain(c) { c } else { '?' }).collect();
                Some(Self::Refused { state, error, cancelled })
            }
            _ => None,
        }
    }

    /// What names the flow.
    pub(crate) fn state(&self) -> &str {
        match self {
            Self::Code { state, .. } | Self::Refused { state, .. } => state,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_comes_back_with_its_state() {
        let read = WayBack::read(Some("code=a%2Bb&state=xyz&iss=https%3A%2F%2Fidp.example&session_state=1"));
        let Some(WayBack::Code { state, code, issuer }) = read else { panic!("a code: {read:?}") };
        assert_eq!((state.as_str(), code.expose()), ("xyz", b"a+b".as_slice()));
        assert_eq!(issuer.as_deref(), Some("https://idp.example"));
        assert!(!format!("{:?}", WayBack::read(Some("code=hunter2&state=x"))).contains("hunter2"));
    }

    #[test]
    fn an_error_comes_back_fit_for_the_log() {
        for (query, word, cancelled) in [
            ("error=access_denied&state=x&error_description=no", "access_denied", true),
            ("error=login_required&state=x", "login_required", false),
            ("error=a%0a%1b[2Jb&state=x", "a???2Jb", false),
        ] {
            let read = WayBack::read(Some(query));
            let Some(WayBack::Refused { error, cancelled: said, .. }) = read else {
                panic!("{query}: {read:?}")
            };
            assert_eq!((error.as_str(), said), (word, cancelled));
        }
    }

    #[test]
    fn what_is_no_way_back() {
        let long = format!("code={}&state=x", "a".repeat(CODE_MAX + 1));
        let stateful = format!("code=a&state={}", "x".repeat(STATE_MAX + 1));
        for query in [
            None,
            Some(""),
            Some("code=a"),
            Some("state=x"),
            Some("code=&state=x"),
            Some("code=a&state="),
            Some("code=a&code=b&state=x"),
            Some("code=a&state=x&state=y"),
            Some("code=a&state=x&iss=1&iss=2"),
            Some("code=a&error=b&state=x"),
            Some("code=%ff&state=x"),
            Some("xcode=a&state=x"),
            Some(&long),
            Some(&stateful),
        ] {
            assert!(WayBack::read(query).is_none(), "{query:?}");
        }
    }
}
