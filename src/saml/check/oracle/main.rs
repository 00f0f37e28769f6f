//! Other people's programs say the same: `xmllint` of the canonical form, `xmlsec1` of signatures and encryption, both ways;
//! and samlp, a provider, is asked and answers.
//!
//! Where one of them is not installed, its tests say that they were skipped, and why.

mod documents;
mod encryption;
mod provider;
mod signatures;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail, ensure};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use portcullis_saml::parts;
use portcullis_testing::case;

use documents::Random;

/// Documents whose canonical form is compared. Enough to meet each pair of the generator's features hundreds of times.
const DOCUMENTS: u64 = 2000;
/// Documents for one run of the program.
const BATCH: u64 = 50;

fn main() -> std::process::ExitCode {
    let trials = vec![
        trial("the_canonical_form_is_xmllints", "xmllint", "libxml2-utils", canonical_form),
        trial("what_xmlsec_signs_is_verified", "xmlsec1", "xmlsec1", signatures::theirs),
        trial("what_we_sign_xmlsec_verifies", "xmlsec1", "xmlsec1", signatures::ours),
        trial("what_xmlsec_encrypts_is_opened", "xmlsec1", "xmlsec1", encryption::theirs),
        case("what_samlp_answers_is_believed_or_refused", provider::answers),
        trial("what_the_tests_encrypt_xmlsec_opens", "xmlsec1", "xmlsec1", encryption::ours),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn trial(name: &str, program: &'static str, package: &'static str, body: fn(&Path) -> Result<()>) -> Trial {
    Trial::ignorable_test(name, move || {
        if Command::new(program).arg("--version").stdin(Stdio::null()).output().is_err() {
            return Ok(Completion::ignored_with(format!("{program} is not installed (package {package})")));
        }
        let folder = tempfile::tempdir().map_err(|error| Failed::from(error.to_string()))?;
        body(folder.path()).map_err(|error| Failed::from(format!("{error:#}")))?;
        Ok(Completion::Completed)
    })
}

fn run(program: &str, folder: &Path, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command.output().with_context(|| format!("{program} does not start"))
}

/// What a program that must succeed writes.
fn written(program: &str, folder: &Path, arguments: &[&str]) -> Result<Vec<u8>> {
    let output = run(program, folder, arguments)?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {arguments:?}: {said}");
    Ok(output.stdout)
}

fn canonical_form(folder: &Path) -> Result<()> {
    let mut random = Random::new(1);
    for first in (0..DOCUMENTS).step_by(usize::try_from(BATCH)?) {
        let texts: Vec<String> = (0..BATCH).map(|_| documents::document(&mut random)).collect();
        let names: Vec<String> = (0..BATCH).map(|at| format!("{}.xml", first + at)).collect();
        let mut ours = Vec::new();
        for (name, text) in names.iter().zip(&texts) {
            std::fs::write(folder.join(name), text)?;
            ours.push(parts::canonical(text.as_bytes(), &[]).with_context(|| text.clone())?);
        }
        let mut arguments = vec!["--exc-c14n"];
        arguments.extend(names.iter().map(String::as_str));
        if written("xmllint", folder, &arguments)? == ours.concat() {
            continue;
        }
        for ((name, text), ours) in names.iter().zip(&texts).zip(&ours) {
            let theirs = written("xmllint", folder, &["--exc-c14n", name])?;
            if &theirs != ours {
                let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                bail!("document\n{text}\nours\n{}\ntheirs\n{}", shown(ours), shown(&theirs));
            }
        }
        bail!("{first}: a batch differs from its parts");
    }
    Ok(())
}
