//! Exemptions: granted by an administrator, kept in the state, ended by themselves.
//!
//! One ends when either clock says so: the wall clock, which a restart of the machine doesn't stop but somebody may set, or the
//! time since boot, which nobody sets but a restart begins anew. Setting a clock can only shorten an exemption. It must not
//! decide what a flag means: that is the policy's.

use std::time::{Duration, Instant};

use portcullis_model::audit::Event;
use portcullis_model::exemption::{Exemption, ExemptionEnd, REASON_MAX};
use portcullis_model::{ExemptionId, SessionId, UserName};
use portcullis_policy::Flags;
use portcullis_wire::ToServer;
use portcullis_wire::admin::Refusal;
use serde::{Deserialize, Serialize};

use crate::clock::Moment;
use crate::launcher::Launcher;
use crate::log::say;
use crate::text::printable;

/// Exemptions in all: each stands in the state and in every server. More are not exceptions any more.
const MAX: usize = 1000;

/// An exemption as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptExemption {
    /// As everybody knows it.
    pub(crate) exemption: Exemption,
    /// When it ends, in milliseconds since the boot that the state names.
    pub(crate) ends: u64,
}

impl KeptExemption {
    fn new(exemption: Exemption, now: Moment) -> Self {
        let left = exemption.until.saturating_sub(now.wall);
        Self { exemption, ends: now.since_boot.saturating_add(left.saturating_mul(1000)) }
    }

    /// As it is taken over: after another boot only the wall clock is left to tell.
    fn adopted(self, same_boot: bool, now: Moment) -> Self {
        if same_boot { self } else { Self::new(self.exemption, now) }
    }

    /// Why it is over; `None` while it holds.
    fn over(&self, now: Moment) -> Option<ExemptionEnd> {
        if now.wall < self.exemption.since {
            return Some(ExemptionEnd::ClockSet);
        }
        (now.wall >= self.exemption.until || now.since_boot >= self.ends).then_some(ExemptionEnd::Expired)
    }

    /// In how long to look again.
    fn left(&self, now: Moment) -> Duration {
        let wall = Duration::from_secs(self.exemption.until.saturating_sub(now.wall));
        wall.min(Duration::from_millis(self.ends.saturating_sub(now.since_boot)))
    }
}

impl Launcher {
    /// Lifts a flag. `login` is whose login session asks for it.
    pub(crate) fn exempt(
        &mut self,
        user: UserName,
        flag: String,
        seconds: u64,
        reason: &str,
        session: Option<SessionId>,
        login: i64,
    ) -> Result<Exemption, Refusal> {
        let hours = self.active.settings.portcullis.exemption_max_hours;
        if !Flags::default().lift(&flag) {
            return Err(Refusal::Flag(printable(&flag, crate::text::NAME_MAX)));
        }
        if !(1..=u64::from(hours) * 3600).contains(&seconds) {
            return Err(Refusal::Length { hours });
        }
        let said = reason.trim();
        if said.is_empty() || said.chars().count() > REASON_MAX || printable(said, REASON_MAX) != said {
            return Err(Refusal::Reason);
        }
        if let Some(id) = session {
            let of_theirs = self
                .sessions
                .get(&id)
                .is_some_and(|entry| entry.kept.session.user == user && entry.kept.session.state.is_live());
            if !of_theirs {
                return Err(Refusal::Session(id));
            }
        }
        if self.exemptions.len() >= MAX {
            return Err(Refusal::Full(u32::try_from(MAX).unwrap_or(u32::MAX)));
        }
        let id = self.fresh_exemption()?;
        let now = Moment::now();
        let exemption = Exemption {
            id,
            user,
            flag,
            session,
            reason: said.to_owned(),
            since: now.wall,
            until: now.wall + seconds,
        };
        say!(
            Info,
            "exempted exemption={id} user={} flag={} seconds={seconds}",
            exemption.user,
            exemption.flag
        );
        self.log.write(Event::Exempted {
            exemption: id,
            user: exemption.user.to_string(),
            flag: exemption.flag.clone(),
            session: session.map_or_else(String::new, |id| id.to_string()),
            seconds,
            reason: exemption.reason.clone(),
            login,
        });
        self.server.hold(ToServer::Exemption(Box::new(exemption.clone())));
        self.exemptions.insert(id, KeptExemption::new(exemption.clone(), now));
        self.dirty.at_once();
        Ok(exemption)
    }

    fn fresh_exemption(&self) -> Result<ExemptionId, Refusal> {
        loop {
            let id = ExemptionId::random().map_err(|_| Refusal::Random)?;
            if !self.exemptions.contains_key(&id) {
                return Ok(id);
            }
        }
    }

    /// An administrator ends one; `None` when there is none.
    pub(crate) fn withdraw(&mut self, id: ExemptionId, login: i64) -> Option<Exemption> {
        self.end_exemption(id, ExemptionEnd::Withdrawn, login)
    }

    fn end_exemption(&mut self, id: ExemptionId, why: ExemptionEnd, login: i64) -> Option<Exemption> {
        let kept = self.exemptions.remove(&id)?;
        let user = kept.exemption.user.to_string();
        say!(Info, "exemption ended exemption={id} user={user} flag={} why={why:?}", kept.exemption.flag);
        let flag = kept.exemption.flag.clone();
        self.log.write(Event::ExemptionEnded { exemption: id, user, flag, why, login });
        self.server.take_back(id);
        self.dirty.at_once();
        Some(kept.exemption)
    }

    /// Takes over what an earlier launcher granted; what ended meanwhile is ended and recorded.
    pub(crate) fn adopt_exemptions(&mut self, kept: Vec<KeptExemption>, same_boot: bool) {
        let now = Moment::now();
        let kept = kept.into_iter().map(|kept| (kept.exemption.id, kept.adopted(same_boot, now)));
        self.exemptions = kept.collect();
        self.expire_exemptions();
    }

    /// Ends those whose time, or whose session, is over.
    pub(crate) fn expire_exemptions(&mut self) {
        if self.exemptions.is_empty() {
            return;
        }
        let now = Moment::now();
        let gone = |session: Option<SessionId>| {
            session.is_some_and(|id| {
                !self.sessions.get(&id).is_some_and(|entry| entry.kept.session.state.is_live())
            })
        };
        let over: Vec<(ExemptionId, ExemptionEnd)> = self
            .exemptions
            .iter()
            .filter_map(|(&id, kept)| {
                let ended = kept.over(now);
                let gone = gone(kept.exemption.session).then_some(ExemptionEnd::SessionOver);
                Some((id, ended.or(gone)?))
            })
            .collect();
        for (id, why) in over {
            self.end_exemption(id, why, -1);
        }
    }

    /// When to look again at the latest.
    pub(crate) fn exemptions_deadline(&self) -> Option<Instant> {
        let now = Moment::now();
        self.exemptions.values().map(|kept| kept.left(now)).min().map(|left| Instant::now() + left)
    }

    /// The flags that are lifted for a person in all their sessions: sessions started now are started without the IDE's own
    /// switches for them.
    pub(crate) fn lifted<'a>(&'a self, user: &'a UserName) -> impl Iterator<Item = &'a str> {
        self.exemptions
            .values()
            .map(|kept| &kept.exemption)
            .filter(move |exemption| exemption.user == *user && exemption.session.is_none())
            .map(|exemption| exemption.flag.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(since: u64, until: u64, ends: u64) -> KeptExemption {
        let exemption = Exemption {
            id: ExemptionId::from_bytes([1; 4]),
            user: "alice".parse().expect("a name"),
            flag: "allow-shell".into(),
            session: None,
            reason: "x".into(),
            since,
            until,
        };
        KeptExemption { exemption, ends }
    }

    const fn at(wall: u64, since_boot: u64) -> Moment {
        Moment { wall, since_boot }
    }

    #[test]
    fn either_clock_ends_it_and_setting_one_only_shortens() {
        let one = kept(1000, 1060, 500_000);
        assert_eq!(one, KeptExemption::new(one.exemption.clone(), at(1000, 440_000)));
        assert_eq!(one.over(at(1000, 440_000)), None);
        assert_eq!(one.over(at(1059, 499_999)), None);
        assert_eq!(one.over(at(1060, 499_999)), Some(ExemptionEnd::Expired), "by the wall clock");
        assert_eq!(one.over(at(1010, 500_000)), Some(ExemptionEnd::Expired), "the wall clock was set back");
        assert_eq!(one.over(at(999, 450_000)), Some(ExemptionEnd::ClockSet), "before it began");
        assert_eq!(one.over(at(9999, 450_000)), Some(ExemptionEnd::Expired), "the wall clock was set on");
    }

    #[test]
    fn another_boot_leaves_the_wall_clock_to_tell() {
        let one = kept(1000, 1060, 500_000);
        assert_eq!(one.clone().adopted(true, at(1030, 470_000)), one);
        let adopted = one.clone().adopted(false, at(1030, 5_000));
        assert_eq!(adopted.ends, 35_000);
        assert_eq!(adopted.over(at(1040, 34_999)), None);
        assert!(adopted.over(at(1040, 35_000)).is_some(), "set back after the boot");
        assert!(one.clone().adopted(false, at(1060, 5_000)).over(at(1060, 5_000)).is_some());
        assert_eq!(one.adopted(false, at(10, 5_000)).over(at(10, 5_000)), Some(ExemptionEnd::ClockSet));
    }

    #[test]
    fn it_is_looked_at_when_the_nearer_clock_says() {
        let one = kept(1000, 1060, 500_000);
        assert_eq!(one.left(at(1050, 499_000)), Duration::from_secs(1));
        assert_eq!(one.left(at(1058, 440_000)), Duration::from_secs(2));
        assert_eq!(one.left(at(2000, 440_000)), Duration::ZERO);
    }
}
