//! API keys in the journal: what begins, changes and ends, and which ends the database has heard of.

use portcullis_model::key::KeyId;

use super::Journal;
use super::record::{self, Entry, HeldKey};
use crate::accounts::keys::Held;

impl Journal {
    /// An API key began.
    pub(crate) fn key(&mut self, held: &Held) {
        self.live += record::key_size(held);
        self.write(&Entry::Key(HeldKey::of(held)));
    }

    /// An API key is another now.
    pub(crate) fn key_changed(&mut self, before: &Held, after: &Held) {
        self.live = self.live.saturating_sub(record::key_size(before));
        self.key(after);
    }

    /// An API key is over, in milliseconds since 1970; until it is paid the next launcher knows that the database is to hear of it.
    pub(crate) fn key_ended(&mut self, held: &Held, at: u64) {
        self.live = self.live.saturating_sub(record::key_size(held));
        self.key_owed(held.key.id, at);
    }

    /// The database is to hear that this key is over.
    pub(crate) fn key_owed(&mut self, id: KeyId, at: u64) {
        self.write(&Entry::KeyEnded(id, at));
    }

    /// The database has heard of these.
    pub(crate) fn keys_paid(&mut self, ids: &[KeyId]) {
        self.write(&Entry::KeysPaid(ids.to_vec()));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Instant;

    use super::*;
    use crate::accounts::journal::{Opened, Truth};
    use crate::accounts::keys::Keys;
    use crate::accounts::keys::tests::held;
    use crate::sign_in::living::SignIns;

    fn open(dir: &Path, truth: Truth) -> (Journal, Opened) {
        Journal::open(dir, truth).expect("the journal")
    }

    fn commit(journal: &mut Journal) {
        journal.commit(&SignIns::default(), Instant::now(), true).expect("on disk");
    }

    fn ids(keys: &Keys) -> Vec<String> {
        keys.values().map(|held| held.key.id.to_string()).collect()
    }

    fn owed(keys: &Keys) -> Vec<(String, u64)> {
        keys.owed().map(|(id, at)| (id.to_string(), at)).collect()
    }

    #[test]
    fn keys_come_back_as_they_were_and_ends_are_owed_until_they_are_paid() {
        let dir = tempfile::tempdir().expect("a folder");
        let (mut journal, _) = open(dir.path(), Truth::Nothing);
        let (one, two) = (held("aaaaaaaaaa", 1), held("bbbbbbbbbb", 1));
        let locked = Held { locked: true, ..one.clone() };
        journal.key(&one);
        journal.key(&two);
        journal.key_changed(&one, &locked);
        journal.key_ended(&two, 77);
        commit(&mut journal);
        let (mut journal, opened) = open(dir.path(), Truth::Journal);
        assert_eq!(opened.keys.values().collect::<Vec<_>>(), [&locked]);
        assert_eq!(owed(&opened.keys), [("bbbbbbbbbb".to_owned(), 77)]);
        journal.keys_paid(&[two.key.id]);
        commit(&mut journal);
        let (_, opened) = open(dir.path(), Truth::Journal);
        assert_eq!((ids(&opened.keys), owed(&opened.keys)), (vec!["aaaaaaaaaa".to_owned()], Vec::new()));
    }

    #[test]
    fn a_journal_that_is_written_anew_has_keys_and_what_is_owed() {
        let dir = tempfile::tempdir().expect("a folder");
        let (mut journal, _) = open(dir.path(), Truth::Nothing);
        let mut keys = Keys::default();
        for id in ["aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"] {
            let one = held(id, 1);
            journal.key(&one);
            keys.insert(one);
        }
        let gone = keys.remove(&"bbbbbbbbbb".parse().expect("an id")).expect("a key");
        journal.key_ended(&gone, 5);
        keys.owe(gone.key.id, 5);
        commit(&mut journal);
        journal.step(&SignIns::default(), &keys).expect("a step");
        assert!(journal.compaction.is_none(), "one piece is enough");
        let (_, opened) = open(dir.path(), Truth::Journal);
        assert_eq!(ids(&opened.keys), ["aaaaaaaaaa", "cccccccccc"]);
        assert_eq!(owed(&opened.keys), [("bbbbbbbbbb".to_owned(), 5)]);
    }

    #[test]
    fn what_was_released_keeps_its_form() {
        let hex = |entry: &Entry<'_>| -> String {
            record::body(entry).iter().map(|byte| format!("{byte:02x}")).collect()
        };
        let one = held("aaaaaaaaaa", 1);
        let id = "0a61616161616161616161";
        let text = hex(&Entry::Key(HeldKey::of(&one)));
        // Id, account, name, digest, scopes, role, one range, made, until, nothing of use, end and seal; then whose it is.
        let key = format!("20{}026369{}0201", "3031".repeat(16), "07".repeat(32));
        assert_eq!(text, format!("03{id}{key}0100c000020018e80701d00f000000{OWNER}020000"));
        assert_eq!(hex(&Entry::KeyEnded(one.key.id, 300)), format!("04{id}ac02"));
        assert_eq!(hex(&Entry::KeysPaid(vec![one.key.id])), format!("0501{id}"));
        let size = usize::try_from(record::key_size(&one)).expect("small");
        assert_eq!(text.len() / 2, size - record::HEAD);
    }

    const OWNER: &str =
        "05616c696365e807e8070205616c6963650573746166660b2f686f6d652f616c696365092f62696e2f62617368";
}
