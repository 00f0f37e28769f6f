//! How large a request's body may be, and what is said of a larger one. Pure; called by `ide` and `pass`.

use portcullis_policy::{Flags, Forward, Refusal};

use crate::generation::Generation;

/// The smaller of a rule's limit and `request-body-max-mb`.
pub(crate) fn capped(limit: u64, all: Option<u64>) -> u64 {
    all.map_or(limit, |all| all.min(limit))
}

/// The refusal of a body beyond `limit`, naming the option that sets it.
pub(crate) fn too_large(generation: &Generation, flags: &Flags, forward: &Forward, limit: u64) -> Refusal {
    let megabytes = limit / (1024 * 1024);
    let uploads = &flags.upload_limit_mb;
    let (flag, rule) = if uploads.value > 0 && generation.body_limit().is_none_or(|all| limit < all) {
        (
            "limit-file-upload-size-mb",
            format!("limit-file-upload-size-mb={} ({})", uploads.value, uploads.origin),
        )
    } else if generation.body_limit() == Some(limit) {
        let said = generation.settings.origin(portcullis_conf::FileKind::Portcullis, "request-body-max-mb");
        ("request-body-max-mb", format!("request-body-max-mb={megabytes} ({said})"))
    } else {
        // The most that the policy reads of a body it has to judge.
        return Refusal {
            capability: forward.capability,
            status: 413,
            flag: None,
            rule: format!("a body that must be judged has at most {limit} bytes"),
            text: "This request is larger than the server reads of its kind, so it was not passed on. Send it in smaller \
                   parts."
                .to_owned(),
        };
    };
    Refusal {
        capability: forward.capability,
        status: 413,
        flag: Some(flag),
        text: format!(
            "This is larger than the server accepts ({rule}). Send a smaller file, or ask the administrator to raise the limit."
        ),
        rule,
    }
}

#[cfg(test)]
mod tests {
    use portcullis_policy::{BodyRule, Capability, PathRule, QueryRule, Setting, SocketRule};

    use super::*;

    #[test]
    fn the_refusal_names_the_option_that_set_the_limit() {
        const MB: u64 = 1024 * 1024;
        let forward = Forward {
            capability: Capability::Upload,
            activity: true,
            body: BodyRule::Limit(5 * MB),
            paths: PathRule::None,
            transfer: None,
            socket: SocketRule::None,
            query: QueryRule::Keep,
        };
        let flags = Flags { upload_limit_mb: Setting::at(5, "rsession.conf", 2), ..Flags::default() };
        let open = Generation::for_tests(&[]);
        let capped_at_3 = Generation::for_tests(&[("portcullis.conf", "request-body-max-mb=3\n")]);
        assert_eq!(
            too_large(&open, &flags, &forward, 5 * MB).rule,
            "limit-file-upload-size-mb=5 (rsession.conf:2)"
        );
        let limit = capped(5 * MB, capped_at_3.body_limit());
        assert_eq!(limit, 3 * MB);
        let refusal = too_large(&capped_at_3, &flags, &forward, limit);
        assert_eq!(refusal.rule, "request-body-max-mb=3 (portcullis.conf:1)");
        assert_eq!(too_large(&open, &Flags::default(), &forward, MB).flag, None);
    }
}
