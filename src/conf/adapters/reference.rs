//! The reference of `adapters.conf` and its sample; called by `generate` only.

use std::fmt::Write as _;

use super::CAPABILITIES;
use crate::option::FileKind;

/// `docs/options/adapters.md`; `entry` writes one option.
pub(crate) fn page(generated: &str, entry: fn(&mut String, &crate::Opt)) -> String {
    let words = CAPABILITIES.map(|word| format!("`{word}`")).join(", ");
    let mut out = format!("{generated}\n\n# adapters.conf\n\n{}", HEAD.replace("CAPABILITIES", &words));
    for group in FileKind::Adapters.groups() {
        let _ = write!(out, "\n## {}\n", group.title);
        group.rows.iter().for_each(|opt| entry(&mut out, opt));
    }
    out
}

const HEAD: &str = "Routes that an administrator knows of beyond the built-in ones, and applications beside the IDEs. How to go about it, with an
example: [adding.md](../ides/adding.md).

Sections `[jupyter]`, `[rstudio]` and `[code-server]` hold `route` lines for these IDEs; `[app NAME]` declares an application: lower-case
letters, digits and `-`, at most 24. A section is given once.

```ini
[jupyter]
route = GET,POST /myext/api/** ui
route = GET /myext/files/** download file download

[app sales]
title = Sales dashboard
command = /usr/local/bin/sales --uds {socket}
groups = sales
route = GET /export/** download name download
route = POST /import upload name upload act
route = GET /live ui socket
route = GET ** ui
```

## Routes

`route = METHOD[,METHOD] PATH CAPABILITY[+CAPABILITY] [socket] [act] [download|upload] [file|name]`

- Methods: `GET` (with `HEAD`), `POST`, `PUT`, `PATCH`, `DELETE`, or `ANY` for all of them. `OPTIONS` is decided as the strictest
  request to its path.
- The path begins behind the session's own (`/s/<id>`). It is compared with the bytes that were sent, without query. `*` is one segment, `**`
  any number of them, once.
- Capabilities, all of which must be given: CAPABILITIES.
- `socket`: a WebSocket. Its messages pass unread: whoever can do more through them than the capability says must not be covered.
- `act`: a person's act, which keeps the session from being idle; of a socket, each of its messages.
- `download`, `upload`: bytes of a file pass; they are counted and recorded in the audit log. An upload is measured by
  `limit-file-upload-size-mb`.
- `file`: what `**` stands for is a file, from the person's home on; with `restrict-directory-view=1` it is resolved and compared.
  `name`: neither `**` nor anything else of the request names a file by its path.

The first line that fits decides; a line that no request reaches is warned of. A line gives nothing by itself: it says what a request takes,
and the flags say what is given. Of a request that a built-in row covers too, both must be given: a line can make an IDE's own route stricter, never
looser. A route that takes `browse`, `read`, `write`, `upload` or `download` and says neither `file` nor `name` is refused while directories
are restricted, because its paths can't be checked.

An application without any `route` has one: `GET **`, which takes `ui` and `download` and is refused while directories are restricted. Everything
else of it is unknown, and refused while any flag restricts.
";

/// `etc/adapters.conf`.
pub(crate) const SAMPLE: &str =
    "# adapters.conf: routes beyond the built-in ones, and applications beside the IDEs.
# Sections [jupyter], [rstudio], [code-server] and [app NAME]; docs/options/adapters.md has all about them.
# `portcullis routes` lists what is refused because nobody knows it, each with a line for this file.

#[jupyter]
#route = GET,POST /myext/api/** ui

#[app sales]
#title = Sales dashboard
#command = /usr/local/bin/sales --uds {socket}
#groups = sales
#route = GET /export/** download name download
#route = POST /import upload name upload act
#route = GET /live ui socket
#route = GET ** ui
";
