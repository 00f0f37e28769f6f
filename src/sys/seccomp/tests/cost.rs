//! What a filter costs: how many programs there are, and for which calls the kernel has to run them.

use std::collections::BTreeSet;

use super::ALL;
use crate::seccomp::{Answer, Filter, Program, Sets, When, rows};

const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const AND: u16 = 0x54; // BPF_ALU | BPF_AND | BPF_K
const GO_ON: u16 = 0x05; // BPF_JMP | BPF_JA
const RETURN: u16 = 0x06; // BPF_RET | BPF_K
#[cfg(target_arch = "x86_64")]
const ARCH: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const ARCH: u32 = 0xC000_00B7;

/// The answer, if the number alone decides: the kernel finds that out in the same way when the program is loaded
/// (`seccomp_is_const_allow`), and never runs the program for calls that always pass.
fn answer_by_number(program: &Program, number: u32) -> Option<u32> {
    let (mut held, mut at) = (0, 0);
    loop {
        let step = program.code[at];
        let jump = |so: bool| usize::from(if so { step.jt } else { step.jf });
        at += 1;
        match step.code {
            LOAD if step.k == 0 => held = number,
            LOAD if step.k == 4 => held = ARCH,
            AND => held &= step.k,
            GO_ON => at += step.k as usize,
            RETURN => return Some(step.k),
            0x15 => at += jump(held == step.k),
            0x25 => at += jump(held > step.k),
            0x35 => at += jump(held >= step.k),
            0x45 => at += jump(held & step.k != 0),
            _ => return None,
        }
    }
}

fn passes_unasked(filter: &Filter, number: u32) -> bool {
    filter.programs.iter().all(|it| answer_by_number(it, number) == Some(libc::SECCOMP_RET_ALLOW))
}

/// The kernel runs programs for these alone, and two of them at most.
#[test]
fn only_calls_whose_arguments_count_are_looked_at() {
    for sets in [Sets::default(), ALL] {
        let filter = Filter::new(sets).expect("compiled");
        assert!(filter.programs.len() <= 2, "{}", filter.programs.len());
        let listed: BTreeSet<u32> = rows()
            .filter(|(set, _)| set.is_in(sets))
            .flat_map(|(_, rows)| rows)
            .filter_map(|row| u32::try_from(row.number).ok())
            .collect();
        let asked: BTreeSet<u32> = (0..500).filter(|number| !passes_unasked(&filter, *number)).collect();
        assert_eq!(asked, listed.into_iter().filter(|number| *number < 500).collect());
    }
}

#[test]
fn files_cost_no_run_of_a_program() {
    let filter = Filter::new(Sets::default()).expect("compiled");
    let calls = [
        libc::SYS_openat,
        libc::SYS_read,
        libc::SYS_write,
        libc::SYS_close,
        libc::SYS_newfstatat,
        libc::SYS_statx,
        libc::SYS_lseek,
        libc::SYS_getdents64,
        libc::SYS_renameat2,
        libc::SYS_unlinkat,
        libc::SYS_mkdirat,
        libc::SYS_readlinkat,
        libc::SYS_fsync,
        libc::SYS_mmap,
        libc::SYS_munmap,
        libc::SYS_copy_file_range,
    ];
    for call in calls {
        assert!(passes_unasked(&filter, u32::try_from(call).expect("a number")), "{call}");
    }
    // The control: this one's argument counts.
    assert!(!passes_unasked(&filter, u32::try_from(libc::SYS_ioctl).expect("a number")));
}

/// Where a call has rows with several answers, each still has its own.
#[test]
fn one_program_gives_each_of_its_answers() {
    let filter = Filter::new(Sets::default()).expect("compiled");
    for answer in Answer::ALL {
        let word = libc::SECCOMP_RET_ERRNO | answer.errno().unsigned_abs();
        let with = filter.programs.iter().filter(|program| {
            program.flags == answer.flags()
                && program.code.iter().any(|step| (step.code, step.k) == (RETURN, word))
        });
        assert_eq!(with.count(), 1, "{answer}");
    }
    let always = |number| {
        rows().flat_map(|(_, rows)| rows).any(|row| row.number == number && matches!(row.when, When::Always))
    };
    assert!(always(libc::SYS_bpf));
    let bpf = u32::try_from(libc::SYS_bpf).expect("a number");
    let answers: Vec<_> = filter.programs.iter().map(|program| answer_by_number(program, bpf)).collect();
    assert!(answers.contains(&Some(libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs())), "{answers:x?}");
}
