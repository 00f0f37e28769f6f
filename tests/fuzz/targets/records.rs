//! Records of the kernel's audit: text that users chose, in the kernel's own form.

use std::time::{Duration, Instant};

use portcullis_sys::audit::{Assembler, Record, address};

use crate::Target;

/// Whatever comes is bounded, and complete or expired in the end.
pub(super) const RECORDS: Target = Target {
    name: "records",
    run: records,
    seeds,
    words: &[
        "audit(1.2:3): ",
        "a0=",
        "a1[0]=",
        "a1_len=",
        "argc=",
        "\"",
        "name=",
        "blockers=",
        "saddr=",
        "2F",
        "(null)",
    ],
};

/// Longest text kept of one argument, and of all; see `portcullis_sys::audit::Args`.
const ARG_MAX: usize = 4096;
/// See [`ARG_MAX`].
const ARGS_MAX: usize = 256;

/// Lines, each of which begins with the number of its kind in the list.
fn records(data: &[u8]) {
    const KINDS: [u16; 12] = [1006, 1300, 1302, 1305, 1306, 1307, 1309, 1318, 1320, 1326, 1423, 1424];
    let now = Instant::now();
    let mut assembler = Assembler::default();
    let mut acts = Vec::new();
    for line in data.split(|&byte| byte == b'\n') {
        let [first, text @ ..] = line else { continue };
        let kind = KINDS[usize::from(*first) % KINDS.len()];
        let Some(record) = Record::parse(kind, text) else { continue };
        // Every field is somewhere in the text, and there are no more than words.
        assert!(record.fields().count() <= text.len());
        for (_, value) in record.fields() {
            assert!(value.text(16).is_none_or(|text| text.len() <= 16));
            let _ = (value.number::<i64>(), value.hex(), value.word());
        }
        acts.extend(assembler.take(&record, now));
    }
    acts.extend(assembler.expired(now + Duration::from_secs(60)));
    assembler.lost(now + Duration::from_secs(60));
    assert!(assembler.is_idle(), "something waits for ever");
    for act in acts {
        let _ = act.address.as_deref().and_then(address);
        let Some(args) = act.args else { continue };
        let texts = args.texts();
        assert!(texts.len() <= ARGS_MAX);
        // What is no UTF-8 takes three bytes for one.
        assert!(texts.iter().all(|text| text.len() <= 3 * ARG_MAX));
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let event = [
        (1, r#"audit(1.5:7): arch=c000003e syscall=59 success=yes exit=0 a0=1 pid=11 euid=0 ses=3 exe="/x""#),
        (6, r#"audit(1.5:7): argc=3 a0="x" a1=74776F a2_len=4 a2[0]="ab" a2[1]=6364"#),
        (5, "audit(1.5:7): cwd=2F6120"),
        (2, r#"audit(1.5:7): item=0 name="/bin/x" nametype=NORMAL"#),
        (4, "audit(1.5:7): saddr=020000507F000001"),
        (10, r#"audit(1.5:8): domain=1a blockers=fs.execute path="/x" daddr=127.0.0.1 dest=9 opid=1"#),
        (9, r#"audit(1.5:9): ses=3 pid=1 exe="/x" arch=c000003e syscall=321"#),
        (0, "audit(1.5:10): old-ses=3 ses=4 res=1"),
        (8, "audit(1.5:7): "),
    ];
    let lines = event.map(|(kind, text)| [&[kind], text.as_bytes()].concat());
    vec![lines.join(&b'\n'), lines[1].clone()]
}
