//! Other people's sockets and ports, addresses that a session may not reach, and doors opened for others.

use super::{c, r, way};
use crate::attempt::{
    Attempt,
    Evidence::{Denied, Known, NotThere},
    Flags::{Open, Shut},
};

const C: &str = "c/network.c";
const RULES: &str = "rules on connections and packets (BPF on the session's control group)";
const OWN_NETWORK: &str = "a network of the session's own";
const HIDDEN: &str = "the socket is hidden from the session";

pub(super) const ROWS: &[Attempt] = &[
    way(
        c(C, "session-port"),
        Open,
        "connects to the port of another user's session",
        RULES,
        &[Denied("connect")],
    ),
    way(c(C, "mapped"), Open, "the same by an IPv4 address in an IPv6 one", RULES, &[Denied("connect")]),
    way(
        c(C, "fast-open"),
        Open,
        "the same by TCP Fast Open, without `connect()`",
        RULES,
        &[Denied("sendto"), Denied("sendmsg"), Denied("connect")],
    ),
    way(c(C, "mptcp"), Open, "the same by MPTCP", "seccomp", &[Denied("socket")]),
    way(c(C, "metadata"), Open, "connects to a cloud's metadata address", RULES, &[Denied("connect")]),
    way(
        c(C, "datagram-metadata"),
        Open,
        "sends a datagram to a metadata address",
        RULES,
        &[Denied("connect"), Denied("send")],
    ),
    way(
        c(C, "egress"),
        Open,
        "connects to an address outside of the allowed networks",
        RULES,
        &[Denied("connect")],
    ),
    way(c(C, "datagram"), Open, "sends a datagram there", RULES, &[Denied("sendto"), Denied("sendmsg")]),
    way(
        c(C, "listen"),
        Open,
        "listens on all addresses, and another user's session connects",
        RULES,
        &[Denied("connect"), Denied("packet")],
    ),
    way(
        r("socket"),
        Shut,
        "`socketConnection()` to the port of another user's session",
        OWN_NETWORK,
        &[Denied("connect"), NotThere("the session's own network has no such port")],
    ),
    way(
        r("download"),
        Shut,
        "`socketConnection()` to a metadata address",
        OWN_NETWORK,
        &[Denied("connect"), NotThere("the session's own network has no such address")],
    ),
    way(
        c(C, "abstract"),
        Open,
        "connects to another user's abstract Unix socket",
        "Landlock's scope",
        &[Denied("abstract"), Denied("connect"), Denied("unix")],
    ),
    way(
        c(C, "bobs-socket"),
        Open,
        "connects to another user's Unix socket in a folder outside",
        "Landlock, from version 9",
        &[
            Denied("bob.sock"),
            Known(
                "Landlock rules Unix sockets in folders from version 9 on; before, only what lies in /run is hidden",
            ),
        ],
    ),
    way(
        c(C, "service"),
        Open,
        "connects to a service of the machine that anybody may use (`docker.sock`)",
        HIDDEN,
        &[Denied("service"), Denied("connect"), NotThere("it is hidden from the session")],
    ),
    way(
        c(C, "manager"),
        Open,
        "has the user's own manager outside of the session run a program (as `systemd-run --user`)",
        HIDDEN,
        &[Denied("bus"), Denied("connect"), NotThere("/run/user is hidden from the session")],
    ),
    way(
        c(C, "other-session"),
        Open,
        "connects to the IDE of another session of the same user",
        HIDDEN,
        &[Denied("ide.sock"), Denied("connect"), NotThere("other sessions' folders are hidden")],
    ),
];
