//! The hierarchies of this machine, and making groups in them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::base::{Base, SESSIONS, delegate, enable, named};
use super::mounts::{Own, of_controller, unified};
use super::quota::{count_children, set};
use super::{CgroupError, Controller, Group, Quota, Version, failed};

/// Tries at making a group while another process removes its parent, the last session of a user's having just ended.
const TRIES: usize = 8;

/// Which controllers there are, and in which version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Controllers {
    /// Memory can be limited.
    pub memory: Option<Version>,
    /// So can the number of processes.
    pub processes: Option<Version>,
    /// And the time of processors.
    pub processors: Option<Version>,
    /// Groups are ended at once or frozen first (`cgroup.kill`, the freezer): nothing in them forks faster than it is ended.
    pub kill: bool,
}

impl Controllers {
    /// One of them.
    pub const fn version(&self, controller: Controller) -> Option<Version> {
        match controller {
            Controller::Memory => self.memory,
            Controller::Processes => self.processes,
            Controller::Processors => self.processors,
        }
    }
}

/// What there is, and where our own group is in it.
#[derive(Debug, Clone, Default)]
pub struct Hierarchies {
    unified: Option<Own>,
    /// Controllers that children of our base have in version 2.
    delegated: Vec<Controller>,
    first: Vec<(Controller, PathBuf)>,
    freezer: Option<PathBuf>,
}

impl Hierarchies {
    /// Looks, and changes nothing. Version 2 counts with the controllers that the whole hierarchy has: whether they can be had
    /// below our own group is known once [`Hierarchies::delegate`] tried.
    pub fn find() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        Self::of(&read("/proc/self/mountinfo"), &read("/proc/self/cgroup"))
    }

    fn of(mounts: &str, groups: &str) -> Self {
        let unified = unified(mounts, groups);
        let delegated =
            unified.as_ref().map(|own| named(&own.mount.join("cgroup.controllers"))).unwrap_or_default();
        let first = Controller::ALL.into_iter().filter_map(|controller| {
            Some((controller, of_controller(mounts, groups, controller.word())?.path))
        });
        let freezer = of_controller(mounts, groups, "freezer").map(|own| own.path);
        Self { delegated, first: first.collect(), freezer, unified }
    }

    /// Has groups below our own have the controllers of version 2. Once, before the first group is made. What stands in the way
    /// is returned to be said; what could be had is had.
    ///
    /// # Errors
    /// When something stands in the way.
    pub fn delegate(&mut self) -> Result<(), CgroupError> {
        let Some(own) = &self.unified else { return Ok(()) };
        if self.delegated.is_empty() {
            return Ok(()); // bound to version 1
        }
        let (have, problem) = delegate(&Base::of(own), own);
        self.delegated = have;
        problem.map_or(Ok(()), Err)
    }

    /// Which controllers there are.
    pub fn controllers(&self) -> Controllers {
        let version = |wanted| {
            let second = self.delegated.contains(&wanted).then_some(Version::V2);
            let first = self.first.iter().any(|(controller, _)| *controller == wanted);
            second.or(first.then_some(Version::V1))
        };
        Controllers {
            memory: version(Controller::Memory),
            processes: version(Controller::Processes),
            processors: version(Controller::Processors),
            kill: self.unified.is_some() || self.freezer.is_some(),
        }
    }

    /// Makes the group of a session below that of its user, with these limits: they hold before the first process is in it.
    ///
    /// # Errors
    /// When there is no hierarchy, none can be written, or a limit can't be set; nothing is left then.
    pub fn make(&self, uid: u32, session: &str, user: &Quota, own: &Quota) -> Result<Group, CgroupError> {
        if session.is_empty() || session.starts_with('.') || session.contains(['/', '\0']) {
            return Err(CgroupError::Name(session.to_owned()));
        }
        let controllers = self.controllers();
        let needed: Vec<Controller> =
            Controller::ALL.into_iter().filter(|one| user.limits(*one) || own.limits(*one)).collect();
        if let Some(lacking) = needed.iter().find(|one| controllers.version(**one).is_none()) {
            return Err(CgroupError::NoController(*lacking));
        }
        let by_second = |one: &Controller| controllers.version(*one) == Some(Version::V2);
        let names = [SESSIONS, &format!("user-{uid}"), session];
        let mut dirs = Vec::new();
        let mut made = || -> Result<(), CgroupError> {
            let second = self.second().map_or(Err(CgroupError::NotMounted), |base| {
                place(&base, names, |dir| {
                    enable(dir);
                    Ok(())
                })
            });
            let without = match second {
                Ok(dir) => {
                    dirs.push(dir);
                    None
                }
                // Not needed for a limit: the freezer does for ending all.
                Err(error) if !needed.iter().any(by_second) => Some(error),
                Err(error) => return Err(error),
            };
            if let (Some(_), Some(base)) = (&without, &self.freezer) {
                dirs.push(place(base, names, |_| Ok(()))?);
            }
            for (_, base) in self.first.iter().filter(|(one, _)| needed.contains(one) && !by_second(one)) {
                let dir = place(base, names, count_children)?;
                if !dirs.contains(&dir) {
                    dirs.push(dir);
                }
            }
            without.filter(|_| dirs.is_empty()).map_or(Ok(()), Err)
        };
        let done = made();
        let group = Group::at(dirs);
        let limited = done.and_then(|()| group.limit(&controllers, user, own));
        match limited {
            Ok(()) => Ok(group),
            Err(error) => {
                // What can't be removed holds nothing of ours; the error that came first is the one to know.
                let _ = group.remove();
                Err(error)
            }
        }
    }

    fn second(&self) -> Option<PathBuf> {
        let base = Base::of(self.unified.as_ref()?);
        match base {
            // Without controllers to gain there, below ourselves is as good, and needs no permission of anybody's.
            Base::Beside(_) if self.delegated.is_empty() => Some(self.unified.as_ref()?.path.clone()),
            Base::Beside(_) | Base::Below(_) => Some(base.path().to_owned()),
        }
    }

    /// Groups that an earlier start of ours left: those of this name, whoever's.
    pub fn left(&self, session: &str) -> Group {
        let named = self.users().into_iter().map(|user| user.join(session));
        let mut dirs: Vec<PathBuf> = named.filter(|dir| dir.is_dir()).collect();
        dirs.dedup();
        Group::at(dirs)
    }

    /// The groups of all sessions that there are, whoever made them: those of a launcher that was killed with its keepers
    /// and removers, and those that live.
    pub fn all(&self) -> Vec<Group> {
        let sessions = self.users().into_iter().flat_map(|user| below(&user, "session-"));
        sessions.map(|dir| Group::at([dir])).collect()
    }

    /// The groups of users.
    fn users(&self) -> Vec<PathBuf> {
        let bases = self.second().into_iter().chain(self.freezer.clone());
        let bases = bases.chain(self.first.iter().map(|(_, base)| base.clone()));
        bases.flat_map(|base| below(&base.join(SESSIONS), "user-")).collect()
    }
}

/// What is in a directory and begins so.
fn below(dir: &Path, begin: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let named = |entry: &fs::DirEntry| entry.file_name().to_str().is_some_and(|name| name.starts_with(begin));
    entries.filter(named).map(|entry| entry.path()).collect()
}

/// Makes the last of these below the others, and those when they aren't there; what may have children is prepared for them.
fn place(
    base: &Path,
    names: [&str; 3],
    prepare: impl Fn(&Path) -> Result<(), CgroupError>,
) -> Result<PathBuf, CgroupError> {
    let [all, user, session] = names;
    let user = base.join(all).join(user);
    let dir = user.join(session);
    for _ in 0..TRIES {
        let mut made = Ok(true);
        for above in [base.join(all), user.clone()] {
            made = make(&above);
            if made.is_err() {
                break;
            }
            prepare(&above)?;
        }
        match made.and_then(|_| make(&dir)) {
            Ok(true) => return Ok(dir),
            // Of an earlier session with this name that is gone: empty, or it would hold its old processes too.
            Ok(false) if Group::at([&dir]).pids()?.is_empty() => return Ok(dir),
            Ok(false) => return Err(failed(&dir)(io::ErrorKind::AlreadyExists.into())),
            // One above went in between: the last session in it ended this moment.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(&dir)(error)),
        }
    }
    Err(failed(&dir)(io::ErrorKind::NotFound.into()))
}

/// Whether it was made; `false` when it was there.
fn make(path: &Path) -> io::Result<bool> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        made => made.map(|()| true),
    }
}

impl Group {
    /// Sets the limits: the user's first, inside of which the session's are.
    fn limit(&self, controllers: &Controllers, user: &Quota, own: &Quota) -> Result<(), CgroupError> {
        for controller in Controller::ALL {
            let Some(version) = controllers.version(controller) else { continue };
            let Some(dir) = self.dir_of(controller, version) else { continue };
            if let Some(parent) = dir.parent() {
                set(parent, user, controller, version)?;
            }
            if own.limits(controller) {
                set(dir, &own.within(user), controller, version)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
