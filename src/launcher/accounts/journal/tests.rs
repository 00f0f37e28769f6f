//! Nothing that was told is lost, and nobody who has signed out is in again: whatever is cut off, changed, lost or left half.

use std::os::fd::AsRawFd as _;

use portcullis_model::AccountId;
use portcullis_model::account::Role;
use portcullis_model::proof::MethodName;

use super::record::{FIRST, HEAD, Held};
use super::*;
use crate::state::tests::sample;

/// A sign-in with this number; of four accounts.
fn sign_in(number: u32) -> SignIn {
    let mut id = [7; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    let mut one = sample().sign_ins.remove(0);
    one.id = SignInId::from_bytes(id);
    one.principal.uid = portcullis_model::Uid(1000 + number % 4);
    one
}

fn state(numbers: impl IntoIterator<Item = u32>) -> Truth {
    Truth::State(numbers.into_iter().map(sign_in).collect())
}

/// A launcher's half of it: the list in memory and the journal beside it.
struct Book {
    journal: Journal,
    sign_ins: SignIns,
}

impl Book {
    fn open(dir: &Path, truth: Truth) -> (Self, Opened) {
        let (journal, mut opened) = Journal::open(dir, truth).expect("the journal");
        let sign_ins = std::mem::take(&mut opened.sign_ins);
        (Self { journal, sign_ins }, opened)
    }

    fn begin(&mut self, number: u32) {
        let one = sign_in(number);
        self.journal.began(&one);
        self.sign_ins.insert(one);
    }

    fn end(&mut self, number: u32) {
        let one = self.sign_ins.remove(&sign_in(number).id).expect("alive");
        self.journal.ended(&one);
    }

    fn touch(&mut self, number: u32, until: u64) {
        self.sign_ins.move_end(&sign_in(number).id, until, 0);
        self.journal.touched(sign_in(number).id);
    }

    fn commit(&mut self) -> Result<(), JournalError> {
        self.journal.commit(&self.sign_ins, Instant::now(), true)
    }

    fn all(&self) -> Vec<SignIn> {
        self.sign_ins.values().cloned().collect()
    }
}

/// Who is signed in after a start in this directory; it is the same at the start after that.
fn after_a_start(dir: &Path) -> Vec<SignIn> {
    let (book, opened) = Book::open(dir, Truth::Journal);
    assert!(opened.refused.is_none() && !opened.missing, "{opened:?}");
    let (again, opened) = Book::open(dir, Truth::Journal);
    assert!(opened.torn == 0 && again.all() == book.all());
    book.all()
}

/// The directory as a `kill -9` would leave it now.
fn killed(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a directory");
    for entry in std::fs::read_dir(dir).expect("readable") {
        let entry = entry.expect("an entry");
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).expect("copied");
    }
    copy
}

/// Some turns of a launcher, and who was signed in after each record: the length of the file and the list.
fn turns(dir: &Path) -> Vec<(usize, Vec<SignIn>)> {
    let (mut book, _) = Book::open(dir, state(0..2));
    let length = || usize::try_from(std::fs::metadata(dir.join(NAME)).expect("there").len()).expect("small");
    let mut all = vec![(length(), book.all())];
    let mut turn = |book: &mut Book, what: &dyn Fn(&mut Book)| {
        what(book);
        book.commit().expect("durable");
        all.push((length(), book.all()));
    };
    turn(&mut book, &|book| book.begin(2));
    turn(&mut book, &|book| book.end(0));
    turn(&mut book, &|book| book.touch(1, 9000));
    turn(&mut book, &|book| book.begin(3));
    turn(&mut book, &|book| book.end(2));
    all
}

#[test]
fn who_is_signed_in_comes_back_and_who_signed_out_does_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let all = turns(dir.path());
    let after = after_a_start(dir.path());
    assert_eq!(after, all.last().expect("turns").1);
    let numbers: Vec<SignInId> = after.iter().map(|one| one.id).collect();
    assert_eq!(numbers, [sign_in(1).id, sign_in(3).id]);
    assert_eq!((after[0].until, after[1].until), (9000, sign_in(3).until), "an act moved it");
    let mode =
        std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(dir.path().join(NAME)).expect("there"));
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn cut_at_any_byte_it_is_what_was_written_before_and_goes_on() {
    let dir = tempfile::tempdir().expect("a directory");
    let all = turns(dir.path());
    let whole = std::fs::read(dir.path().join(NAME)).expect("the journal");
    for cut in FIRST.len()..whole.len() {
        // The two of the beginning are a record each.
        let known = all.iter().rev().find(|(length, _)| *length <= cut);
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join(NAME), &whole[..cut]).expect("written");
        let (mut book, opened) = Book::open(dir.path(), Truth::Journal);
        assert!(opened.refused.is_none(), "cut at {cut}: {opened:?}");
        match known {
            Some((length, alive)) => {
                assert_eq!((&book.all(), opened.torn), (alive, (cut - length) as u64), "cut at {cut}");
            }
            None => assert!(book.sign_ins.len() < 2),
        }
        let torn = dir.path().join(format!("{NAME}.torn-1"));
        assert_eq!(torn.exists(), opened.torn > 0, "what is cut off is kept");
        book.begin(50);
        book.commit().expect("durable");
        assert_eq!(after_a_start(dir.path()), book.all(), "cut at {cut}");
    }
    for cut in 0..FIRST.len() {
        std::fs::write(dir.path().join(NAME), &whole[..cut]).expect("written");
        let (book, opened) = Book::open(dir.path(), Truth::Journal);
        assert!(opened.refused.is_some() && book.sign_ins.is_empty(), "cut at {cut}");
    }
}

#[test]
fn changed_at_any_byte_it_counts_as_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    turns(dir.path());
    let whole = std::fs::read(dir.path().join(NAME)).expect("the journal");
    for at in 0..whole.len() {
        for bit in [1, 0x80] {
            let mut changed = whole.clone();
            changed[at] ^= bit;
            assert!(replay(&changed).is_err(), "changed at {at}");
        }
    }
    for (at, hole) in [(FIRST.len(), 64), (whole.len() / 2, 1), (whole.len() - 40, 40)] {
        let mut changed = whole.clone();
        changed[at..at + hole].fill(0);
        assert!(replay(&changed).is_err(), "a hole at {at}");
    }
    // What was written twice, or in another order, is not what was written.
    let first = FIRST.len();
    let length = usize::from(u16::from_le_bytes([whole[first], whole[first + 1]])) + HEAD;
    let (head, rest) = (&whole[..first + length], &whole[first + length..]);
    assert!(replay(&[head, &head[first..], rest].concat()).is_err(), "twice");
    assert!(replay(&[&whole[..first], rest].concat()).is_err(), "without its first");
    std::fs::write(dir.path().join(NAME), [&whole[..], &[0; 64]].concat()).expect("written");
    let (book, opened) = Book::open(dir.path(), Truth::Journal);
    let (why, aside) = opened.refused.expect("refused");
    assert!(matches!(why, Refused::Unreadable(Unreadable::Changed(at)) if at == whole.len()), "{why}");
    assert!(book.sign_ins.is_empty() && aside.exists() && aside.ends_with("sign-ins.journal.refused-1"));
    assert!(after_a_start(dir.path()).is_empty());
}

#[test]
fn an_entry_of_a_later_version_is_not_passed_over() {
    let dir = tempfile::tempdir().expect("a directory");
    for body in [&[3_u8, 0][..], &[250], &[], &[1, 0], &[2, 0, 0]] {
        let (mut book, _) = Book::open(dir.path(), state(0..1));
        let at = usize::try_from(book.journal.durable).expect("small");
        let chain = &mut book.journal.chain;
        record::append(&mut book.journal.fresh, chain, body);
        book.commit().expect("durable");
        let (book, opened) = Book::open(dir.path(), Truth::Journal);
        let why = opened.refused.expect("refused").0;
        assert!(matches!(why, Refused::Unreadable(Unreadable::Unknown(found)) if found == at), "{why}");
        assert!(book.sign_ins.is_empty());
    }
}

#[test]
fn what_was_released_keeps_its_form() {
    let hex = |entry: &Entry<'_>| -> String {
        record::body(entry).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let one = sample().sign_ins.remove(0);
    let (id, alice) = ("07".repeat(16), "05616c696365");
    let principal = format!(
        "{alice}e807e80702{alice}057374616666{}{}",
        "0b2f686f6d652f616c696365", "092f62696e2f62617368"
    );
    assert_eq!(hex(&Entry::SignIn(Held::of(&one))), format!("00{id}{principal}00c000020164f41c000000006400"));
    // With an account, of the last role and by the last way in.
    let (role, method) = (Role::Administrator, MethodName::None);
    let other = SignIn { account: Some(AccountId::from_bytes([9; 16])), role, method, ..one.clone() };
    let end = format!("01{}0206006400", "09".repeat(16));
    assert_eq!(hex(&Entry::SignIn(Held::of(&other))), format!("00{id}{principal}00c000020164f41c{end}"));
    // What has no end of its provider's is as it always was; an end stands behind it.
    assert_eq!(hex(&Entry::of(&one)), hex(&Entry::SignIn(Held::of(&one))));
    let ending = SignIn { ends: Some(300), ..one.clone() };
    assert_eq!(hex(&Entry::of(&ending)), format!("08{id}{principal}00c000020164f41c000000006400ac02"));
    assert_eq!(hex(&Entry::Ended(*one.id.as_bytes())), format!("01{id}"));
    assert_eq!(hex(&Entry::Touched(vec![(*one.id.as_bytes(), 300, 5)])), format!("0201{id}ac0205"));
}

#[test]
fn a_providers_end_outlives_a_start() {
    let dir = tempfile::tempdir().expect("a directory");
    let (mut book, _) = Book::open(dir.path(), state([1]));
    let one = SignIn { ends: Some(300), ..sign_in(2) };
    book.journal.began(&one);
    book.sign_ins.insert(one.clone());
    book.commit().expect("durable");
    assert_eq!(after_a_start(dir.path()), [sign_in(1), one]);
}

/// A disk that loses everything behind the first line, and says so once.
fn loses(file: &File) -> io::Result<()> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let text = std::fs::read(&path)?;
    let mut writer = OpenOptions::new().write(true).open(&path)?;
    writer.write_all(&text[..FIRST.len() + 50])?;
    writer.write_all(&vec![0; text.len() - FIRST.len() - 50])?;
    Err(io::ErrorKind::StorageFull.into())
}

#[test]
fn what_a_failed_sync_was_about_is_written_anew() {
    let dir = tempfile::tempdir().expect("a directory");
    let (mut book, _) = Book::open(dir.path(), state([]));
    book.begin(1);
    book.begin(2);
    let before = book.journal.durable;
    book.journal.sync = |_| Err(io::ErrorKind::StorageFull.into());
    assert!(book.commit().is_err() && !book.journal.healthy());
    assert_eq!(book.journal.durable, before, "nothing of it counts");
    // People may sign out still; they are told when it is on disk.
    book.end(1);
    assert!(book.commit().is_err());
    book.journal.sync = File::sync_data;
    book.commit().expect("durable");
    assert!(book.journal.healthy() && book.journal.fresh.is_empty());
    assert_eq!(after_a_start(dir.path()), book.all());
    // A disk that lost what it had not synced, half of the file with it.
    let dir = tempfile::tempdir().expect("a directory");
    let (mut book, _) = Book::open(dir.path(), state([]));
    book.begin(1);
    book.journal.sync = loses;
    assert!(book.commit().is_err());
    book.journal.sync = File::sync_data;
    book.begin(2);
    book.commit().expect("durable");
    assert_eq!(after_a_start(dir.path()), book.all());
    assert_eq!(book.all().len(), 2);
}

#[test]
fn a_disk_that_takes_half_an_entry_takes_it_whole_later() {
    let dir = tempfile::tempdir().expect("a directory");
    let (mut book, _) = Book::open(dir.path(), state([]));
    book.begin(1);
    book.commit().expect("durable");
    book.begin(2);
    let half = book.journal.fresh.len() / 2;
    let good = std::mem::replace(&mut book.journal.file, File::open("/dev/full").expect("not for writing"));
    assert!(book.commit().is_err() && !book.journal.healthy());
    let mut file = &good;
    file.write_all(&book.journal.fresh[..half]).expect("half of it");
    // Killed now: the first is in, and only the first.
    assert_eq!(after_a_start(killed(dir.path()).path()), [sign_in(1)]);
    book.journal.file = good;
    book.commit().expect("durable");
    assert_eq!(after_a_start(dir.path()), book.all());
}

#[test]
fn a_list_of_before_is_moved_here_each_time_it_counts() {
    let dir = tempfile::tempdir().expect("a directory");
    let stored = |text: &[u8]| crate::state::decode(text).expect("a state").truth();
    let before = include_bytes!("../../state/before-journal.json");
    let (mut book, opened) = Book::open(dir.path(), stored(before));
    assert!(book.all() == sample().sign_ins && opened.refused.is_none() && opened.torn == 0);
    // Killed before the state said that there is a journal: the same again.
    let (book_again, _) = Book::open(dir.path(), stored(before));
    assert_eq!(book_again.all(), book.all());
    book = book_again;
    book.begin(5);
    book.commit().expect("durable");
    assert_eq!(after_a_start(dir.path()).len(), 2);
    // A launcher of before came in between, under which both signed out and another one signed in.
    let (book, _) = Book::open(dir.path(), state([9]));
    assert_eq!(book.all(), [sign_in(9)]);
    assert_eq!(after_a_start(dir.path()), [sign_in(9)]);
    let (book, _) = Book::open(dir.path(), state([]));
    assert!(book.sign_ins.is_empty() && after_a_start(dir.path()).is_empty(), "all signed out meanwhile");
}

#[test]
fn a_journal_that_nothing_vouches_for_counts_as_nothing_and_a_missing_one_is_said() {
    let dir = tempfile::tempdir().expect("a directory");
    let (book, opened) = Book::open(dir.path(), Truth::Nothing);
    assert!(book.sign_ins.is_empty() && opened.refused.is_none() && !opened.missing, "a first start");
    drop(Book::open(dir.path(), state(0..3)));
    let (book, opened) = Book::open(dir.path(), Truth::Nothing);
    assert!(matches!(opened.refused, Some((Refused::Alone, _))) && book.sign_ins.is_empty());
    std::fs::remove_file(dir.path().join(NAME)).expect("removed");
    let (book, opened) = Book::open(dir.path(), Truth::Journal);
    assert!(opened.missing && book.sign_ins.is_empty());
    std::fs::remove_file(dir.path().join(NAME)).expect("removed");
    std::fs::create_dir(dir.path().join(NAME)).expect("a directory");
    let (_, opened) = Book::open(dir.path(), Truth::Journal);
    assert!(matches!(opened.refused, Some((Refused::Unreadable(Unreadable::Form), _))));
}

#[test]
fn it_is_written_anew_in_steps_and_may_be_killed_at_each() {
    const PEOPLE: u32 = 15_000;
    let dir = tempfile::tempdir().expect("a directory");
    let (mut book, _) = Book::open(dir.path(), state(0..PEOPLE));
    (0..PEOPLE).filter(|number| number % 3 > 0).for_each(|number| book.end(number));
    book.commit().expect("durable");
    assert!(book.journal.is_worth_it(100_000) && !book.journal.is_worth_it(1 << 30));
    let before = book.journal.durable;
    let (mut steps, mut next) = (0, PEOPLE);
    loop {
        book.journal.step(&book.sign_ins, &Keys::default()).expect("a step");
        steps += 1;
        assert_eq!(after_a_start(killed(dir.path()).path()), book.all(), "killed after step {steps}");
        if book.journal.compaction.is_none() {
            break;
        }
        // People of both halves come, act and go meanwhile; some begin and end between two steps.
        let (first, last) = (steps * 3, PEOPLE - steps * 3);
        [first, last].into_iter().for_each(|number| book.touch(number, 5000 + u64::from(steps)));
        [first + 300, last - 300].into_iter().for_each(|number| book.end(number));
        for number in [next, next + 1] {
            book.begin(number);
        }
        book.end(next);
        next += 2;
        book.commit().expect("durable");
        assert_eq!(after_a_start(killed(dir.path()).path()), book.all(), "killed behind step {steps}");
    }
    assert!(steps > 1 && steps < 20, "{steps}");
    assert!(book.journal.durable < before / 2 && !dir.path().join(compaction::NAME).exists());
    assert!(!book.journal.is_worth_it(100_000));
    book.begin(next);
    book.end(3);
    book.commit().expect("durable");
    assert_eq!(after_a_start(dir.path()), book.all());
}

#[test]
fn what_is_left_of_an_attempt_is_no_hindrance_and_a_failed_one_changes_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let (mut book, _) = Book::open(dir.path(), state(0..3000));
    (0..2990).for_each(|number| book.end(number));
    book.commit().expect("durable");
    std::fs::write(dir.path().join(compaction::NAME), "half").expect("written");
    assert_eq!(after_a_start(killed(dir.path()).path()), book.all());
    // It can't be put in the place of this.
    std::fs::remove_file(dir.path().join(compaction::NAME)).expect("removed");
    std::fs::create_dir(dir.path().join(compaction::NAME)).expect("a directory");
    assert!(
        book.journal.step(&book.sign_ins, &Keys::default()).is_err() && book.journal.compaction.is_none()
    );
    book.begin(5000);
    book.commit().expect("durable");
    std::fs::remove_dir(dir.path().join(compaction::NAME)).expect("removed");
    assert_eq!(after_a_start(killed(dir.path()).path()), book.all());
    book.journal.step(&book.sign_ins, &Keys::default()).expect("a step");
    assert_eq!(after_a_start(dir.path()), book.all());
}

#[test]
fn a_hundred_thousand_come_back() {
    let dir = tempfile::tempdir().expect("a directory");
    drop(Book::open(dir.path(), state(0..100_000)));
    let length = std::fs::metadata(dir.path().join(NAME)).expect("there").len();
    let (book, opened) = Book::open(dir.path(), Truth::Journal);
    assert!(book.sign_ins.len() == 100_000 && opened.torn == 0 && length < 16 << 20, "{length} bytes");
    assert_eq!((book.journal.live, book.journal.durable), (length - FIRST.len() as u64, length));
    assert_eq!(book.sign_ins.of(portcullis_model::Uid(1001)).count(), 25_000);
}
