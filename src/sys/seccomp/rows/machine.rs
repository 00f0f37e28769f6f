//! What is the machine's and not a session's: root may do it elsewhere, not here (`allow-sudo`).

use super::super::row::{Answer, Row, WHOLE, When};
use super::row;

pub(super) const MACHINE: &[Row] = &[
    row!(SYS_kexec_load, Refused, "Another kernel."),
    row!(SYS_kexec_file_load, Refused, "Another kernel."),
    row!(SYS_init_module, Refused, "Code in the kernel."),
    row!(SYS_finit_module, Refused, "Code in the kernel."),
    row!(SYS_delete_module, Refused, "Code in the kernel."),
    row!(SYS_reboot, Refused, "The machine is others' too."),
    row!(SYS_swapon, Refused, "Memory of the machine."),
    row!(SYS_swapoff, Refused, "Memory of the machine."),
    row!(SYS_sethostname, Refused, "Name of the machine."),
    row!(SYS_setdomainname, Refused, "Name of the machine."),
    row!(SYS_settimeofday, Refused, "Clock of the machine: logs and sign-ins depend on it."),
    row!(SYS_clock_settime, Refused, "Clock of the machine."),
    row!(SYS_adjtimex, Refused, "Clock of the machine."),
    row!(SYS_clock_adjtime, Refused, "Clock of the machine."),
    row!(SYS_syslog, Refused, "The kernel's messages name addresses and other people's processes."),
    row!(SYS_vhangup, Refused, "Takes the terminal from everybody who uses it."),
];

pub(super) const PROCESSORS: &[Row] = &[row!(
    SYS_sched_setaffinity,
    Refused,
    "The session's processors are chosen for it. Libraries that bind threads to processors go on without."
)];

pub(super) const TERMINALS: &[Row] = &[
    row!(
        SYS_ioctl,
        When::Is(1, WHOLE, &[("TIOCSTI", 0x5412)]),
        Refused,
        "Types into a terminal as if the user had: a program would go on in the shell it was started from."
    ),
    row!(
        SYS_ioctl,
        When::Is(1, WHOLE, &[("TIOCLINUX", 0x541c)]),
        Refused,
        "Selects and pastes on a console: the same by another way."
    ),
    row!(
        SYS_ioctl,
        When::Is(1, WHOLE, &[("TIOCSETD", 0x5423)]),
        Refused,
        "Loads protocols for modems into the kernel, several with known holes."
    ),
];
