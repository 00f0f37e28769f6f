//! One accepted configuration with everything worked out of it, so that a request only looks.
//!
//! Built whole, TLS too, before anything of it is used: a configuration that can't be used changes nothing. Called by
//! `launcher_link` at the start and at each reload.

use portcullis_conf::{FrameOrigin, Settings, Sources, load};
use portcullis_model::cookie::KeyRing;
use portcullis_model::host::HostFacts;
use portcullis_model::lifetime::Clocks;
use portcullis_model::session::Ide;
use portcullis_model::sign_in::Principal;
use portcullis_pages::{Root, StaySignedIn};
use portcullis_policy::{Adapters, Flags};
use portcullis_proxy::{TlsConfig, tls};
use portcullis_wire::launcher::{Configuration, TlsMaterial};
use thiserror::Error;

use crate::cookies::Jar;
use crate::gate::Origins;
use crate::headers::Answers;
use crate::listed::Listed;
use crate::sign_in::Ways;

/// A megabyte as the options count.
pub(crate) const MEGABYTE: u64 = 1024 * 1024;

/// Why a configuration can't be used.
#[derive(Debug, Error)]
pub(crate) enum GenerationError {
    /// Errors in the files; the launcher should have seen them.
    #[error("the configuration has errors: {0}")]
    Files(String),
    /// No key for cookies.
    #[error("there is no usable key for cookies")]
    NoKey,
    /// Certificate or key.
    #[error("cannot use `ssl-certificate` with `ssl-certificate-key`")]
    Tls(#[source] tls::TlsError),
    /// `ssl-enabled` and what came beside it don't fit.
    #[error("`ssl-enabled` and the certificate that was passed on do not fit together")]
    TlsMissing,
    /// `ssl-enabled` changed, which only a restart can bring about.
    #[error("`ssl-enabled` takes effect at a restart of the daemon only")]
    TlsSwitched,
}

/// One configuration.
#[derive(Debug)]
pub(crate) struct Generation {
    /// Its number.
    pub(crate) number: u64,
    /// As the files say.
    pub(crate) settings: Settings,
    /// What it adds to the built-in adapters.
    pub(crate) adapters: Adapters,
    /// Signs and verifies cookies.
    pub(crate) ring: KeyRing,
    /// Signs what stands in forms of administrators; no cookie's value is one of these.
    pub(crate) forms: KeyRing,
    /// Name and attributes of cookies.
    pub(crate) jar: Jar,
    /// Ways to sign in.
    pub(crate) ways: Ways,
    /// `www-root-path`.
    pub(crate) root: Root,
    /// Where changes may come from.
    pub(crate) origins: Origins,
    /// Headers of our answers.
    pub(crate) answers: Answers,
    /// Seconds that a sign-in lives after a person's act (or in all, when `slides` is false).
    pub(crate) life: u64,
    /// Seconds that a sign-in lives at most, whatever the person does.
    pub(crate) longest: u64,
    /// Whether a person's act moves the end.
    pub(crate) slides: bool,
    /// What the machine's kernel can hold.
    pub(crate) host: HostFacts,
    /// Real names of listed folders.
    listed: Listed,
}

impl Generation {
    /// Works everything out; the second part is TLS, when it is on.
    ///
    /// # Errors
    /// Why this configuration can't be used.
    pub(crate) fn build(told: &Configuration) -> Result<(Self, Option<TlsConfig>), GenerationError> {
        let files = told.files.iter().map(|file| (file.name.clone(), file.text.clone()));
        let loaded = load(&Sources::new(told.config_dir.clone(), files));
        if let Some(problem) = loaded.problems.iter().find(|problem| problem.is_error()) {
            return Err(GenerationError::Files(format!(
                "{}:{}: {}",
                problem.file, problem.line, problem.text
            )));
        }
        let settings = loaded.settings;
        let tls = match (&told.tls, settings.rserver.ssl_enabled) {
            (Some(material), true) => Some(tls_of(&settings, material)?),
            (None, false) => None,
            // Never fall back to clear text because a file is missing.
            _ => return Err(GenerationError::TlsMissing),
        };
        let root = Root::new(&settings.rserver.www_root_path);
        let jar = Jar::new(root.as_str(), settings.secure_cookies(), settings.rserver.www_same_site);
        let ring = KeyRing::new(&told.keys, jar.name).ok_or(GenerationError::NoKey)?;
        let forms = KeyRing::new(&told.keys, "portcullis-admin-form").ok_or(GenerationError::NoKey)?;
        let ways = Ways::new(&settings, told, root.as_str()).ok_or(GenerationError::NoKey)?;
        let built = Self::assemble(told.generation, settings, root, jar, (ring, forms, ways));
        Ok((Self { host: told.host.clone(), ..built }, tls))
    }

    fn assemble(
        number: u64,
        settings: Settings,
        root: Root,
        jar: Jar,
        (ring, forms, ways): (KeyRing, KeyRing, Ways),
    ) -> Self {
        let server = &settings.rserver;
        let origins = Origins {
            tls: server.ssl_enabled,
            allowed: server.www_allow_origin.clone(),
            framed: !matches!(server.www_frame_origin, FrameOrigin::None | FrameOrigin::Same),
        };
        let hsts = (server.ssl_enabled && server.ssl_hsts).then(|| {
            let subdomains = if server.ssl_hsts_include_subdomains { "; includeSubDomains" } else { "" };
            format!("max-age={}{subdomains}", server.ssl_hsts_max_age)
        });
        let answers = Answers::new(&server.www_frame_origin, hsts.as_deref(), &server.server_add_header);
        let slides = server.auth_timeout_minutes > 0;
        let life = if slides {
            u64::from(server.auth_timeout_minutes) * 60
        } else {
            // Upstream lets nobody in with 0 days; a day is the shortest life that makes sense.
            u64::from(server.auth_stay_signed_in_days.max(1)) * 24 * 60 * 60
        };
        let longest = [
            u64::from(server.auth_active_timeout_minutes) * 60,
            u64::from(server.auth_stay_signed_in_days) * 24 * 60 * 60,
        ];
        let longest = longest.into_iter().filter(|seconds| *seconds > 0).min().unwrap_or(u64::MAX);
        let life = life.min(longest);
        let adapters = Adapters::new(&settings);
        let (host, listed) = (HostFacts::default(), Listed::default());
        Self {
            number,
            settings,
            adapters,
            ring,
            forms,
            jar,
            ways,
            root,
            origins,
            answers,
            life,
            longest,
            slides,
            host,
            listed,
        }
    }

    /// What this person may do, as the files say it.
    pub(crate) fn flags(&self, principal: &Principal) -> Flags {
        let mut flags = Flags::resolve(&self.settings, &principal.user, &principal.groups);
        if let Some(strict) = &mut flags.audited {
            self.resolved(strict);
        }
        self.resolved(&mut flags);
        flags
    }

    /// Follows the links of `directory-view-allow-list`, where it is asked for.
    fn resolved(&self, flags: &mut Flags) {
        if flags.restrict_directories.value {
            for directory in &mut flags.directories.value {
                *directory = self.listed.real(directory);
            }
        }
    }

    /// The offer to stay signed in, where there is one.
    pub(crate) fn stay_offer(&self) -> Option<StaySignedIn> {
        let server = &self.settings.rserver;
        server.auth_stay_signed_in.then(|| StaySignedIn {
            days: u64::from(server.auth_stay_signed_in_days.max(1)),
            idle_minutes: u64::from(server.auth_timeout_minutes),
        })
    }

    /// Whether browsers come by https as far as we know.
    pub(crate) fn https(&self) -> bool {
        self.settings.secure_cookies()
    }

    /// Largest request body, when there is a limit.
    pub(crate) fn body_limit(&self) -> Option<u64> {
        let megabytes = u64::from(self.settings.portcullis.request_body_max_mb);
        (megabytes > 0).then(|| megabytes * MEGABYTE)
    }

    /// When a session of this person ends that runs this IDE.
    pub(crate) fn clocks(&self, principal: &Principal, ide: Ide) -> Clocks {
        self.settings.clocks_for(&principal.user, &principal.groups, ide).clocks
    }

    /// Of these files' texts, with a fixed key, for tests.
    #[cfg(test)]
    pub(crate) fn for_tests(files: &[(&str, &str)]) -> Self {
        let told = tests::configuration(1, files);
        Self::build(&told).expect("a usable configuration").0
    }
}

fn tls_of(settings: &Settings, material: &TlsMaterial) -> Result<TlsConfig, GenerationError> {
    let offered = settings.rserver.ssl_protocols;
    let words: Vec<&str> = [(offered.tls12, "TLSv1.2"), (offered.tls13, "TLSv1.3")]
        .into_iter()
        .filter_map(|(on, word)| on.then_some(word))
        .collect();
    let server = tls::server_config(&material.certificate, material.key.expose(), &words)
        .map_err(GenerationError::Tls)?;
    Ok(TlsConfig::new(server))
}

#[cfg(test)]
pub(crate) mod tests {
    use portcullis_model::Secret;
    use portcullis_model::cookie::Key;
    use portcullis_wire::ConfFile;

    use super::*;

    pub(crate) fn configuration(generation: u64, files: &[(&str, &str)]) -> Configuration {
        let file = |(name, text): &(&str, &str)| ConfFile { name: (*name).into(), text: (*text).into() };
        Configuration {
            generation,
            config_dir: "/etc/rstudio".into(),
            files: files.iter().map(file).collect(),
            keys: vec![Key::new(Secret::new(vec![9; 32])).expect("a key")],
            tls: None,
            host: HostFacts::default(),
            proxy_header: None,
        }
    }

    #[test]
    fn a_configuration_is_worked_out_whole_or_not_at_all() {
        let plain = Generation::for_tests(&[]);
        assert_eq!((plain.life, plain.slides, plain.jar.name), (3600, true, "portcullis"));
        let days =
            Generation::for_tests(&[("rserver.conf", "auth-timeout-minutes=0\nwww-root-path=/ide/\n")]);
        assert_eq!((days.life, days.slides, days.root.as_str()), (30 * 86400, false, "/ide"));

        let bad = configuration(2, &[("rserver.conf", "www-prot=1\n")]);
        assert!(matches!(Generation::build(&bad), Err(GenerationError::Files(_))));
        let mut keyless = configuration(2, &[]);
        keyless.keys.clear();
        assert!(matches!(Generation::build(&keyless), Err(GenerationError::NoKey)));
        let tls = [("rserver.conf", "ssl-enabled=1\nssl-certificate=/c\nssl-certificate-key=/k\n")];
        let mut without = configuration(2, &tls);
        assert!(matches!(Generation::build(&without), Err(GenerationError::TlsMissing)));
        without.tls = Some(TlsMaterial { certificate: b"junk".to_vec(), key: Secret::new(b"junk".to_vec()) });
        assert!(matches!(Generation::build(&without), Err(GenerationError::Tls(_))));
    }
}
