//! What comes back of a state, of now and of before; the state that other tests use.

use super::*;
use crate::accounts::sync::watch::Stamp;
use portcullis_model::exemption::Exemption;
use portcullis_model::load::Load;
use portcullis_model::session::{Ide, State, Transport};
use portcullis_model::sign_in::Principal;
use portcullis_model::{ExemptionId, Gid, Port, Secret, SessionId, SignInId};

/// One sign-in and one session, as a launcher without a journal wrote them.
pub(crate) fn sample() -> Kept {
    let user: portcullis_model::UserName = "alice".parse().expect("a name");
    let principal = Principal {
        user: user.clone(),
        uid: Uid(1000),
        gid: Gid(1000),
        groups: vec!["alice".into(), "staff".into()],
        home: "/home/alice".into(),
        shell: "/bin/bash".into(),
    };
    let remote = std::net::IpAddr::from([192, 0, 2, 1]);
    let sign_in = SignIn::of(SignInId::from_bytes([7; 16]), principal, remote, (100, 3700));
    let session = Session {
        id: SessionId::from_bytes([9; 8]),
        user,
        ide: Ide::Jupyter,
        state: State::Running,
        transport: Transport::Tcp(Port(40_000)),
        token: Secret::new(vec![1, 2, 3]),
        started: 200,
        last_activity: 300,
        load: Load::default(),
        warning: None,
        unheld: Vec::new(),
    };
    let kept = KeptSession {
        session,
        uid: Uid(1000),
        groups: vec!["staff".into()],
        started_groups: Some(vec!["staff".into(), "shell".into()]),
        ends_at: Some(260),
        keeper: Some(Known { pid: 10, started: 1 }),
        begun: true,
        process: Some(Known { pid: 11, started: 2 }),
        cgroups: vec!["/sys/fs/cgroup/user-1000/session-09".into()],
        limits: Limits::default(),
        told: Told::default(),
        seen: Seen::default(),
        ending: Some(EndReason::Stopped),
        proven: true,
        watched: None,
    };
    let exemption = Exemption {
        id: ExemptionId::from_bytes([5; 4]),
        user: "alice".parse().expect("a name"),
        flag: "allow-shell".into(),
        session: None,
        reason: "a class".into(),
        since: 100,
        until: 200,
    };
    let exemptions = vec![KeptExemption { exemption, ends: 300_000 }];
    let offline = Some(Offline { message: "new disks".into(), since: 100, suspended: true });
    let servers = vec![KeptServer { process: Known { pid: 12, started: 3 }, since: 5, until: Some(400) }];
    Kept {
        boot: "b".into(),
        sign_ins: vec![sign_in],
        journal: false,
        sessions: vec![kept],
        exemptions,
        offline,
        node: Some(portcullis_model::NodeId::from_bytes([4; 16])),
        servers,
        usual: vec![KeptPlace { user: "alice".into(), from: [192, 0, 2, 7].into(), until: 500 }],
        identities: KeptIdentities {
            local: vec!["alice".parse().expect("a name")],
            unlocked: vec!["alice".parse().expect("a name")],
            lost: vec!["bob".parse().expect("a name")],
            files: Some(Stamp([(1, 2, 3), (4, 5, 6), (0, 0, 0)])),
            looked: 700,
        },
    }
}

#[test]
fn a_state_comes_back_as_it_was() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Store::new(dir.path());
    assert!(matches!(store.load().expect("readable"), Found::Nothing));
    store.save(&sample()).expect("saved");
    let Found::Kept(kept) = store.load().expect("readable") else { panic!("no state") };
    assert_eq!(encode(&kept).expect("text"), encode(&sample()).expect("text"));
    assert_eq!(kept.sessions[0].session.token.expose(), [1, 2, 3]);
}

#[test]
fn a_state_of_before_exemptions_is_one() {
    let mut old = serde_json::to_value(sample()).expect("JSON");
    for name in ["exemptions", "offline", "servers", "usual"] {
        old.as_object_mut().expect("an object").remove(name).expect("a field");
    }
    let kept: Kept = serde_json::from_value(old).expect("a state");
    assert!(
        kept.exemptions.is_empty()
            && kept.offline.is_none()
            && kept.servers.is_empty()
            && kept.usual.is_empty()
            && kept.sessions.len() == 1
    );
}

#[test]
fn a_state_of_before_limits_is_one() {
    let directory = "/sys/fs/cgroup/session-09";
    for (before, now) in [(serde_json::json!(directory), vec![directory]), (serde_json::Value::Null, vec![])]
    {
        let mut old = serde_json::to_value(sample()).expect("JSON");
        let session = old["sessions"][0].as_object_mut().expect("an object");
        for name in ["cgroups", "limits", "told"] {
            session.remove(name).expect("a field");
        }
        session["session"].as_object_mut().expect("an object").remove("load").expect("a field");
        session.insert("cgroup".into(), before);
        let kept: Kept = serde_json::from_value(old).expect("a state");
        assert_eq!(kept.sessions[0].cgroups, now);
    }
}

#[test]
fn no_truncation_and_no_flipped_byte_is_a_state() {
    let text = encode(&sample()).expect("text");
    for length in 0..text.len() {
        assert!(decode(&text[..length]).is_err(), "cut at {length}");
    }
    for at in 0..text.len() {
        let mut changed = text.clone();
        changed[at] ^= 1;
        assert!(decode(&changed).is_err(), "flipped at {at}");
    }
    assert!(matches!(decode(&text.repeat(2)), Err(Unreadable::Hash)));
    assert!(decode(&text).is_ok());
}

#[test]
fn garbage_is_moved_aside_and_counts_as_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Store::new(dir.path());
    for n in 1..=2 {
        std::fs::write(dir.path().join("state.json"), "{}").expect("written");
        let Found::Refused(_, aside) = store.load().expect("readable") else { panic!("taken") };
        assert_eq!(aside, dir.path().join(format!("state.json.refused-{n}")));
        assert!(matches!(store.load().expect("readable"), Found::Nothing));
    }
    std::fs::create_dir(dir.path().join("state.json")).expect("a directory");
    assert!(matches!(store.load().expect("readable"), Found::Refused(..)));
}

/// What a launcher of before the journal left.
const BEFORE: &[u8] = include_bytes!("before-journal.json");

#[test]
fn a_stored_state_of_before_the_journal_says_who_is_signed_in() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/state/before-journal.json");
    if std::env::var_os("PORTCULLIS_GENERATE").is_some() {
        std::fs::write(path, encode(&sample()).expect("text")).expect("written");
        return;
    }
    let mut kept = decode(BEFORE).expect("a state");
    let Truth::State(sign_ins) = kept.truth() else { panic!("it has no journal") };
    assert_eq!(sign_ins, sample().sign_ins);
    assert!(kept.sessions.len() == 1 && kept.exemptions.len() == 1 && kept.servers.len() == 1);
    let now = Kept { journal: true, ..kept };
    // One of before reads it, and doesn't see that there is a journal.
    let text: serde_json::Value = serde_json::to_value(&now).expect("JSON");
    assert_eq!((&text["sign_ins"], &text["journal"]), (&serde_json::json!([]), &serde_json::json!(true)));
    let mut back = decode(&encode(&now).expect("text")).expect("a state");
    assert!(matches!(back.truth(), Truth::Journal));
}
