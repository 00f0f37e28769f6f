//! The flags that are combined, and what an action is expected to do under them.

/// One combination of flags. What is not among them stays as it is by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Combo {
    /// `allow-shell`.
    pub(super) shell: bool,
    /// `allow-package-installation`.
    pub(super) packages: bool,
    /// `allow-vcs`.
    pub(super) vcs: bool,
    /// `restrict-directory-view`.
    pub(super) restricted: bool,
    /// `session-network=all`; `none` otherwise.
    pub(super) network: bool,
}

impl Combo {
    const fn of([shell, packages, vcs, restricted, network]: [u8; 5]) -> Self {
        Self {
            shell: shell == 1,
            packages: packages == 1,
            vcs: vcs == 1,
            restricted: restricted == 1,
            network: network == 1,
        }
    }

    /// All of them.
    pub(super) fn every() -> Vec<Self> {
        (0..32_u8).map(|bits| Self::of([0, 1, 2, 3, 4].map(|at| bits >> at & 1))).collect()
    }

    /// Bits for a name: shell, packages, version control, restricted view, network.
    pub(super) fn name(self) -> String {
        let bit = |on: bool, letter: char| if on { letter } else { '-' };
        [
            bit(self.shell, 's'),
            bit(self.packages, 'p'),
            bit(self.vcs, 'v'),
            bit(self.restricted, 'r'),
            bit(self.network, 'n'),
        ]
        .iter()
        .collect()
    }

    /// The lines of `rsession.conf`.
    pub(super) fn flags(self, shared: &str) -> String {
        let flags = format!(
            "allow-shell={}\nallow-package-installation={}\nallow-vcs={}\nrestrict-directory-view={}",
            u8::from(self.shell),
            u8::from(self.packages),
            u8::from(self.vcs),
            u8::from(self.restricted)
        );
        // Without effect otherwise, which the launcher would warn of.
        if self.restricted { format!("{flags}\ndirectory-view-allow-list={shared}") } else { flags }
    }

    /// Whether files that the person makes can be programs and libraries.
    pub(super) const fn own_programs(self) -> bool {
        self.shell || self.packages
    }

    /// Whether the person's code can start git.
    pub(super) const fn git(self) -> bool {
        self.shell || self.vcs
    }
}

/// Ten combinations in which every three of the five flags take all of their eight values: a fault that needs more flags
/// than three at once would be missed. `PORTCULLIS_MATRIX=all` runs all 32.
pub(super) const COVERING: [Combo; 10] = [
    Combo::of([1, 1, 1, 0, 1]),
    Combo::of([0, 0, 0, 1, 0]),
    Combo::of([0, 1, 0, 0, 0]),
    Combo::of([1, 0, 1, 1, 1]),
    Combo::of([1, 1, 0, 1, 1]),
    Combo::of([0, 0, 1, 0, 0]),
    Combo::of([0, 1, 1, 1, 1]),
    Combo::of([0, 0, 0, 0, 1]),
    Combo::of([1, 0, 0, 0, 0]),
    Combo::of([1, 1, 1, 1, 0]),
];

/// What an action is expected to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    /// It works.
    Works,
    /// It is refused, and one of these is said.
    Refused(&'static [&'static str]),
}

impl Expect {
    /// Works, or is refused with one of these words.
    pub(super) const fn works_if(condition: bool, words: &'static [&'static str]) -> Self {
        if condition { Self::Works } else { Self::Refused(words) }
    }

    /// What doesn't fit; nothing when all does.
    pub(super) fn problem(self, fine: bool, said: &str) -> Option<String> {
        match self {
            Self::Works if fine => None,
            Self::Works => Some(format!("should work: {said}")),
            Self::Refused(_) if fine => Some(format!("should be refused: {said}")),
            Self::Refused(words) if words.iter().any(|word| said.contains(word)) => None,
            Self::Refused(words) => Some(format!("should be refused with one of {words:?}: {said}")),
        }
    }
}

/// Something that is run as code.
#[derive(Debug, Clone, Copy)]
pub(super) struct Action {
    /// What it is.
    pub(super) name: &'static str,
    /// Fails when it does not work.
    pub(super) code: &'static str,
    /// What is expected.
    pub(super) expect: fn(Combo) -> Expect,
}

/// Every three flags take all their values in [`COVERING`].
pub(super) fn covers() -> bool {
    let bits = |combo: Combo| [combo.shell, combo.packages, combo.vcs, combo.restricted, combo.network];
    let triples = (0..5).flat_map(|a| (a + 1..5).flat_map(move |b| (b + 1..5).map(move |c| [a, b, c])));
    triples.into_iter().all(|places| {
        Combo::every().into_iter().all(|wanted| {
            COVERING.into_iter().any(|had| places.iter().all(|at| bits(had)[*at] == bits(wanted)[*at]))
        })
    })
}
