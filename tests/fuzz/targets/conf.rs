//! Configuration files.

use portcullis_conf::{Sources, load};

use crate::Target;

/// Any text in any file gives settings and problems, never a panic; a file that says nothing changes nothing.
pub(super) const CONF: Target = Target {
    name: "conf",
    run: conf,
    seeds,
    words: &[
        "=",
        "\n",
        "[",
        "]",
        "[*]",
        "[@staff]",
        "[alice]",
        "#",
        ";",
        "\u{feff}",
        "\r\n",
        "allow-shell",
        "0",
        "1",
        "session-limit=",
        "GET ",
        "/api/**",
        "needs",
        "app ",
        "18446744073709551616",
        "-1",
    ],
};

const FILES: &[&str] = &[
    "rserver.conf",
    "rsession.conf",
    "portcullis.conf",
    "profiles",
    "jupyter.conf",
    "vscode.conf",
    "ip-rules",
    "adapters.conf",
    "ldap.conf",
];

fn conf(data: &[u8]) {
    let [file, text @ ..] = data else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let file = FILES[usize::from(*file) % FILES.len()];
    let of = |text: &str| load(&Sources::new("/etc/rstudio", [(file.to_owned(), text.to_owned())]));
    let loaded = of(text);
    let _ = loaded.is_usable();
    for problem in &loaded.problems {
        assert!(!problem.text.is_empty());
    }
    let adapters = portcullis_policy::Adapters::new(&loaded.settings);
    for ide in crate::worlds::IDES.iter() {
        let _ = portcullis_policy::rows_of(&adapters, *ide).count();
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        "www-port=8787\nwww-address=127.0.0.1\n",
        "allow-shell=0\nlimit-file-upload-size-mb=5\n",
        "sign-in-failure-seconds=1\n",
        "[*]\nsession-limit=2\n\n[@staff]\nallow-shell=1\n",
        "jupyter-exe=/usr/bin/jupyter-lab\n",
        "enabled=1\n",
        "10.0.0.0/8 allow\n",
        "[jupyter]\nGET /my/**  browse\n",
    ];
    texts
        .iter()
        .enumerate()
        .map(|(at, text)| [&[u8::try_from(at).unwrap_or(0)], text.as_bytes()].concat())
        .collect()
}
