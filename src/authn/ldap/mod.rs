//! Directories (LDAP, Active Directory): the form's password is examined by a bind.
//!
//! Directories are tried in the order of ldap.conf. The first that proves the password says who it is; one that doesn't know
//! the name, refuses the password or can't be reached leaves it to the next. So names that stand in two directories are told
//! apart by the password. What is decided is pure and in its own file: names and filters in [`name`], results in [`outcome`],
//! entries in [`person`], groups in [`groups`], which failure of several counts in [`verdict`].

use portcullis_conf::Ldap;
use portcullis_model::Secret;
use portcullis_model::account::{Identity, Provider};
use portcullis_model::proof::{Begin, Evidence, Failure, Flow, Membership, MethodName, Proven, Shown, Step};

use crate::setup::SetupError;
use crate::{Method, Told};

mod ask;
mod attempt;
mod certificate;
mod entry;
mod groups;
mod link;
mod message;
mod name;
mod outcome;
mod person;
mod plan;
mod talk;
mod trust;
mod verdict;

use plan::Plan;
use talk::Talk;

/// The directories of ldap.conf.
#[derive(Debug)]
pub struct LdapMethod {
    plans: Vec<Plan>,
}

impl LdapMethod {
    /// From the settings. `secret` gives the bytes of a section's files by `section/option` (`main/ca-file`,
    /// `main/bind-password-file`); `roots` are the machine's authorities in PEM, for sections without a `ca-file`.
    ///
    /// # Errors
    /// [`SetupError`] names the section and what is missing or wrong.
    pub fn new(
        ldap: &Ldap,
        secret: impl Fn(&str) -> Option<Secret>,
        roots: &[u8],
    ) -> Result<Self, SetupError> {
        if ldap.sections.is_empty() {
            return Err(SetupError::NoDirectory);
        }
        let plans = ldap.sections.iter().map(|section| Plan::new(section, &secret, roots));
        Ok(Self { plans: plans.collect::<Result<_, _>>()? })
    }

    async fn prove_form(&self, user: &str, password: &Secret, told: &mut Told) -> Result<Proven, Failure> {
        name::check(user)?;
        // RFC 4513 5.1.2: a bind with a name and no password succeeds, as nobody.
        if password.is_empty() {
            return Err(Failure::Credentials);
        }
        let mut failures = Vec::new();
        for plan in &self.plans {
            let mut talk = self.talk(plan, told);
            match attempt::prove(plan, user, password, &mut talk).await {
                Ok(proven) => return Ok(proven),
                Err(attempt::Refused::Here(why)) => {
                    talk.step(Step::Next { why: why.clone() });
                    failures.push(why);
                }
                Err(attempt::Refused::Everywhere(why)) => return Err(why),
            }
        }
        Err(verdict::of(failures))
    }

    fn talk<'a>(&self, plan: &'a Plan, told: &'a mut Told) -> Talk<'a> {
        let mut talk = Talk::new(told, &plan.section, plan.said.logging);
        talk.step(Step::Provider {
            method: MethodName::Ldap,
            name: Shown::from(plan.section.as_str()),
            address: Shown::from(plan.address().as_str()),
        });
        talk
    }
}

impl Method for LdapMethod {
    fn name(&self) -> MethodName {
        MethodName::Ldap
    }

    async fn begin(&self, _: &Flow, _: &mut Told) -> Result<Begin, Failure> {
        Err(Failure::Unsupported)
    }

    async fn prove(&self, evidence: Evidence, told: &mut Told) -> Result<Proven, Failure> {
        evidence.check().map_err(|_| Failure::Evidence)?;
        let Evidence::Form { user, password } = &evidence else { return Err(Failure::Evidence) };
        let answer = self.prove_form(user, password, told).await.and_then(|proven| {
            let fits = proven.check();
            fits.map(|()| proven).map_err(|large| Failure::protocol(&large.to_string()))
        });
        told.step(match &answer {
            Ok(proven) => Step::Proven {
                provider: Shown::from(proven.provider.to_string().as_str()),
                unique: Shown::from(proven.unique.to_string().as_str()),
                user: Shown::from(proven.user.as_str()),
            },
            Err(why) => Step::Failed { why: why.clone() },
        });
        answer
    }

    async fn members(&self, who: &Identity, told: &mut Told) -> Result<Membership, Failure> {
        let Provider::Ldap(section) = &who.provider else { return Err(Failure::Unsupported) };
        let plan = self.plans.iter().find(|plan| plan.section == *section);
        let plan = plan.ok_or_else(|| Failure::configuration("ldap.conf has no such section any more"))?;
        let mut talk = self.talk(plan, told);
        let membership = attempt::members(plan, &who.unique, &mut talk).await?;
        let fits = membership.check();
        fits.map(|()| membership).map_err(|large| Failure::protocol(&large.to_string()))
    }
}
