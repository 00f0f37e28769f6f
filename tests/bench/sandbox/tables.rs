//! Tables and bars of the work.

use super::work::{CONNECTIONS, FILES, PROGRAMS};
use crate::report::{Bar, Row, Table};
use crate::stats;

/// Microseconds that the record of programs may add to one.
const MORE_US: f64 = 60.0;
/// What "no measurable change" means.
const RATIO: f64 = 1.02;
/// The place of the work that is nothing but system calls: what any rules at all cost there is the kernel's, and measured apart.
const TREE: usize = 1;
/// Places of the ways that bars are about.
const OUTSIDE: usize = 0;
const SANDBOX: usize = 2;
const RECORDED: usize = 3;
/// The way that is measured by itself, and behind it the outside of the same rounds.
const REFUSALS: usize = 4;

/// Kinds of work in their order, and those that must not change measurably.
const PIECES: [(&str, bool); 6] = [
    ("a package installed", true),
    ("a tree of files", false),
    ("files in memory", false),
    ("imports", false),
    ("connections", false),
    ("numpy", true),
];

/// Wall-clock and processor time of a piece of work in microseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Took {
    /// By the clock.
    pub(super) wall: f64,
    /// Of processors, in the kernel too.
    pub(super) cpu: f64,
}

/// What a way is compared with: the outside of its own rounds.
const fn outside_of(way: usize) -> usize {
    if way == REFUSALS { REFUSALS + 1 } else { OUTSIDE }
}

/// Programs that are started; `samples` has a list for each way.
pub(super) fn programs(names: &[&str], samples: &[Vec<Took>], bars: &mut Vec<Bar>) -> Table {
    let each: Vec<Vec<f64>> =
        samples.iter().map(|way| way.iter().map(|took| took.wall / f64::from(PROGRAMS)).collect()).collect();
    let more = |at: usize, than: usize| stats::median(each[at].iter().zip(&each[than]).map(|(a, b)| a - b));
    bars.push(Bar::at_most("a program started, µs more with its record", MORE_US, more(RECORDED, SANDBOX)));
    let rows = names.iter().enumerate().map(|(at, name)| Row {
        target: (*name).into(),
        figures: vec![
            Some(stats::median(each[at].iter().copied())),
            (at > 0).then(|| more(at, outside_of(at))),
        ],
    });
    Table {
        title: "A program".into(),
        how: format!(
            "A static program is started and waited for {PROGRAMS} times in a row. What is not recorded is out of the kernel's audit \
             system, as on a machine where nothing is audited."
        ),
        columns: vec!["µs".into(), "more µs than outside".into()],
        rows: rows.collect(),
    }
}

/// Everything else; `samples` has for each kind of work a list for each way.
pub(super) fn pieces(names: &[&str], samples: &[Vec<Vec<Took>>], bars: &mut Vec<Bar>) -> Table {
    let cpu = |kind: usize, at: usize| samples[kind][at].iter().map(|took| took.cpu).collect::<Vec<_>>();
    let ratio = |kind: usize, at: usize| stats::median_ratio(&cpu(kind, at), &cpu(kind, outside_of(at)));
    for (kind, (piece, barred)) in PIECES.iter().enumerate().take(samples.len()) {
        for (at, with) in [(SANDBOX, "sandbox"), (RECORDED, "sandbox, programs recorded")] {
            if *barred {
                bars.push(Bar::at_most(format!("{piece}, × outside ({with})"), RATIO, ratio(kind, at)));
            }
        }
    }
    let rows = names.iter().enumerate().map(|(at, name)| Row {
        target: (*name).into(),
        figures: (0..samples.len())
            .flat_map(|kind| [Some(stats::median(cpu(kind, at)) / 1e3), Some(ratio(kind, at))])
            .collect(),
    });
    Table {
        title: "Work".into(),
        how: format!(
            "Processor time. A package installed: a hundred files of source are unpacked, compared with their hashes, compiled and loaded, as pip \
             does it. A tree of files: a part of Python's own library is copied into a home on the machine's disk, read, looked at and \
             renamed, by Python: hardly anything but system calls, which any sandbox slows (see below). Files in memory: {FILES} files of 2 KiB are made, looked at, read and removed in /dev/shm, the worst \
             case: nothing but system calls is left. Imports: a Python loads a good part of the standard library. Connections: {CONNECTIONS} by TCP to a port of its own on \
             loopback, under the rules that every confined session has. numpy: \
             singular values, products and roots on one thread. Each round has eight turns of the package, the tree and numpy; ratios are \
             medians of each turn's own, and the ways change places from turn to turn. The last way has a third of \
             the rounds: its rules for the kernel's audit system (`audit-refusals=1`) slow down every call of all that is audited."
        ),
        columns: PIECES[..samples.len()]
            .iter()
            .flat_map(|(name, _)| [format!("{name} ms"), "× outside".to_owned()])
            .collect(),
        rows: rows.collect(),
    }
}

/// What rules of Landlock's and a filter cost by themselves; `samples` has the tree of files bare, with rules, with a filter, and
/// with both, and `work` what [`pieces`] has. The bar: our rules and filters against those that do nothing.
pub(super) fn own_price(samples: &[Vec<Took>; 4], work: &[Vec<Vec<Took>>], bars: &mut Vec<Bar>) -> Table {
    let cpu = |way: &[Took]| way.iter().map(|took| took.cpu).collect::<Vec<_>>();
    let least = stats::median_ratio(&cpu(&samples[3]), &cpu(&samples[0]));
    for (at, with) in [(SANDBOX, "sandbox"), (RECORDED, "sandbox, programs recorded")] {
        let ours = stats::median_ratio(&cpu(&work[TREE][at]), &cpu(&work[TREE][OUTSIDE]));
        let bar =
            format!("a tree of files, × the least that rules and a filter cost on this kernel ({with})");
        bars.push(Bar::at_most(bar, RATIO, ours / least));
    }
    let figures = samples.each_ref().map(|way| way.iter().map(|took| took.cpu).collect::<Vec<_>>());
    let names = [
        "outside",
        "outside, two rules that allow everything",
        "outside, a filter that lets everything pass",
        "outside, both",
    ];
    let rows = names.into_iter().zip(&figures).enumerate().map(|(at, (name, way))| Row {
        target: name.into(),
        figures: vec![
            Some(stats::median(way.iter().copied()) / 1e3),
            (at > 0).then(|| stats::median_ratio(way, &figures[0])),
        ],
    });
    Table {
        title: "What the kernel asks for itself".into(),
        how: "The tree of files once more, outside, by a process that sets itself two rules of Landlock's which allow everything, a filter \
              for system calls that lets everything pass, or both: the least that any sandbox of these two costs on this kernel, \
              whoever makes it. In turns with the same without."
            .into(),
        columns: vec!["a tree of files ms".into(), "× outside".into()],
        rows: rows.collect(),
    }
}
