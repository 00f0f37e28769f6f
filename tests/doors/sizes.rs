//! How large a file may be that comes in: just the limit passes, a byte more doesn't, whether its length was told or not.

use anyhow::Result;
use portcullis_model::session::Ide;
use portcullis_policy::{Adapters, bringing};

use crate::person::Person;
use crate::table::{Knock, Rule};

/// Bytes of the limit of one megabyte.
pub(crate) const LIMIT: usize = 1 << 20;

const WAYS: [&str; 4] = ["size, HTTP/1.1", "size, HTTP/2", "untold size, HTTP/1.1", "untold size, HTTP/2"];

/// Every door that brings a file in; `open` is somebody without a limit.
pub(crate) fn all(
    adapters: &Adapters,
    ide: Ide,
    rule: &Rule,
    shut: &mut Person<'_>,
    open: &mut Person<'_>,
) -> Result<()> {
    for bytes in [LIMIT, LIMIT + 1] {
        for door in bringing(adapters, ide, bytes) {
            let knock = Knock::of(adapters, ide, door);
            for way in WAYS {
                shut.knock_once(way, &knock, rule, bytes <= LIMIT)?;
                open.knock_once(way, &knock, rule, true)?;
            }
        }
    }
    Ok(())
}
