//! Applications and administrators' rows: what they take, what they can't give, how they start.

mod rows;
mod starting;

use portcullis_conf::{Loaded, Sources, load};
use portcullis_model::session::Ide;

use crate::{Adapters, Ask, Flags, Refusal, Setting, Verdict, decide};

type Change = fn(&mut Flags);

const SHELL: Change = |f| f.shell = Setting::at(false, "rsession.conf", 3);
const UPLOADS: Change = |f| f.uploads = Setting::at(false, "rsession.conf", 3);
const DOWNLOADS: Change = |f| f.downloads = Setting::at(false, "rsession.conf", 3);
const FOLDERS: Change = |f| f.restrict_directories = Setting::at(true, "rsession.conf", 3);
const VCS: Change = |f| f.vcs = Setting::at(false, "rsession.conf", 3);
const LIMIT: Change = |f| f.upload_limit_mb = Setting::at(1, "rsession.conf", 3);

fn loaded(text: &str) -> Loaded {
    let loaded = load(&Sources::new("/c", [("adapters.conf".to_owned(), text.to_owned())]));
    assert!(loaded.is_usable(), "{:?}", loaded.problems);
    loaded
}

fn adapters(text: &str) -> Adapters {
    Adapters::new(&loaded(text).settings)
}

fn app(name: &str) -> Ide {
    Ide::App(name.parse().expect("a name"))
}

/// `GET /x`, or `WS /x` for a WebSocket.
fn ask(request: &str) -> Ask<'_> {
    let (method, path) = request.split_once(' ').expect("method and path");
    let upgrade = method == "WS";
    let method = if upgrade { "GET" } else { method };
    Ask {
        method,
        path,
        query: None,
        upgrade,
        subprotocol: None,
        content_length: Some(5),
        wants_html: false,
        port_token: None,
    }
}

fn verdict(adapters: &Adapters, ide: Ide, change: Change, request: &str) -> Verdict {
    let mut flags = Flags::default();
    change(&mut flags);
    decide(adapters, ide, &flags, &ask(request))
}

fn passes(adapters: &Adapters, ide: Ide, change: Change, request: &str) -> bool {
    verdict(adapters, ide, change, request).is_forward()
}

fn refusal(adapters: &Adapters, ide: Ide, change: Change, request: &str) -> Refusal {
    match verdict(adapters, ide, change, request) {
        Verdict::Refuse(refusal) => *refusal,
        Verdict::Forward(forward) => panic!("{request} passed: {forward:?}"),
    }
}
