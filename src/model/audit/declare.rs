//! What one declaration of an event becomes: a variant, its word, a row of the reference.

/// A row of the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventDoc {
    /// The word in the field `event`.
    pub name: &'static str,
    /// What it means.
    pub doc: &'static str,
    /// Its fields with their meaning.
    pub fields: &'static [(&'static str, &'static str)],
}

macro_rules! events {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal { $($(#[doc = $fdoc:literal])* $field:ident: $type:ty,)* })*) => {
        /// Something that happened and must not be forgotten.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Event {
            $($(#[doc = $doc])* #[serde(rename = $name)] $variant { $($(#[doc = $fdoc])* $field: $type,)* },)*
        }

        impl Event {
            /// The word in the field `event`.
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $name,)* }
            }
        }

        /// All events, for the reference.
        pub const TABLE: &[EventDoc] = &[
            $(EventDoc {
                name: $name,
                doc: concat!($($doc),*),
                fields: &[$((stringify!($field), concat!($($fdoc),*)),)*],
            },)*
        ];
    };
}

pub(super) use events;

#[cfg(test)]
mod tests {
    use crate::audit::TABLE;

    #[test]
    fn names_are_unique_and_documented() {
        for (at, row) in TABLE.iter().enumerate() {
            assert!(!row.doc.trim().is_empty(), "{}", row.name);
            assert!(row.fields.iter().all(|(_, doc)| !doc.trim().is_empty()), "{}", row.name);
            assert!(TABLE[..at].iter().all(|other| other.name != row.name), "{}", row.name);
        }
    }
}
