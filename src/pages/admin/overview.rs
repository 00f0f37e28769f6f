//! How the machine and the daemon are.

use askama::Template;

use super::plot::{HEIGHT, Plot, WIDTH};
use super::{AdminFrame, RENEW_SECONDS};
use crate::{Frame, render};

/// Something with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What.
    pub label: &'static str,
    /// How much, or how.
    pub value: String,
    /// Whether an administrator should look at it.
    pub wrong: bool,
}

impl Fact {
    /// One that is as it should be.
    pub fn new(label: &'static str, value: impl Into<String>) -> Self {
        Self { label, value: value.into(), wrong: false }
    }
}

/// Address `/admin`; `?live=1` when it renews itself.
#[derive(Debug, Clone, Template)]
#[template(path = "admin/overview.html")]
pub struct OverviewPage<'a> {
    /// Root path and who.
    pub frame: Frame<'a>,
    /// What all have.
    pub admin: AdminFrame<'a>,
    /// What people do.
    pub people: &'a [Fact],
    /// How the machine is.
    pub machine: &'a [Fact],
    /// How the daemon is.
    pub daemon: &'a [Fact],
    /// The last day.
    pub plots: &'a [Plot],
}

impl OverviewPage<'_> {
    /// The page.
    pub fn html(&self) -> String {
        render(self)
    }

    fn groups(&self) -> [(&'static str, &[Fact]); 3] {
        [("People", self.people), ("Machine", self.machine), ("Daemon", self.daemon)]
    }
}
