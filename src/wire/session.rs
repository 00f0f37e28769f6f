//! What a session process is told, and what it tells.

use std::net::SocketAddr;

use portcullis_model::sandbox::Sandbox;
use portcullis_model::session::{IdeCommand, Step, Transport};
use portcullis_model::{Gid, SessionId, Uid, UserName};
use serde::{Deserialize, Serialize};

/// Everything a session process needs, read from descriptor 3 at its start; nothing secret is in its arguments.
///
/// Descriptor 4 is the control socket (listening, `SOCK_SEQPACKET`); 5 the bound TCP listener when there is one;
/// 6 the launcher's end to report to until the launcher connects to the control socket itself, 7 what the rules on connections
/// refuse, where there are rules.
#[derive(Debug, Serialize, Deserialize)]
pub struct SessionSpec {
    /// Which session.
    pub id: SessionId,
    /// Whose.
    pub user: UserName,
    /// To become.
    pub uid: Uid,
    /// To become.
    pub gid: Gid,
    /// Supplementary groups, already set by the keeper (PAM may have added some); to be found again after the drop.
    pub groups: Vec<Gid>,
    /// The proxy's account: the only peer that is served.
    pub proxy_uid: Uid,
    /// How the proxy's bytes come.
    pub transport: Transport,
    /// The session's private directory, 0700, owned by the user.
    pub dir: String,
    /// The session's control group: a directory in each hierarchy that it is in by [`Go`], none where there is no group. Its
    /// limits are set by then.
    pub cgroups: Vec<String>,
    /// What to run.
    pub command: IdeCommand,
    /// What confines it: keeper and session process put all of it in force, or there is no session.
    pub sandbox: Sandbox,
    /// Seconds until the IDE must answer.
    pub answer_within: u32,
    /// Seconds between asking the IDE to end and ending it.
    pub end_within: u32,
}

/// Keeper to session, some time after the [`SessionSpec`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Go {
    /// The session process is in its control groups, with the rules on connections in force. Before this it makes only what is
    /// made by root: it becomes nobody and starts nothing.
    InForce,
}

/// Launcher to session.
#[derive(Debug, Serialize, Deserialize)]
pub enum Order {
    /// Say again where you are (a launcher that was restarted asks).
    Status,
    /// End the IDE and all processes, then exit.
    End,
    /// Ask the IDE, which is RStudio's session, to save its state and to go: it does if nothing runs in it, or always when
    /// `forced`, within the time for an end.
    Suspend {
        /// Whatever runs in it.
        forced: bool,
    },
}

/// Session to launcher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Report {
    /// Became the user; the proof line.
    Proof(String),
    /// A step began.
    Step(Step),
    /// The IDE answers.
    Running,
    /// The start failed at a step; why, and the last lines of output.
    Failed {
        /// Where.
        step: Step,
        /// Why.
        why: String,
        /// Output.
        output: Vec<String>,
    },
    /// The IDE exited by itself.
    IdeExited {
        /// Exit status or signal in words.
        status: String,
        /// Output.
        output: Vec<String>,
    },
    /// Somebody who is not the proxy connected.
    PeerRefused {
        /// Their uid, -1 when unknown.
        peer: i64,
        /// How many alike since the last report.
        count: u32,
    },
    /// The rules on connections refused one.
    ConnectionRefused {
        /// Where to.
        target: SocketAddr,
        /// Whether a packet was dropped, where the system call had been let through.
        packet: bool,
        /// How many to that address since the last report.
        count: u32,
    },
    /// All processes are gone; the last message.
    Ended {
        /// Processes that had to be killed beside the IDE.
        left_over: u32,
    },
}

/// Server to session.
#[derive(Debug, Serialize, Deserialize)]
pub enum Ask {
    /// A connection to the IDE, please (beside the answer).
    Connect,
    /// Resolve these paths as the user: symlinks followed, `..` gone; a last component may be missing.
    Resolve {
        /// Absolute paths, at most 16.
        paths: Vec<String>,
    },
}

/// Session to server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// The descriptor beside this is connected to the IDE.
    Connected,
    /// The resolved paths, `None` where one can't be resolved.
    Resolved {
        /// In the order asked.
        paths: Vec<Option<String>>,
    },
    /// It couldn't; why, for the log.
    Failed {
        /// Why.
        why: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a session of an earlier version says and understands: an upgraded launcher and server speak to it.
    #[test]
    fn sessions_of_before_an_upgrade_are_understood() {
        fn same<T: Serialize>(message: &T, bytes: &[u8]) {
            let encoded = postcard::to_slice(message, &mut [0; 64]).expect("it fits").to_vec();
            assert_eq!(encoded, bytes);
        }
        same(&Order::Status, &[0]);
        same(&Order::End, &[1]);
        same(&Report::Proof("p".into()), &[0, 1, b'p']);
        same(&Report::Step(Step::Answer), &[1, 4]);
        same(&Report::Running, &[2]);
        let failed = Report::Failed { step: Step::Port, why: "w".into(), output: vec!["o".into()] };
        same(&failed, &[3, 0, 1, b'w', 1, 1, b'o']);
        same(&Report::IdeExited { status: "s".into(), output: vec![] }, &[4, 1, b's', 0]);
        same(&Report::PeerRefused { peer: -1, count: 3 }, &[5, 1, 3]);
        let target = SocketAddr::from(([127, 0, 0, 1], 5));
        let refused = Report::ConnectionRefused { target, packet: true, count: 1 };
        same(&refused, &[6, 0, 127, 0, 0, 1, 5, 1, 1]);
        same(&Report::Ended { left_over: 2 }, &[7, 2]);
        same(&Ask::Connect, &[0]);
        same(&Ask::Resolve { paths: vec!["/".into()] }, &[1, 1, 1, b'/']);
        same(&Answer::Connected, &[0]);
        same(&Answer::Resolved { paths: vec![None, Some("/".into())] }, &[1, 2, 0, 1, 1, b'/']);
        same(&Answer::Failed { why: "w".into() }, &[2, 1, b'w']);
    }
}
