//! The ledger of files: from the bytes of a body to the bytes of the file in it, hashed as they pass.
//!
//! A [`Transfer`] says by its [`Form`] where in the body the file is; a [`Tally`] made of it is fed with the
//! body's pieces, however they are cut, keeps none of them, and says at the end what the file was. Inspectors of WebSockets
//! see the file itself and use [`Digest`] directly; what they hand on is a [`Moved`]. Called by the server.

mod base64;
mod model;
mod multipart;

pub use portcullis_model::ledger::{Digest, Sum};

use crate::Transfer;

/// Where a file is in the body that carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The body is the file.
    Body,
    /// The file went into the body in a way that can't be undone here (a notebook as JSON): the body is hashed, and the
    /// record says so.
    Opaque,
    /// `content` of a JSON model: base64 or text; `None` when only the model's own `format` can say.
    Model {
        /// Whether `content` is base64.
        base64: Option<bool>,
    },
    /// The same, of one numbered piece of a file; -1 is the last.
    Piece {
        /// Whether `content` is base64.
        base64: bool,
        /// Its number, from 1.
        number: i64,
    },
    /// `multipart/form-data`: the part with a file name.
    Multipart,
}

/// What a body amounted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// Bytes and hash.
    pub sum: Sum,
    /// Whether they are those of the file; else they are those of the body.
    pub file: bool,
    /// The number of the piece, when the body said that it is one.
    pub piece: Option<i64>,
}

/// A file that passed where only an inspector saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Which way and which file.
    pub transfer: Transfer,
    /// The bytes that passed.
    pub sum: Sum,
    /// Whether all of it passed.
    pub complete: bool,
    /// Which part of the file it was, in words; empty for all of it.
    pub range: String,
}

/// Counts and hashes one body.
#[derive(Debug)]
pub struct Tally {
    kind: Kind,
    piece: Option<i64>,
}

#[derive(Debug)]
enum Kind {
    Whole { digest: Digest, file: bool },
    Model(Box<model::Model>),
    Multipart(Box<multipart::Multipart>),
}

impl Tally {
    /// For a body of this form. A piece may continue the digest of those before it.
    pub fn new(form: Form, before: Option<Digest>) -> Self {
        let whole = |file| Kind::Whole { digest: Digest::new(), file };
        let before = before.unwrap_or_default();
        let (kind, piece) = match form {
            Form::Body => (whole(true), None),
            Form::Opaque => (whole(false), None),
            Form::Model { base64 } => (Kind::Model(Box::new(model::Model::new(base64, before))), None),
            Form::Piece { base64, number } => {
                (Kind::Model(Box::new(model::Model::new(Some(base64), before))), Some(number))
            }
            Form::Multipart => (Kind::Multipart(Box::default()), None),
        };
        Self { kind, piece }
    }

    /// The next piece of the body.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.kind {
            Kind::Whole { digest, .. } => digest.update(bytes),
            Kind::Model(model) => model.update(bytes),
            Kind::Multipart(multipart) => multipart.update(bytes),
        }
    }

    /// The digest of the file so far, for the next piece; `None` when there is none to continue.
    pub fn digest(&self) -> Option<Digest> {
        match &self.kind {
            Kind::Model(model) => model.digest(),
            Kind::Whole { .. } | Kind::Multipart(_) => None,
        }
    }

    /// Which file it is, where only the body says that.
    pub fn place(&self) -> Option<String> {
        match &self.kind {
            Kind::Multipart(multipart) => multipart.place(),
            Kind::Whole { .. } | Kind::Model(_) => None,
        }
    }

    /// What passed.
    pub fn finish(self) -> Counted {
        match self.kind {
            Kind::Whole { digest, file } => Counted { sum: digest.finish(), file, piece: self.piece },
            Kind::Model(model) => {
                let piece = self.piece.or(model.chunk());
                let (digest, file) = model.finish();
                Counted { sum: digest.finish(), file, piece }
            }
            Kind::Multipart(multipart) => {
                let (digest, file) = multipart.finish();
                Counted { sum: digest.finish(), file, piece: None }
            }
        }
    }
}

#[cfg(test)]
mod tests;
