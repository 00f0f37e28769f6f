//! The rules a target decides under: every IDE, and each flag by itself, made once.

use std::sync::{Arc, LazyLock};

use portcullis_conf::{Settings, Sources, load};
use portcullis_model::session::Ide;
use portcullis_policy::{Adapters, Ask, Flags, flag};

/// Every IDE that is built in, and a declared application.
pub static IDES: LazyLock<Vec<Ide>> = LazyLock::new(|| Ide::BUILT_IN.to_vec());

/// Flags with a name: none, each alone, and all.
pub static FLAGS: LazyLock<Vec<(String, Arc<Flags>)>> = LazyLock::new(|| {
    let lines: Vec<String> = flag::ALL.iter().map(|about| restricting(about.name)).collect();
    let one =
        |lines: &str| Arc::new(Flags::resolve(&settings(lines), &"alice".parse().expect("a name"), &[]));
    let mut all = vec![("none".to_owned(), one(""))];
    let alone = flag::ALL.iter().zip(&lines).map(|(about, line)| (about.name.to_owned(), one(line)));
    // Some flags restrict nothing of what these targets see, and one may refuse every start.
    all.extend(alone.filter(|(_, flags)| flags.restrictive()));
    all.push(("all".to_owned(), one(&lines.concat())));
    all
});

/// What an administrator added: nothing.
pub static ADAPTERS: LazyLock<Adapters> = LazyLock::new(|| Adapters::new(&settings("")));

/// A line of `rsession.conf` by which a flag takes something away.
pub fn restricting(flag: &str) -> String {
    let value = if flag.starts_with("allow-") { 0 } else { 1 };
    format!("{flag}={value}\n")
}

fn settings(rsession: &str) -> Settings {
    let files = [("rsession.conf".to_owned(), rsession.to_owned())];
    load(&Sources::new("/etc/rstudio", files)).settings
}

/// A request without anything out of the ordinary.
pub fn ask<'a>(method: &'a str, target: &'a str, upgrade: bool) -> Ask<'a> {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let content_length = matches!(method, "PUT" | "POST" | "PATCH").then_some(100);
    Ask {
        method,
        path,
        query,
        upgrade,
        subprotocol: None,
        content_length,
        wants_html: false,
        port_token: None,
    }
}
