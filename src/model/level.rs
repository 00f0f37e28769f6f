//! How strongly a flag holds: the one scale of pages, reports and decisions.

/// How strongly a flag holds; the order is the strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// It doesn't.
    None,
    /// The IDE's own switch is set; code of the person can undo it.
    Ide,
    /// No request passes the proxy; code in a kernel or terminal is not bound by it.
    Proxy,
    /// The kernel of the operating system holds it, for every process of the session.
    Kernel,
}

impl Level {
    /// The word of pages and reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Ide => "ide",
            Self::Proxy => "proxy",
            Self::Kernel => "kernel",
        }
    }
}
