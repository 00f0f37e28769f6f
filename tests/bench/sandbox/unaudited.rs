//! Takes accounts out of the kernel's audit system, so that what runs as them costs what it costs on a machine where nothing is
//! audited: once the system has a rule, the kernel looks at every call of every other process. These are such rules themselves,
//! so they are set only where there are others.

use std::os::fd::{AsRawFd as _, OwnedFd};

use anyhow::{Context as _, Result, bail};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket,
};

// linux/audit.h
const AUDIT_ADD_RULE: u16 = 1011;
const AUDIT_DEL_RULE: u16 = 1012;
const AUDIT_LIST_RULES: u16 = 1013;
const AUDIT_FILTER_TASK: u32 = 1;
const AUDIT_NEVER: u32 = 0;
const AUDIT_LOGINUID: u32 = 9;
const AUDIT_EQUAL: u32 = 0x4000_0000;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_ACK: u16 = 0x4;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const FIELDS_MAX: usize = 64;

/// Rules that hold as long as this lives: processes made meanwhile by whoever signed in as one of these are never looked at.
#[derive(Debug)]
pub(super) struct Unaudited {
    netlink: OwnedFd,
    uids: Vec<u32>,
}

impl Unaudited {
    /// Sets the rules, if the system has any.
    ///
    /// # Errors
    /// When the kernel takes none.
    pub(super) fn new(uids: &[u32]) -> Result<Self> {
        let netlink =
            socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkAudit)
                .context("cannot open the kernel's audit system")?;
        let mut rules = Self { netlink, uids: Vec::new() };
        if !rules.others()? {
            return Ok(rules);
        }
        for uid in uids {
            rules.change(AUDIT_ADD_RULE, *uid)?;
            rules.uids.push(*uid);
        }
        Ok(rules)
    }

    /// Whether there are rules: each of them is told, then the end.
    fn others(&self) -> Result<bool> {
        self.ask(&message(AUDIT_LIST_RULES, &[]))?;
        match self.answer()? {
            (AUDIT_LIST_RULES, _) => {
                // The rest is read too, or it would be taken for the next answer.
                while self.answer()?.0 != NLMSG_DONE {}
                Ok(true)
            }
            (NLMSG_DONE, _) => Ok(false),
            (_, code) => bail!("the kernel's audit system doesn't list its rules (code {code})"),
        }
    }

    fn change(&self, kind: u16, uid: u32) -> Result<()> {
        self.ask(&message(kind, &rule(uid)))?;
        match self.answer()? {
            (NLMSG_ERROR, 0) => Ok(()),
            (_, code) => bail!("the kernel's audit system refused a rule (code {code})"),
        }
    }

    fn ask(&self, message: &[u8]) -> Result<()> {
        sendto(self.netlink.as_raw_fd(), message, &NetlinkAddr::new(0, 0), MsgFlags::empty())
            .context("cannot ask the kernel's audit system")?;
        Ok(())
    }

    /// The next answer: its kind, and the code of an acknowledgement.
    fn answer(&self) -> Result<(u16, i32)> {
        let mut answer = [0; 16 * 1024];
        let length = recv(self.netlink.as_raw_fd(), &mut answer, MsgFlags::empty()).context("no answer")?;
        // The end of a list is a head alone: the zeros behind it are as good as any code.
        if length < 16 {
            bail!("an answer of {length} bytes");
        }
        let kind = u16::from_ne_bytes([answer[4], answer[5]]);
        Ok((kind, i32::from_ne_bytes([answer[16], answer[17], answer[18], answer[19]])))
    }
}

impl Drop for Unaudited {
    fn drop(&mut self) {
        for uid in &self.uids {
            // What can't be removed harms nobody: it names an account that is gone.
            let _ = self.change(AUDIT_DEL_RULE, *uid);
        }
    }
}

/// `struct audit_rule_data`: filter, action, count of fields, mask of calls, fields, values, operators, length of the texts.
fn rule(uid: u32) -> Vec<u32> {
    let mut words = vec![AUDIT_FILTER_TASK, AUDIT_NEVER, 1];
    words.extend([0; FIELDS_MAX]);
    for first in [AUDIT_LOGINUID, uid, AUDIT_EQUAL] {
        words.push(first);
        words.extend([0; FIELDS_MAX - 1]);
    }
    words.push(0);
    words
}

/// A `struct nlmsghdr` and what follows it.
fn message(kind: u16, words: &[u32]) -> Vec<u8> {
    let length = 16 + 4 * words.len();
    let mut bytes = u32::try_from(length).unwrap_or(0).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    // A list ends by itself; an acknowledgement would come at any place in it.
    let flags = if words.is_empty() { NLM_F_REQUEST } else { NLM_F_REQUEST | NLM_F_ACK };
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(1_u32.to_ne_bytes());
    bytes.extend(0_u32.to_ne_bytes());
    words.iter().for_each(|word| bytes.extend(word.to_ne_bytes()));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_as_long_as_the_kernel_wants_it() {
        let message = message(AUDIT_ADD_RULE, &rule(1000));
        assert_eq!(message.len(), 16 + 1040);
        assert_eq!(message[16 + 4 * (3 + 64)], 9);
        assert_eq!(message[16 + 4 * (3 + 128)..][..4], 1000_u32.to_ne_bytes());
    }
}
