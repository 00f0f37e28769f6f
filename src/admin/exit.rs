//! Exit statuses of `portcullis`, declared once: the codes, and the table for the reference.
//!
//! Those of LSB's init scripts where one fits (0 to 7), those of `sysexits.h` for the rest, so that scripts and service managers
//! find what they know.

macro_rules! exits {
    ($($(#[doc = $doc:literal])* $name:ident = $code:literal $whose:literal,)*) => {
        /// How a command ended.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Exit {
            $($(#[doc = $doc])* $name,)*
        }

        impl Exit {
            /// Its code.
            pub(crate) const fn code(self) -> u8 {
                match self { $(Self::$name => $code,)* }
            }
        }

        /// Code, whose name it has elsewhere, and what it means.
        pub(crate) const TABLE: &[(u8, &str, &str)] = &[$(($code, $whose, concat!($($doc),*)),)*];
    };
}

exits! {
    /// It is done, or so: yes.
    Done = 0 "",
    /// It failed, or the answer is no; what is printed says why.
    Failed = 1 "",
    /// The arguments are wrong, or mean several sessions. Of `explain`, `simulate` and `doctor` also: it can't be said.
    Usage = 2 "LSB",
    /// Of `status`: the daemon doesn't run.
    Stopped = 3 "LSB",
    /// Not permitted: only root may. Of `status`: so it can't be said.
    NotPermitted = 4 "LSB",
    /// What it needs is not installed: the journal, the service manager.
    NotInstalled = 5 "LSB",
    /// The daemon doesn't run.
    NotRunning = 7 "LSB",
    /// There is no such session, process, person or exemption.
    NoneSuch = 67 "`EX_NOUSER`",
    /// Not now: the daemon ends, does not answer, is asked too often, or can't write its records. Trying again may help.
    NotNow = 75 "`EX_TEMPFAIL`",
    /// The configuration is wrong; service managers don't start again on it.
    Configuration = 78 "`EX_CONFIG`",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_documented() {
        for (at, (code, _, doc)) in TABLE.iter().enumerate() {
            assert!(!doc.trim().is_empty(), "{code}");
            assert!(TABLE[..at].iter().all(|(other, ..)| other < code), "{code}");
        }
        assert_eq!((Exit::Done.code(), Exit::Configuration.code()), (0, crate::EX_CONFIG));
    }
}
