//! The method as the configuration makes it, and one sign-in with it.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use portcullis_authn::ldap::LdapMethod;
use portcullis_authn::{Method as _, Told};
use portcullis_conf::{Sources, load};
use portcullis_model::Secret;
use portcullis_model::account::{Identity, Provider, UniqueId};
use portcullis_model::proof::{Evidence, Failure, Membership, Proven, Step};
use portcullis_testing::servers::slapd::{READER_PASSWORD, Slapd, Way};

/// An ldap.conf with the files that it names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Conf {
    text: String,
    files: BTreeMap<String, Vec<u8>>,
}

/// How a directory's people are found.
pub(crate) const PEOPLE: &str =
    "user-object-class=inetOrgPerson\nusername-attribute=uid\nunique-id-attribute=entryUUID\n";
/// Groups of each kind, below the root.
pub(crate) const GROUPS: &str = "group-filter=(|(objectClass=posixGroup)(objectClass=groupOfNames)\
                                 (objectClass=groupOfUniqueNames))\ngroup-name-attribute=cn\n";

/// Lines for a way.
pub(crate) fn way(slapd: &Slapd, way: Way) -> String {
    match way {
        Way::Plain => format!("server-address={}\ninsecure=1\n", slapd.address()),
        Way::StartTls => format!("server-address={}\nstart-tls=1\nca-file=/given\n", slapd.address()),
        Way::Ldaps => format!("server-address={}\ntls=1\nca-file=/given\n", slapd.tls_address()),
    }
}

/// Lines for the service account.
pub(crate) fn reader(slapd: &Slapd) -> String {
    format!("bind-dn={}\nbind-password-file=/given\n", slapd.reader())
}

/// Lines for groups.
pub(crate) fn groups(slapd: &Slapd) -> String {
    format!("group-search-base={}\n{GROUPS}", slapd.suffix())
}

impl Conf {
    /// A section with these lines, people below `ou=people`.
    pub(crate) fn section(mut self, name: &str, slapd: &Slapd, lines: &str) -> Self {
        let base = format!("user-search-base=ou=people,{}\n", slapd.suffix());
        self.text += &format!("[{name}]\n{lines}{base}{PEOPLE}");
        self.file(&format!("{name}/ca-file"), slapd.authority().certificate().as_bytes())
            .file(&format!("{name}/bind-password-file"), format!("{READER_PASSWORD}\n").as_bytes())
    }

    /// A section with nothing but these lines.
    pub(crate) fn raw(name: &str, lines: &str) -> Self {
        Self { text: format!("[{name}]\n{lines}"), files: BTreeMap::new() }
    }

    /// The usual one: StartTLS, the service account.
    pub(crate) fn usual(slapd: &Slapd, more: &str) -> Self {
        Self::default().section(
            "main",
            slapd,
            &format!("{}{}{more}", way(slapd, Way::StartTls), reader(slapd)),
        )
    }

    /// A line that takes the place of the one with this option.
    pub(crate) fn with(mut self, option: &str, value: &str) -> Self {
        let kept = self.text.lines().filter(|line| !line.starts_with(&format!("{option}=")));
        self.text = kept.fold(String::new(), |text, line| text + line + "\n");
        self.text += &format!("{option}={value}\n");
        self
    }

    /// What a file says.
    pub(crate) fn file(mut self, name: &str, bytes: &[u8]) -> Self {
        self.files.insert(name.to_owned(), bytes.to_vec());
        self
    }

    /// The method.
    pub(crate) fn method(&self) -> Result<LdapMethod> {
        let files = [("portcullis.conf", "auth-ldap=1\n"), ("ldap.conf", self.text.as_str())];
        let sources =
            Sources::new("/etc/rstudio", files.map(|(name, text)| (name.to_owned(), text.to_owned())));
        let loaded = load(&sources);
        if !loaded.is_usable() {
            bail!("{:#?}\n{}", loaded.problems, self.text);
        }
        let secret = |name: &str| self.files.get(name).cloned().map(Secret::new);
        Ok(LdapMethod::new(&loaded.settings.ldap, secret, b"")?)
    }

    /// One sign-in.
    pub(crate) fn prove(&self, user: &str, password: &str) -> Result<Outcome> {
        let method = self.method()?;
        let user = user.to_owned();
        let password = Secret::from(password.to_owned());
        let mut told = Told::kept();
        let answer = wait(method.prove(Evidence::Form { user, password }, &mut told))?;
        Ok(Outcome { answer, steps: told.take() })
    }

    /// What the directory says of somebody now.
    pub(crate) fn members(&self, section: &str, unique: &UniqueId) -> Result<Result<Membership, Failure>> {
        let who = Identity { provider: Provider::Ldap(section.to_owned()), unique: unique.clone() };
        wait(self.method()?.members(&who, &mut Told::silent()))
    }
}

/// What came of it, and what was told.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Who, or why not.
    pub answer: Result<Proven, Failure>,
    /// Each step.
    pub steps: Vec<Step>,
}

impl Outcome {
    /// Who it is.
    pub(crate) fn proven(self) -> Result<Proven> {
        match self.answer {
            Ok(proven) => Ok(proven),
            Err(why) => bail!("refused: {why}\n{}", text(&self.steps)),
        }
    }

    /// Why it is nobody.
    pub(crate) fn refused(self) -> Result<Failure> {
        match self.answer {
            Ok(proven) => bail!("let in: {proven:?}\n{}", text(&self.steps)),
            Err(why) => Ok(why),
        }
    }

    /// How many steps are so.
    pub(crate) fn count(&self, wanted: impl Fn(&Step) -> bool) -> usize {
        self.steps.iter().filter(|step| wanted(step)).count()
    }
}

/// Steps as people read them.
pub(crate) fn text(steps: &[Step]) -> String {
    steps.iter().map(|step| format!("{step}\n")).collect()
}

fn wait<T>(future: impl Future<Output = T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(future))
}
