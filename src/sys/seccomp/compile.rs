//! From rows to the kernel's instructions.

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use super::FilterError;
use super::row::{Answer, Row, When};

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: TargetArch = TargetArch::aarch64;

/// A program's instructions.
pub(super) type Code = Vec<libc::sock_filter>;

/// One program: another architecture or numbering ends the process, the rows answer, everything else passes.
pub(super) fn program(rows: &[&Row], answer: Answer) -> Result<Code, FilterError> {
    let mut calls: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    let mut always = Vec::new();
    for row in rows {
        let rules = calls.entry(row.number).or_default();
        match alternatives(&row.when)? {
            None => always.push(row.number),
            Some(alternatives) => {
                for conditions in alternatives {
                    rules.push(SeccompRule::new(conditions)?);
                }
            }
        }
    }
    for number in always {
        calls.insert(number, Vec::new()); // the library's word for "whatever the arguments are"
    }
    let errno = SeccompAction::Errno(answer.errno().unsigned_abs());
    let filter = SeccompFilter::new(calls, SeccompAction::Allow, errno, ARCHITECTURE)?;
    let program = BpfProgram::try_from(filter)?;
    Ok(numbering().into_iter().chain(program.iter().map(plain)).collect())
}

/// One program the other way round: these calls pass, everything else is refused.
pub(super) fn only(numbers: &[libc::c_long]) -> Result<Code, FilterError> {
    let calls: BTreeMap<i64, Vec<SeccompRule>> = numbers.iter().map(|number| (*number, Vec::new())).collect();
    let errno = SeccompAction::Errno(Answer::Refused.errno().unsigned_abs());
    let filter = SeccompFilter::new(calls, errno, SeccompAction::Allow, ARCHITECTURE)?;
    Ok(numbering().into_iter().chain(BpfProgram::try_from(filter)?.iter().map(plain)).collect())
}

/// One program of several: where one would let a call pass, the next one is asked.
pub(super) fn one_after_the_other(parts: Vec<Code>) -> Code {
    const ANSWER: u16 = 0x06; // BPF_RET | BPF_K
    const GO_ON: u16 = 0x05; // BPF_JMP | BPF_JA
    let last = parts.len().saturating_sub(1);
    let parts = parts.into_iter().enumerate().flat_map(|(at, mut part)| {
        let length = part.len();
        for (place, step) in part.iter_mut().enumerate().filter(|_| at < last) {
            if (step.code, step.k) == (ANSWER, libc::SECCOMP_RET_ALLOW) {
                let left = u32::try_from(length - place - 1).unwrap_or(u32::MAX); // too far: the kernel takes no such program
                *step = libc::sock_filter { code: GO_ON, jt: 0, jf: 0, k: left };
            }
        }
        part
    });
    parts.collect()
}

fn plain(it: &seccompiler::sock_filter) -> libc::sock_filter {
    libc::sock_filter { code: it.code, jt: it.jt, jf: it.jf, k: it.k }
}

/// Conditions that hold together.
type Together = Vec<SeccompCondition>;

/// The condition as alternatives of conditions that hold together; `None` for always.
fn alternatives(when: &When) -> Result<Option<Vec<Together>>, BackendError> {
    let alone =
        |arg: u8, mask: u32, value: u32| Ok(vec![test(arg, SeccompCmpOp::MaskedEq(mask.into()), value)?]);
    let all: Result<Vec<Together>, BackendError> = match when {
        When::Always => return Ok(None),
        When::AnyOf(arg, bits) => bits.iter().map(|(_, bit)| alone(*arg, *bit, *bit)).collect(),
        When::Without(arg, (_, bit)) => alone(*arg, *bit, 0).map(|one| vec![one]),
        When::Is(arg, mask, values) => values.iter().map(|(_, value)| alone(*arg, *mask, *value)).collect(),
        When::IsNot(arg, values) => {
            let each = values.iter().map(|(_, value)| test(*arg, SeccompCmpOp::Ne, *value));
            each.collect::<Result<Together, _>>().map(|one| vec![one])
        }
        When::Both(first, second) => match (alternatives(first)?, alternatives(second)?) {
            (None, other) | (other, None) => return Ok(other),
            (Some(first), Some(second)) => {
                let both =
                    |a: &Together| second.iter().map(|b| [&a[..], &b[..]].concat()).collect::<Vec<_>>();
                Ok(first.iter().flat_map(both).collect())
            }
        },
    };
    all.map(Some)
}

fn test(arg: u8, is: SeccompCmpOp, value: u32) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(arg, SeccompCmpArgLen::Dword, is, value.into())
}

/// What stands before each program: the x32 numbers, which name the same architecture, end the process. The number -1 is the
/// kernel's own word for "skip this call".
#[cfg(target_arch = "x86_64")]
fn numbering() -> Vec<libc::sock_filter> {
    /// `__X32_SYSCALL_BIT`.
    const X32: u32 = 0x4000_0000;
    const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
    const AT_LEAST: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
    const IS: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
    const ANSWER: u16 = 0x06; // BPF_RET | BPF_K
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    vec![
        step(LOAD, 0, 0, 0), // seccomp_data.nr
        step(AT_LEAST, 0, 2, X32),
        step(IS, 1, 0, u32::MAX),
        step(ANSWER, 0, 0, libc::SECCOMP_RET_KILL_PROCESS),
    ]
}

/// There is one numbering only.
#[cfg(not(target_arch = "x86_64"))]
fn numbering() -> Vec<libc::sock_filter> {
    Vec::new()
}
