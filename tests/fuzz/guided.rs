//! libFuzzer's driver: one target, named by `PORTCULLIS_FUZZ`. Built and started by `cargo xtask fuzz`.
//!
//! Before libFuzzer reads its corpus and its dictionary, both are written: the target's seeds into the folder that
//! `PORTCULLIS_FUZZ_SEEDS` names, its words into the file of `PORTCULLIS_FUZZ_WORDS`.
#![no_main]
#![expect(clippy::print_stdout, reason = "a list of names is asked for")]

use std::sync::LazyLock;

use portcullis_fuzz::{Target, named, targets};

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("PORTCULLIS_FUZZ").unwrap_or_default();
    named(&name).unwrap_or_else(|| panic!("PORTCULLIS_FUZZ names no target: {name}"))
});

fn prepare() {
    if std::env::var_os("PORTCULLIS_FUZZ_LIST").is_some() {
        targets::ALL.iter().for_each(|target| println!("{}", target.name));
        // libFuzzer has no other way out, and nothing is open.
        #[expect(clippy::exit, clippy::disallowed_methods, reason = "libFuzzer owns `main`")]
        std::process::exit(0);
    }
    if let Some(folder) = std::env::var_os("PORTCULLIS_FUZZ_SEEDS") {
        for (at, seed) in (TARGET.seeds)().iter().enumerate() {
            let path = std::path::Path::new(&folder).join(format!("seed-{at}"));
            std::fs::write(path, seed).expect("a seed can be written");
        }
    }
    if let Some(file) = std::env::var_os("PORTCULLIS_FUZZ_WORDS") {
        let line = |word: &&str| {
            let bytes: String = word.bytes().map(|byte| format!("\\x{byte:02x}")).collect();
            format!("\"{bytes}\"\n")
        };
        let lines: String = TARGET.words.iter().map(line).collect();
        std::fs::write(file, lines).expect("the words can be written");
    }
}

libfuzzer_sys::fuzz_target!(init: prepare(), |data: &[u8]| {
    (TARGET.run)(data);
});
