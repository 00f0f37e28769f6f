//! How large a request's body may be, and what is said of a larger one. Pure; called by `ide` and `pass`.

use portcullis_conf::FileKind;
use portcullis_policy::{BodyRule, Flags, Forward, Refusal, over_limit};

use crate::generation::{Generation, MEGABYTE};

/// The smaller of a rule's limit and `request-body-max-mb`.
pub(crate) fn capped(limit: u64, all: Option<u64>) -> u64 {
    all.map_or(limit, |all| all.min(limit))
}

/// The refusal of a body beyond `limit`, naming the option that sets it.
pub(crate) fn too_large(generation: &Generation, flags: &Flags, forward: &Forward, limit: u64) -> Refusal {
    let policys = match forward.body {
        BodyRule::Stream | BodyRule::Form => None,
        BodyRule::Limit(limit) | BodyRule::Judge { limit } => Some(limit),
    };
    if generation.body_limit() != Some(limit) || policys == Some(limit) {
        return over_limit(flags, limit);
    }
    let said = generation.settings.origin(FileKind::Portcullis, "request-body-max-mb");
    let rule = format!("request-body-max-mb={} ({said})", limit / MEGABYTE);
    Refusal {
        capability: forward.capability,
        status: 413,
        flag: Some("request-body-max-mb"),
        text: format!(
            "This is larger than the server accepts: `{rule}`. Send it in smaller parts, or ask the administrator to raise \
             the limit."
        ),
        rule,
    }
}

#[cfg(test)]
mod tests {
    use portcullis_policy::{Capability, PathRule, QueryRule, Setting, SocketRule};

    use super::*;

    #[test]
    fn the_refusal_names_the_option_that_set_the_limit() {
        let forward = Forward {
            capability: Capability::Upload,
            activity: true,
            body: BodyRule::Limit(5 * MEGABYTE),
            paths: PathRule::None,
            transfer: None,
            socket: SocketRule::None,
            query: QueryRule::Keep,
            port: None,
            target: portcullis_policy::Target::Session,
            typed: None,
            spelt: None,
            noted: None,
            recorded: PathRule::None,
        };
        let flags = Flags { upload_limit_mb: Setting::at(5, "rsession.conf", 2), ..Flags::default() };
        let open = Generation::for_tests(&[]);
        let at_3 = Generation::for_tests(&[("portcullis.conf", "request-body-max-mb=3\n")]);
        let refusal = too_large(&open, &flags, &forward, capped(5 * MEGABYTE, open.body_limit()));
        assert_eq!((refusal.status, refusal.flag), (413, Some("limit-file-upload-size-mb")));
        assert!(refusal.rule.contains("rsession.conf:2"), "{}", refusal.rule);
        let limit = capped(5 * MEGABYTE, at_3.body_limit());
        assert_eq!(limit, 3 * MEGABYTE);
        let refusal = too_large(&at_3, &flags, &forward, limit);
        assert_eq!(refusal.rule, "request-body-max-mb=3 (portcullis.conf:1)");
    }
}
