//! The tables themselves, and the page made of them.

use std::collections::BTreeSet;

use super::super::command::Way;
use super::super::commands::commands;
use super::super::methods::METHODS;
use super::super::reference;
use crate::Capability;

/// The channels that the server registers (`registerChannel` in `out/server-main.js` of Code 1.139.1).
const CHANNELS: [&str; 18] = [
    "NativeMcpDiscoveryHelper",
    "agentHostProxy",
    "extensionGalleryManifest",
    "extensionhostdebugservice",
    "extensions",
    "languagePacks",
    "logger",
    "mcpGalleryManifest",
    "mcpGateway",
    "mcpManagement",
    "remoteExtensionsScanner",
    "remoteFilesystem",
    "remoteextensionsenvironment",
    "remoteterminal",
    "request",
    "sandboxHelper",
    "telemetry",
    "userDataProfiles",
];

#[test]
fn every_channel_of_the_server_is_in_the_tables() {
    let found: BTreeSet<&str> = commands().map(|command| command.channel).collect();
    assert_eq!(found, CHANNELS.into_iter().collect());
}

#[test]
fn a_command_is_in_one_row() {
    let mut seen = BTreeSet::new();
    for command in commands() {
        let way = command.way == Way::Listen;
        assert!(seen.insert((command.channel, command.name, way)), "{}.{}", command.channel, command.name);
        assert!(!command.needs.is_empty());
    }
    let names: BTreeSet<&str> = METHODS.iter().map(|method| method.name).collect();
    assert_eq!(names.len(), METHODS.len());
}

#[test]
fn all_that_names_a_file_says_where() {
    for command in commands().filter(|command| command.channel == "remoteFilesystem") {
        let nameless = ["close", "read", "write", "unwatch", "fileChange"].contains(&command.name);
        assert_eq!(command.paths.is_empty(), nameless, "{}", command.name);
    }
}

#[test]
fn all_that_runs_something_takes_a_shell() {
    for name in [
        "$createProcess",
        "$input",
        "$start",
        "$processBinary",
        "$reviveTerminalProcesses",
        "$attachToProcess",
    ] {
        let row = commands().find(|command| command.name == name).expect("a row");
        assert!(row.needs.contains(&Capability::Shell), "{name}");
    }
}

#[test]
fn the_reference_is_written_from_the_tables() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ides/code-server.md");
    if std::env::var_os("PORTCULLIS_GENERATE").is_some() {
        std::fs::create_dir_all(file.parent().expect("it has a folder")).expect("it can be made");
        std::fs::write(&file, reference()).expect("it can be written");
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(written == reference(), "docs/ides/code-server.md is stale: PORTCULLIS_GENERATE=1 writes it");
}
