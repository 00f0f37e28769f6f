//! What a body of `api/contents` does: save a document, create one, copy, rename, or bring a file in.
//!
//! One URL and one method serve saving and uploading; the JSON model tells them apart. JupyterLab's upload names the file
//! in the model and sends base64 or numbered pieces; its save does neither.

use portcullis_model::session::Ide;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::adapter::{decide, transfer};
use crate::path::normalise;
use crate::{
    Adapters, Ask, BodyRule, Capability, Direction, Flags, Form, Forward, PathClaim, PathRule, Refusal,
    Verdict,
};

/// Longest body that is held to be judged: a notebook with large outputs fits, and a few at a time fit in memory.
pub(super) const JUDGE_MAX: u64 = 64 << 20;
/// Longest body that is held only to tell a save from an upload for the audit log: JupyterLab's pieces are 1.4 MB long.
pub(super) const TELL_MAX: u64 = 2 << 20;
/// Longest body of a request that carries names only.
pub(super) const NAMES_MAX: u64 = 1 << 20;
/// Longest text that counts as edited by a person: editors in browsers give up before.
pub(super) const TEXT_MAX: u64 = 8 << 20;
/// Bytes of a piece of JupyterLab's upload.
const PIECE: u64 = 1 << 20;
/// Room for the other fields of a model.
const SLACK: u64 = 64 << 10;

/// Where the file is in a model that nobody has read.
const UNSEEN: Form = Form::Model { base64: None };

/// Chooses what to do with the body, by the head.
pub(super) fn head(flags: &Flags, ask: &Ask<'_>, tail: &str, forward: &mut Forward) {
    if ask.method != "PUT" {
        if !flags.uploads.value || flags.restrict_directories.value {
            forward.body = BodyRule::Judge { limit: NAMES_MAX };
        }
        return;
    }
    let fits = |max: u64| ask.content_length.is_some_and(|length| length <= max);
    if !flags.uploads.value {
        forward.body = BodyRule::Judge { limit: JUDGE_MAX };
    } else if let Some(limit) = flags.upload_limit() {
        if ask.content_length.is_none() || fits(JUDGE_MAX) {
            forward.body = BodyRule::Judge { limit: JUDGE_MAX };
        } else {
            // Base64 makes four bytes of three.
            forward.body = BodyRule::Limit((limit / 3 * 4).saturating_add(SLACK));
            forward.transfer = Some(transfer(Direction::Upload, tail).form(UNSEEN));
        }
    } else if fits(TELL_MAX) {
        forward.body = BodyRule::Judge { limit: TELL_MAX };
    } else {
        forward.transfer = Some(transfer(Direction::Upload, tail).form(UNSEEN));
    }
}

/// Decides on the whole body.
pub(super) fn judge(adapters: &Adapters, flags: &Flags, ask: &Ask<'_>, body: &[u8]) -> Verdict {
    let forward = match decide(adapters, Ide::Jupyter, flags, ask) {
        Verdict::Forward(forward) => forward,
        refused @ Verdict::Refuse(_) => return refused,
    };
    match weigh(flags, ask, body, forward) {
        Ok(forward) => Verdict::Forward(forward),
        Err(refusal) => refusal.verdict(),
    }
}

fn weigh(flags: &Flags, ask: &Ask<'_>, body: &[u8], mut forward: Forward) -> Result<Forward, Refusal> {
    // Whatever was to be done with the body is done: it is here.
    forward.body = BodyRule::Stream;
    forward.paths = PathRule::None;
    forward.transfer = None;
    let enforced = !flags.uploads.value || flags.upload_limit().is_some() || flags.restrict_directories.value;
    let model = match read(body) {
        Ok(model) => model,
        Err(_) if !enforced => {
            // It may be an upload all the same: what the IDE accepts is recorded as one.
            forward.transfer =
                (ask.method == "PUT").then(|| transfer(Direction::Upload, tail_of(ask)).form(UNSEEN));
            return Ok(forward);
        }
        Err(error) => {
            let why = format!("its body can't be read as one model of a document ({error})");
            return Err(Refusal::always(Capability::Write, 400, &why, "Save it again."));
        }
    };
    let upload = model.is_upload();
    if let Some(denial) = flags.denies(Capability::Upload) {
        if upload {
            return Err(Refusal::by_flag(Capability::Upload, &denial));
        }
        if !model.is_save() {
            let why = "this can't be told from an upload";
            return Err(Refusal::by_flag_because(Capability::Upload, &denial, why));
        }
        if model.content.bytes() > TEXT_MAX {
            let why = format!("text of more than {} MiB can't be told from an upload", TEXT_MAX >> 20);
            return Err(Refusal {
                status: 413,
                ..Refusal::by_flag_because(Capability::Upload, &denial, &why)
            });
        }
    }
    if let Some((denial, limit)) = flags.size_denial().zip(flags.upload_limit()) {
        let size = if upload { model.upload_size(body.len()) } else { model.content.bytes() };
        let limit = if upload { limit } else { limit.max(TEXT_MAX) };
        if size > limit {
            return Err(Refusal::too_large(&denial));
        }
    }
    if flags.restrict_directories.value {
        forward.paths = model.claim(ask)?;
    }
    if upload {
        forward.capability = Capability::Upload;
        forward.transfer = Some(transfer(Direction::Upload, tail_of(ask)).form(model.form()));
    }
    Ok(forward)
}

/// What stands after `api/contents`, still encoded.
fn tail_of<'a>(ask: &Ask<'a>) -> &'a str {
    ask.path.strip_prefix("/api/contents").unwrap_or_default()
}

/// The fields of a model that count.
#[derive(Debug, Default)]
struct Model {
    kind: Value,
    format: Value,
    name: Value,
    chunk: Value,
    path: Value,
    copy_from: Value,
    content: Content,
}

/// The content, measured, not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Content {
    #[default]
    None,
    Text {
        /// Bytes of the text.
        bytes: u64,
        /// Bytes it stands for if it is base64.
        decoded: u64,
    },
    Object,
    Other,
}

impl Content {
    const fn bytes(self) -> u64 {
        match self {
            Self::Text { bytes, .. } => bytes,
            Self::None | Self::Object | Self::Other => 0,
        }
    }
}

impl Model {
    /// JupyterLab's upload: pieces, a name, or bytes that aren't text.
    fn is_upload(&self) -> bool {
        let binary = matches!(self.content, Content::Text { .. }) && self.format != "text";
        !self.chunk.is_null() || !self.name.is_null() || binary
    }

    /// Where the file is in it.
    fn form(&self) -> Form {
        if !matches!(self.content, Content::Text { .. }) {
            return Form::Opaque;
        }
        let base64 = self.format == "base64";
        self.chunk
            .as_i64()
            .map_or(Form::Model { base64: Some(base64) }, |number| Form::Piece { base64, number })
    }

    /// What an editor saves: text as text, a notebook as an object, or nothing at all.
    fn is_save(&self) -> bool {
        match self.content {
            Content::None => true,
            Content::Text { .. } => self.format == "text",
            Content::Object => self.kind.is_null() || self.kind == "notebook",
            Content::Other => false,
        }
    }

    /// Bytes of the file so far, as far as one request can say.
    fn upload_size(&self, body: usize) -> u64 {
        let here = match self.content {
            Content::Text { decoded, .. } if self.format == "base64" => decoded,
            Content::Text { bytes, .. } => bytes,
            Content::None | Content::Object | Content::Other => u64::try_from(body).unwrap_or(u64::MAX),
        };
        let before = self.chunk.as_u64().map_or(0, |number| number.saturating_sub(1).saturating_mul(PIECE));
        before.saturating_add(here)
    }

    /// The path in the body that the request reaches for.
    fn claim(&self, ask: &Ask<'_>) -> Result<PathRule, Refusal> {
        let value = match ask.method {
            "POST" => &self.copy_from,
            "PATCH" => &self.path,
            _ => return Ok(PathRule::None),
        };
        let bad = |why: &str| {
            let why = format!("a path in its body is malformed, {why}");
            Refusal::always(Capability::Write, 400, &why, "Choose another name.")
        };
        match value {
            Value::Null => Ok(PathRule::None),
            Value::String(name) => {
                let tail = normalise(name).map_err(|why| bad(why.0))?;
                Ok(PathRule::Resolve(PathClaim { tail, absolute: false }))
            }
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                Err(bad("it is no text"))
            }
        }
    }
}

/// Reads a body as JupyterLab's server does: nothing, `null`, or one object.
fn read(body: &[u8]) -> Result<Model, serde_json::Error> {
    if body.trim_ascii().is_empty() {
        return Ok(Model::default());
    }
    serde_json::from_slice::<Option<Model>>(body).map(Option::unwrap_or_default)
}

impl<'de> Deserialize<'de> for Model {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ModelFields)
    }
}

struct ModelFields;

impl<'de> Visitor<'de> for ModelFields {
    type Value = Model;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a model of a document")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Model, A::Error> {
        let mut model = Model::default();
        let mut seen = 0_u8;
        while let Some(field) = map.next_key::<Field>()? {
            // Python takes the last of two equal keys, others the first: refuse what can be read in two ways.
            let bit = 1 << field as u8;
            if field != Field::Other && seen & bit != 0 {
                return Err(A::Error::custom("a field is given twice"));
            }
            seen |= bit;
            match field {
                Field::Type => model.kind = map.next_value()?,
                Field::Format => model.format = map.next_value()?,
                Field::Name => model.name = map.next_value()?,
                Field::Chunk => model.chunk = map.next_value()?,
                Field::Path => model.path = map.next_value()?,
                Field::CopyFrom => model.copy_from = map.next_value()?,
                Field::Content => model.content = map.next_value_seed(Measure)?,
                Field::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(model)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Field {
    Type,
    Format,
    Name,
    Chunk,
    Path,
    CopyFrom,
    Content,
    #[serde(other)]
    Other,
}

struct Measure;

impl<'de> DeserializeSeed<'de> for Measure {
    type Value = Content;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Measure {
    type Value = Content;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a document's content")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Content, E> {
        // Python's decoder skips what is not of the alphabet.
        let digits =
            text.bytes().filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')).count();
        let length = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        Ok(Content::Text { bytes: length(text.len()), decoded: length(digits).saturating_mul(3) / 4 })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Content, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Content::Object)
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Content, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Content::Other)
    }

    fn visit_unit<E: Error>(self) -> Result<Content, E> {
        Ok(Content::None)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Content, E> {
        Ok(Content::Other)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Content, E> {
        Ok(Content::Other)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Content, E> {
        Ok(Content::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Content, E> {
        Ok(Content::Other)
    }
}
