//! Options that are right by themselves and wrong together, or right and without effect.

use portcullis_model::Level;

use crate::option::FileKind;
use crate::problem::{Problem, Severity};
use crate::settings::Settings;
use crate::sign_in;
use crate::value::{
    MinimumUid, PortRange, ProtocolWords, SameSite, Transport, Wanted, upstream_code_server_default,
    upstream_default,
};
use crate::values::Said;

/// Fewer ports than this are a slip more often than a wish.
const FEW_PORTS: u32 = 10;

pub(crate) fn check(settings: &Settings, problems: &mut Vec<Problem>) {
    sign_in::conflicts::check(settings, &sign_in::wired, problems);
    let found = Checks { settings };
    problems.extend(
        [
            found.tls_needs(FileKind::Rserver, "ssl-certificate", settings.rserver.ssl_certificate.is_none()),
            found.tls_needs(
                FileKind::Rserver,
                "ssl-certificate-key",
                settings.rserver.ssl_certificate_key.is_none(),
            ),
            found.certificate_unused(),
            found.broken_protocols(),
            found.same_site_needs_tls(),
            found.origin_check(),
            found.nobody_stays(),
            found.days_unused(),
            found.root_may_sign_in(),
            found.allow_list_unused(),
            found.publishing(),
            found.demanded_and_recorded(),
            found.demanded_and_off(),
            found.programs_unused(),
            found.folders_unused(),
            found.refusals_unused(),
            found.nobody_administers(),
            found.metrics_at_www_port(),
            found.range_holds_www_port(),
            found.range_is_small(),
            found.range_unused(),
            found.arguments_left_out(FileKind::Jupyter, "lab-args", upstream_default),
            found.arguments_left_out(FileKind::Vscode, "args", upstream_code_server_default),
        ]
        .into_iter()
        .flatten(),
    );
}

struct Checks<'a> {
    settings: &'a Settings,
}

impl Checks<'_> {
    fn said(&self, file: FileKind, name: &str) -> Option<&Said> {
        self.settings.said.of(file).and_then(|values| values.find(name))
    }

    fn rserver(&self, name: &str) -> Option<&Said> {
        self.said(FileKind::Rserver, name)
    }

    fn rsession(&self, name: &str) -> Option<&Said> {
        self.said(FileKind::Rsession, name)
    }

    fn tls_needs(&self, file: FileKind, name: &str, missing: bool) -> Option<Problem> {
        let said = self.rserver("ssl-enabled").filter(|_| self.settings.rserver.ssl_enabled && missing)?;
        let text = format!("TLS is on, but `{name}` says nothing");
        Some(said.problem(Severity::Error, text).hint(format!("set `{name}` in {}", file.name())))
    }

    fn certificate_unused(&self) -> Option<Problem> {
        let said = self.rserver("ssl-certificate").filter(|said| !said.text.is_empty())?;
        let text = "it is not used: TLS is off";
        (!self.settings.rserver.ssl_enabled)
            .then(|| said.problem(Severity::Warning, text).hint("set `ssl-enabled=1`"))
    }

    fn broken_protocols(&self) -> Option<Problem> {
        let said = self.rserver("ssl-protocols")?;
        let old: Vec<&str> =
            said.text.split_whitespace().filter(|word| ProtocolWords::BROKEN.contains(word)).collect();
        let text = format!("never offered, because broken (RFC 8996): {}", old.join(", "));
        (!old.is_empty()).then(|| said.problem(Severity::Warning, text).hint("remove these words"))
    }

    fn same_site_needs_tls(&self) -> Option<Problem> {
        let said = self.rserver("www-same-site")?;
        let wrong = self.settings.rserver.www_same_site == SameSite::None && !self.settings.secure_cookies();
        let text = "browsers drop such cookies without TLS, so nobody could sign in";
        wrong.then(|| {
            said.problem(Severity::Error, text)
                .hint("set `ssl-enabled=1`, or `auth-cookies-force-secure=1` when a proxy in front ends TLS")
        })
    }

    fn origin_check(&self) -> Option<Problem> {
        let said = self.rserver("www-enable-origin-check")?;
        let text = "the origin of requests that change something is checked all the same";
        (!self.settings.rserver.www_enable_origin_check)
            .then(|| said.problem(Severity::Warning, text).hint("name further hosts with `www-allow-origin`"))
    }

    fn nobody_administers(&self) -> Option<Problem> {
        let operation = &self.settings.operation;
        let said = self.rserver("admin-enabled").filter(|_| operation.admin_enabled)?;
        let nobody = operation.admin_group.is_empty()
            && operation.admin_superuser_group.is_empty()
            && !self.settings.roles.admin_by_role;
        let text = "nobody sees these pages: there is no group of administrators";
        nobody.then(|| {
            said.problem(Severity::Warning, text).hint("set `admin-superuser-group`, or `admin-group`")
        })
    }

    fn metrics_at_www_port(&self) -> Option<Problem> {
        let operation = &self.settings.operation;
        let said = self.rserver("metrics-enabled").filter(|_| operation.metrics_enabled)?;
        let text = "`metrics-port` is the port that people sign in at";
        (operation.metrics_port == u32::from(self.settings.port()))
            .then(|| said.problem(Severity::Error, text).hint("set `metrics-port` to another one"))
    }

    fn nobody_stays(&self) -> Option<Problem> {
        let rserver = &self.settings.rserver;
        let said = self.rserver("auth-stay-signed-in-days")?;
        let wrong = rserver.auth_timeout_minutes == 0 && rserver.auth_stay_signed_in_days == 0;
        let text = "sign-ins would end at once: `auth-timeout-minutes` is 0 too";
        wrong.then(|| said.problem(Severity::Error, text).hint("set one of the two"))
    }

    fn days_unused(&self) -> Option<Problem> {
        let said = self.rserver("auth-stay-signed-in-days")?;
        let unused = self.settings.rserver.auth_timeout_minutes > 0 && !said.opt.is_default(&said.text);
        let text = "it has no effect: `auth-timeout-minutes` is not 0";
        unused.then(|| said.problem(Severity::Info, text))
    }

    fn root_may_sign_in(&self) -> Option<Problem> {
        let said = self.rserver("auth-minimum-user-id")?;
        let open = self.settings.rserver.auth_minimum_user_id == MinimumUid::At(0);
        let text = "root may sign in and run code by browser";
        open.then(|| said.problem(Severity::Warning, text).hint("write auto, or 1 at least"))
    }

    fn allow_list_unused(&self) -> Option<Problem> {
        let said = self.rsession("directory-view-allow-list").filter(|said| !said.text.is_empty())?;
        let restricted =
            self.settings.rsession.restrict_directory_view || self.in_sections("restrict-directory-view");
        let text = "it has no effect: `restrict-directory-view` is 0, so every directory is in view";
        (!restricted).then(|| said.problem(Severity::Warning, text).hint("set `restrict-directory-view=1`"))
    }

    fn publishing(&self) -> Option<Problem> {
        let rsession = &self.settings.rsession;
        let said = self.rsession("allow-external-publish")?;
        let overridden = !rsession.allow_publish && rsession.allow_external_publish;
        let text = "it has no effect: `allow-publish=0` forbids all publishing";
        overridden.then(|| said.problem(Severity::Info, text))
    }

    /// A flag that is only recorded holds at no level: whoever it restricts could start nothing.
    fn demanded_and_recorded(&self) -> Option<Problem> {
        let portcullis = &self.settings.portcullis;
        let said = self.said(FileKind::Portcullis, "minimum-level")?;
        let both: Vec<&str> = portcullis
            .minimum_level
            .iter()
            .map(|(flag, _)| flag.as_str())
            .filter(|flag| portcullis.audit_only.iter().any(|recorded| recorded == flag))
            .collect();
        let text = format!(
            "`audit-only` names them too, so nobody whom they restrict can start anything: {}",
            both.join(", ")
        );
        (!both.is_empty())
            .then(|| said.problem(Severity::Warning, text).hint("take them out of one of the two"))
    }

    /// Without the kernel no flag holds in it: whoever such a flag restricts could start nothing.
    fn demanded_and_off(&self) -> Option<Problem> {
        let said = self.said(FileKind::Portcullis, "minimum-level")?;
        let off = self.settings.confinement.session_sandbox == Wanted::Off;
        let demanded = &self.settings.portcullis.minimum_level;
        let kernel: Vec<&str> = demanded
            .iter()
            .filter(|(_, level)| *level == Level::Kernel)
            .map(|(flag, _)| flag.as_str())
            .collect();
        let text = format!(
            "`session-sandbox=off` holds nothing in the kernel, so nobody whom these restrict can start anything: {}",
            kernel.join(", ")
        );
        (off && !kernel.is_empty())
            .then(|| said.problem(Severity::Warning, text).hint("set `session-sandbox=auto`, or demand less"))
    }

    fn programs_unused(&self) -> Option<Problem> {
        let said =
            self.said(FileKind::Portcullis, "session-programs").filter(|said| !said.text.is_empty())?;
        let text = "it has no effect: `allow-shell` is 1 for everybody, so every program is there";
        let unused = self.settings.rsession.allow_shell && !self.in_sections("allow-shell");
        unused.then(|| said.problem(Severity::Warning, text).hint("set `allow-shell=0`"))
    }

    fn folders_unused(&self) -> Option<Problem> {
        let said = self.said(FileKind::Portcullis, "session-folders").filter(|said| !said.text.is_empty())?;
        let text =
            "it has no effect: `restrict-directory-view` is 0 for everybody, so nothing is out of reach";
        let unused =
            !self.settings.rsession.restrict_directory_view && !self.in_sections("restrict-directory-view");
        unused.then(|| said.problem(Severity::Warning, text).hint("set `restrict-directory-view=1`"))
    }

    fn refusals_unused(&self) -> Option<Problem> {
        let said = self.said(FileKind::Portcullis, "audit-refusals")?;
        let confinement = &self.settings.confinement;
        let unused = confinement.audit_refusals && confinement.audit_programs == Wanted::Off;
        let text = "it has no effect: `audit-programs=off` records nothing of the kernel's";
        unused.then(|| said.problem(Severity::Warning, text).hint("set `audit-programs=auto`"))
    }

    /// Whether a section of profiles says something else than the default.
    fn in_sections(&self, option: &str) -> bool {
        let said = |section: &crate::profiles::Section| {
            section.values.find(option).is_some_and(|said| !said.opt.is_default(&said.text))
        };
        self.settings.profiles.sections.iter().any(said)
    }

    /// Where the daemon's own port is in the range, sooner or later a session gets it first.
    fn range_holds_www_port(&self) -> Option<Problem> {
        let (said, range) = self.range()?;
        let port = self.settings.port();
        let text = format!("port {port} of the server itself (`www-port`) is in the range");
        range
            .contains(port)
            .then(|| said.problem(Severity::Error, text).hint("choose another range, or another `www-port`"))
    }

    fn range_is_small(&self) -> Option<Problem> {
        let (said, range) = self.range()?;
        let ports = range.len();
        match self.settings.rsession.session_limit {
            Some(limit) if limit > ports => {
                let text =
                    format!("{ports} ports are fewer than the {limit} sessions that one person may have");
                Some(said.problem(Severity::Error, text).hint("widen the range, or lower `session-limit`"))
            }
            _ if ports < FEW_PORTS => {
                let text = format!("there are {ports} ports, so at most {ports} sessions on this machine");
                Some(said.problem(Severity::Warning, text).hint("widen the range for more"))
            }
            _ => None,
        }
    }

    fn range_unused(&self) -> Option<Problem> {
        let (said, _) = self.range()?;
        let text = "it has no effect: `session-transport=unix` of portcullis.conf needs no ports";
        let unused = self.settings.portcullis.session_transport == Transport::Unix;
        unused.then(|| said.problem(Severity::Warning, text))
    }

    fn range(&self) -> Option<(&Said, PortRange)> {
        self.rsession("session-port-range").zip(self.settings.rsession.session_port_range)
    }

    fn arguments_left_out(&self, file: FileKind, name: &str, left_out: fn(&str) -> bool) -> Option<Problem> {
        let said = self.said(file, name)?;
        let left: Vec<&str> = said.text.split_whitespace().filter(|arg| left_out(arg)).collect();
        let text = format!("left out, because the session decides them: {}", left.join(" "));
        (!left.is_empty()).then(|| said.problem(Severity::Info, text))
    }
}
