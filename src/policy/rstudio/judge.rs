//! The whole body of a call, judged: the method it names, the files its parameters name, what of it has a flag of its own.

use portcullis_conf::ConsoleAudit;
use portcullis_model::session::Ide;

use super::envelope::{self, Value};
use super::place;
use super::rpc::{self, Arg, Method};
use crate::{Ask, BodyRule, Capability, Flags, Forward, PathClaim, PathRule, Refusal, Typed};

/// Longest body of a call that is held: a large document, saved whole.
const JUDGE_MAX: u64 = 64 << 20;
/// Longest text that counts as edited by a person: editors in browsers give up before.
const TEXT_MAX: u64 = 8 << 20;
/// Room for the envelope, the other parameters, and escapes.
const SLACK: u64 = 1 << 20;
/// Most files that one call may name while directories are restricted: more than anybody selects.
const CLAIMS_MAX: usize = 256;
/// Bytes of a person's input that are recorded of one call.
const TYPED_MAX: usize = 256 << 10;

/// Where the IDE's own advice ends.
const ADVICE: &str = "Reload the page and try again.";

/// Hosts outside that content is published to, with everything below them.
const OUTSIDE: [&str; 5] = ["shinyapps.io", "rpubs.com", "posit.cloud", "rstudio.cloud", "rstudio.com"];

/// Whether the body of a call is to be read, and how much of it at most.
///
/// What runs is what the body names: while consoles are recorded, a call of any address may be a person's input.
pub(super) fn head(flags: &Flags, forward: &mut Forward) {
    let judged = flags.restriction_in(Ide::Rstudio).is_some() || flags.audited().is_some();
    if judged || recorded(flags) {
        let limit = if flags.uploads.value { JUDGE_MAX } else { TEXT_MAX + SLACK };
        forward.body = BodyRule::Judge { limit };
    }
}

fn recorded(flags: &Flags) -> bool {
    flags.console.value > ConsoleAudit::None
}

/// Why a call isn't given by the flags; of an unknown one, because nobody knows what it does.
pub(super) fn allowed(flags: &Flags, ask: &Ask<'_>, name: &str) -> Result<(), Box<Refusal>> {
    let Some(method) = rpc::method(name) else {
        return match flags.denies_in(Ide::Rstudio, Capability::Unknown) {
            Some(denial) => Err(Refusal::unknown(ask, &denial, None).into()),
            None => Ok(()),
        };
    };
    for need in method.needs {
        if let Some(denial) = flags.denies_in(Ide::Rstudio, *need) {
            return Err(Refusal::by_flag(*need, &denial).into());
        }
    }
    Ok(())
}

/// Completes what was said of the head by what stands in the body.
pub(super) fn body(
    flags: &Flags,
    name: &str,
    body: &[u8],
    forward: &mut Forward,
) -> Result<(), Box<Refusal>> {
    let judged = flags.restriction_in(Ide::Rstudio).is_some() || recorded(flags);
    let method = rpc::method(name);
    let wanted = method
        .map(|method| envelope::wanted(method, flags.restrict_directories.value, recorded(flags)))
        .unwrap_or_default();
    let capability = forward.capability;
    let bad = |why: String| Box::new(Refusal::always(capability, 400, &why, ADVICE));
    let call = match envelope::read(body, &wanted) {
        Ok(call) => call,
        Err(_) if !judged => return Ok(()),
        Err(error) => return Err(bad(format!("its body can't be read as one call ({error})"))),
    };
    if call.method != name {
        if !judged {
            return Ok(());
        }
        // What runs is what the body names; what was decided on is the address.
        return Err(bad("its body names another method than its address".to_owned()));
    }
    let Some(method) = method else { return Ok(()) };
    sizes(flags, method, body.len(), &call.params)?;
    let mut claims = Vec::new();
    let mut typed = String::new();
    for arg in wanted {
        let value = arg.index().and_then(|at| call.params.iter().find(|(found, _)| *found == at));
        let mut found = Found { claims: &mut claims, typed: &mut typed };
        found.look(flags, capability, arg, value.map_or(&Value::Null, |(_, value)| value))?;
    }
    if claims.len() > CLAIMS_MAX {
        return Err(bad(format!("it names more than {CLAIMS_MAX} files at once")));
    }
    forward.paths = match claims.len() {
        0 => PathRule::None,
        1 => claims.pop().map_or(PathRule::None, PathRule::Resolve),
        _ => PathRule::ResolveAll(claims),
    };
    if !typed.is_empty() {
        forward.typed = Some(Box::new(Typed { channel: method.name, text: typed }));
    }
    Ok(())
}

/// Texts and pictures in a call are files in the end: held to the sizes of uploads.
fn sizes(flags: &Flags, method: &Method, length: usize, params: &[(u8, Value)]) -> Result<(), Box<Refusal>> {
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    let Some((denial, limit)) = flags.size_denial().zip(flags.upload_limit()) else { return Ok(()) };
    if method.needs.contains(&Capability::Write) && length > limit.max(TEXT_MAX).saturating_add(SLACK) {
        return Err(Refusal::too_large(&denial).into());
    }
    let pictures = method.args.iter().filter_map(|arg| match arg {
        Arg::Bytes(at) => params.iter().find(|(found, _)| found == at),
        _ => None,
    });
    for (_, value) in pictures {
        let Value::List(pictures) = value else { continue };
        let large = |picture: &Value| match picture {
            Value::Text(text) => {
                u64::try_from(text.trim_end_matches('=').len() * 3 / 4).unwrap_or(u64::MAX) > limit
            }
            _ => false,
        };
        if pictures.iter().any(large) {
            return Err(Refusal::too_large(&denial).into());
        }
    }
    Ok(())
}

/// What was found in the parameters so far.
struct Found<'f> {
    claims: &'f mut Vec<PathClaim>,
    typed: &'f mut String,
}

impl Found<'_> {
    fn look(
        &mut self,
        flags: &Flags,
        capability: Capability,
        arg: Arg,
        value: &Value,
    ) -> Result<(), Box<Refusal>> {
        let looked = match arg {
            Arg::Path(_) => self.path(value, place::claim),
            Arg::PathBut(_, word) if *value == Value::Text(word.to_owned()) => Ok(()),
            Arg::PathBut(..) => self.path(value, place::claim),
            Arg::Each(_) => self.each(value, place::claim),
            Arg::In(_, name) => field(value, name).and_then(|value| self.path(value, place::claim)),
            Arg::InEach(_, name) => match value {
                Value::Null => Ok(()),
                Value::List(list) => list
                    .iter()
                    .try_for_each(|item| field(item, name).and_then(|v| self.path(v, place::claim))),
                _ => Err("it is no list"),
            },
            Arg::Tree(_) => self.path(value, place::within),
            Arg::Trees(_) => self.each(value, place::within),
            Arg::TreesIn(_, name) => field(value, name).and_then(|value| self.each(value, place::within)),
            Arg::Place(_, "") => self.path(value, place::address),
            Arg::Place(_, name) => field(value, name).and_then(|value| self.path(value, place::address)),
            Arg::Name(_, name) => match field(value, name) {
                Ok(Value::Null) => Ok(()),
                Ok(Value::Text(text)) if place::is_name(text) => Ok(()),
                Ok(_) => Err("it is no bare name"),
                Err(why) => Err(why),
            },
            Arg::Absent(_, name) => match field(value, name) {
                Ok(Value::Null) => Ok(()),
                Ok(Value::List(list)) if list.is_empty() => Ok(()),
                Ok(Value::Object(fields)) if fields.is_empty() => Ok(()),
                Ok(_) => Err("it was kept by the page"),
                Err(why) => Err(why),
            },
            Arg::Archive(_, name) => match field(value, name) {
                Ok(Value::Null | Value::Bool(false)) => Ok(()),
                Ok(_) => Err("the members of an archive can't be checked; unpack it before you upload it"),
                Err(why) => Err(why),
            },
            Arg::Hidden => Err("it stands where it can't be checked"),
            Arg::Public(_) => return public(flags, value),
            Arg::Keys(_) => return keys(flags, value),
            Arg::Server(_) => return server(flags, value),
            Arg::Input(_) => {
                self.type_in(value);
                Ok(())
            }
            Arg::InputIn(_, name) => {
                self.type_in(value.field(name).unwrap_or(&Value::Null));
                Ok(())
            }
            Arg::InputInEach(_, name) => {
                if let Some(Value::List(units)) = value.field(name) {
                    units.iter().for_each(|unit| self.type_in(unit.field("code").unwrap_or(&Value::Null)));
                }
                Ok(())
            }
            Arg::Bytes(_) => Ok(()),
        };
        let Err(why) = looked else { return Ok(()) };
        let why = format!("it names a file that can't be checked: {why}");
        Err(match flags.directories_denial() {
            Some(denial) => Refusal::by_flag_because(capability, &denial, &why),
            None => Refusal::always(capability, 400, &why, ADVICE),
        }
        .into())
    }

    fn path(&mut self, value: &Value, read: Read) -> Result<(), &'static str> {
        match value {
            Value::Null => Ok(()),
            Value::Text(text) => {
                self.claims.extend(read(text)?);
                Ok(())
            }
            _ => Err("it is no text"),
        }
    }

    fn each(&mut self, value: &Value, read: Read) -> Result<(), &'static str> {
        match value {
            Value::Null => Ok(()),
            Value::List(list) => list.iter().try_for_each(|item| self.path(item, read)),
            _ => Err("it is no list"),
        }
    }

    fn type_in(&mut self, value: &Value) {
        let Value::Text(text) = value else { return };
        if !self.typed.is_empty() {
            self.typed.push('\n');
        }
        let room = TYPED_MAX.saturating_sub(self.typed.len());
        let end = (0..=room.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        self.typed.push_str(&text[..end]);
    }
}

type Read = fn(&str) -> Result<Option<PathClaim>, &'static str>;

/// A field of a parameter; a parameter that isn't there has none.
fn field<'v>(value: &'v Value, name: &str) -> Result<&'v Value, &'static str> {
    match value {
        Value::Null => Ok(&Value::Null),
        other => other.field(name).ok_or("it is no object"),
    }
}

/// `~/Public` may have to stay where it is.
fn public(flags: &Flags, value: &Value) -> Result<(), Box<Refusal>> {
    let Some(denial) = flags.denies_in(Ide::Rstudio, Capability::RemovePublicFolder) else { return Ok(()) };
    let is_public = |value: &Value| match value {
        Value::Text(text) => matches!(place::claim(text), Ok(Some(claim))
            if claim.tail == "Public" || (claim.absolute && claim.tail.ends_with("/Public"))),
        _ => false,
    };
    let any = match value {
        Value::List(list) => list.iter().any(is_public),
        other => is_public(other),
    };
    if any { Err(Refusal::by_flag(Capability::RemovePublicFolder, &denial).into()) } else { Ok(()) }
}

/// Preferences that have a capability of their own.
fn keys(flags: &Flags, value: &Value) -> Result<(), Box<Refusal>> {
    let guarded = [
        ("cran_mirror", Capability::CranReposEdit),
        ("git_exe_path", Capability::VcsExecutableEdit),
        ("svn_exe_path", Capability::VcsExecutableEdit),
    ];
    for (name, capability) in guarded {
        let set = value.field(name).is_some_and(|value| *value != Value::Null);
        if let Some(denial) = flags.denies_in(Ide::Rstudio, capability).filter(|_| set) {
            return Err(Refusal::by_flag(capability, &denial).into());
        }
    }
    Ok(())
}

/// Publishing to a server outside.
fn server(flags: &Flags, value: &Value) -> Result<(), Box<Refusal>> {
    let Some(denial) = flags.denies_in(Ide::Rstudio, Capability::PublishExternal) else { return Ok(()) };
    let Value::Text(name) = value else { return Ok(()) };
    let host = name.split("://").last().unwrap_or_default().split(['/', ':']).next().unwrap_or_default();
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let outside = |known: &&str| host == **known || host.ends_with(&format!(".{known}"));
    if OUTSIDE.iter().any(outside) {
        return Err(Refusal::by_flag(Capability::PublishExternal, &denial).into());
    }
    Ok(())
}
