//! JupyterLab 4 and Notebook 7: the routes as data, and the decision.

use crate::{Ask, BodyRule, Capability, Flags, Forward, PathRule, QueryRule, Row, SocketRule, Verdict};

/// The table.
pub const ROWS: &[Row] = &[];

pub(crate) fn decide(_flags: &Flags, _ask: &Ask<'_>) -> Verdict {
    Verdict::Forward(Forward {
        capability: Capability::Unknown,
        activity: false,
        body: BodyRule::Stream,
        paths: PathRule::None,
        transfer: None,
        socket: SocketRule::None,
        query: QueryRule::Keep,
    })
}

pub(crate) fn judge_body(flags: &Flags, ask: &Ask<'_>, _body: &[u8]) -> Verdict {
    decide(flags, ask)
}
