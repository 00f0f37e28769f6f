//! What `GET api/contents` asks for, by its query: a folder's list, a document's text, or a file's bytes.
//!
//! Tornado decodes names and values, takes the last of several, and cuts blanks; a query that these rules could read in
//! another way than this module does is refused while downloads are.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::{Ask, Capability, Direction, Flags, Form, Forward, QueryRule, Refusal};

/// What says how a file is read: an undecodable file is an error then, not base64. Folders and notebooks ignore it.
const AS_TEXT: &str = "format=text";

#[derive(Default)]
struct Wish<'q> {
    kind: Option<Cow<'q, str>>,
    format: Option<Cow<'q, str>>,
    content: Option<Cow<'q, str>>,
    /// A name that counts was given twice, or the query can't be split in one way.
    ambiguous: bool,
}

/// Completes the decision on `GET api/contents…`.
pub(super) fn contents(
    flags: &Flags,
    ask: &Ask<'_>,
    tail: &str,
    forward: &mut Forward,
) -> Result<(), Box<Refusal>> {
    let wish = read(ask.query.unwrap_or_default());
    let denial = flags.denies(Capability::Download);
    if let Some(denial) = denial.filter(|_| wish.ambiguous) {
        let why = "its query can be read in more than one way";
        return Err(Refusal::by_flag_because(Capability::Download, &denial, why).into());
    }
    let with_content = wish.content.as_deref() != Some("0");
    let kind = wish.kind.as_deref();
    let folder = matches!(kind, None | Some("directory"));
    forward.capability = if folder { Capability::Browse } else { Capability::Read };
    // Lists are polled; a document is opened by a person.
    forward.activity = !folder && with_content;
    if !with_content || matches!(kind, Some("directory" | "notebook")) {
        return Ok(());
    }
    match wish.format.as_deref() {
        Some("text") => {}
        None => {
            if denial.is_some() {
                forward.query = QueryRule::Add(AS_TEXT);
            }
        }
        Some(_) => {
            // The bytes of any file, as `files/` gives them: the same door.
            if let Some(denial) = denial {
                return Err(Refusal::by_flag(Capability::Download, &denial).into());
            }
            forward.capability = Capability::Download;
            forward.activity = true;
            if ask.method != "HEAD" {
                let form = Form::Model { base64: Some(true) };
                forward.transfer = Some(crate::adapter::transfer(Direction::Download, tail).form(form));
            }
        }
    }
    Ok(())
}

fn read(query: &str) -> Wish<'_> {
    // Older releases of Python split at semicolons as well.
    let mut wish = Wish { ambiguous: query.contains(';'), ..Wish::default() };
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decoded(name), decoded(value));
        let slot = match &*name {
            "type" => &mut wish.kind,
            "format" => &mut wish.format,
            "content" => &mut wish.content,
            _ => continue,
        };
        wish.ambiguous |= slot.is_some();
        *slot = Some(value);
    }
    wish
}

/// As a form field: percent-decoded once, `+` is a blank. Borrowed when there is nothing to decode.
fn decoded(text: &str) -> Cow<'_, str> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        return Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned());
    }
    // Lossy is safe here: what isn't UTF-8 equals none of the words looked for.
    percent_decode_str(text).decode_utf8_lossy()
}
