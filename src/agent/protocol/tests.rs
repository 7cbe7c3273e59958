//! Lines that are messages, and lines that are none.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::crypto::secret::{ContentKey, FileKey, SecretText};
use crate::error::{Error, NotFound};
use crate::format::log::{Action, LogEnd, LoggedFile, NewEntry, Outcome, What, Who};
use crate::format::scalar::{Base64, FixedBase64};
use crate::format::secret::{SecretField, SecretValue};
use crate::format::vault::{Declared, DestructionRecord, Engagement, Revision, Setting, Terms};
use crate::format::{FileId, KitId, ProjectId, RevisionId, SecretId, Timestamp, VaultId};
use crate::vault::{Before, SecretEdit};

mod errors;

const VAULT: VaultId = VaultId::from_bytes([7; 16]);

fn without_end(line: &Line) -> &[u8] {
    let (end, line) = line.as_bytes().split_last().unwrap();
    assert_eq!(*end, b'\n');
    assert!(!line.contains(&b'\n'), "one line");
    line
}

/// Writes a question, reads it and writes it again: the two lines must be the same.
fn goes_round(question: &Question) {
    let line = question.to_line();
    let read = Question::read(without_end(&line)).unwrap();
    assert_eq!(read.to_line().as_bytes(), line.as_bytes());
}

fn answer_goes_round(answer: &Answer) {
    let line = answer.to_line();
    let read = Answer::read(without_end(&line)).unwrap();
    assert_eq!(read.to_line().as_bytes(), line.as_bytes());
}

fn content_key(bytes: [u8; 32]) -> ContentKey {
    ContentKey::from_slice(&bytes).unwrap()
}

prop_compose! {
    fn key_to_wrap()(prelude in any::<[u8; 32]>(), key in any::<[u8; 32]>()) -> KeyToWrap {
        KeyToWrap { prelude: FixedBase64(prelude), content_key: content_key(key) }
    }
}

fn among() -> impl Strategy<Value = Among> {
    prop_oneof![
        any::<Option<String>>().prop_map(|first| Among::Vault { first }),
        any::<String>().prop_map(Among::Project),
    ]
}

fn agreed() -> impl Strategy<Value = Box<Terms>> {
    let setting = |text: Option<String>| text.map_or(Setting::Withdrawn, Setting::Given);
    let text = || prop::option::of("[a-z\"\\\\]{0,4}");
    let declared = prop::collection::btree_map("[a-z]{0,4}", text().prop_map(setting), 0..2);
    (text(), any::<bool>(), declared).prop_map(move |(purpose, has_end, declared)| {
        let ends = if has_end { Setting::Given("2027-03-31".parse().unwrap()) } else { Setting::Kept };
        Box::new(Terms { purpose: setting(purpose), ends, declared: Declared(declared), ..Terms::default() })
    })
}

fn change() -> impl Strategy<Value = Change> {
    let text = any::<String>;
    let scan = prop::collection::btree_map(any::<u32>(), any::<u64>(), 0..4);
    prop_oneof![
        (text(), text(), text(), agreed(), text()).prop_map(|(name, client, note, terms, by)| Change::AddProject {
            name,
            client,
            note,
            terms,
            by
        }),
        (text(), agreed(), text()).prop_map(|(project, terms, by)| Change::SetEngagement { project, terms, by }),
        (text(), text()).prop_map(|(project, name)| Change::RenameProject { project, name }),
        (text(), text(), text()).prop_map(|(project, reason, by)| Change::HoldProject { project, reason, by }),
        text().prop_map(|project| Change::RotateKey { project }),
        (text(), any::<u32>(), any::<bool>()).prop_map(|(project, version, retired)| Change::RetireKey {
            project,
            version,
            retired
        }),
        text().prop_map(|project| Change::NoteSealed { project }),
        (text(), scan).prop_map(|(project, files)| Change::RememberScan { project, files }),
    ]
}

fn key_to_unwrap() -> impl Strategy<Value = KeyToUnwrap> {
    let stanza = any::<Vec<u8>>();
    (any::<[u8; 32]>(), stanza)
        .prop_map(|(prelude, stanza)| KeyToUnwrap { prelude: FixedBase64(prelude), stanza: Base64(stanza) })
}

fn question() -> impl Strategy<Value = Question> {
    let text = any::<String>;
    prop_oneof![
        Just(()).prop_map(|()| Question::Hello),
        Just(()).prop_map(|()| Question::Status),
        Just(()).prop_map(|()| Question::Lock),
        Just(()).prop_map(|()| Question::Projects),
        Just(()).prop_map(|()| Question::Names),
        Just(()).prop_map(|()| Question::Writable),
        Just(()).prop_map(|()| Question::Kits),
        Just(()).prop_map(|()| Question::NewestTime),
        text().prop_map(|name| Question::Project { name }),
        (prop::collection::vec(key_to_unwrap(), 0..4), among(), any::<Option<u64>>())
            .prop_map(|(keys, among, under)| Question::Unwrap { keys, among, under }),
        (text(), any::<u32>(), prop::collection::vec(key_to_wrap(), 0..4))
            .prop_map(|(project, version, keys)| Question::Wrap { project, version, keys }),
        (text(), any::<Option<u32>>(), any::<Option<u64>>()).prop_map(|(project, version, under)| Question::FileKey {
            project,
            version,
            under
        }),
        change().prop_map(Question::Change),
        Just(()).prop_map(|()| Question::Secrets),
        text().prop_map(|name| Question::Secret { name }),
        (text(), any::<Option<usize>>(), any::<Option<u64>>())
            .prop_map(|(name, version, under)| Question::SecretValue { name, version, under }),
        any::<Option<String>>().prop_map(|project| Question::Logging { project }),
        entry().prop_map(|entry| Question::LogBegin(Box::new((&entry).into()))),
        (any::<u64>(), prop::collection::vec(logged_file(), 0..3))
            .prop_map(|(of, files)| Question::LogFiles { of, files }),
        (any::<u64>(), what()).prop_map(|(of, what)| {
            let end = LogEnd { outcome: Outcome::Failed, error: Some("io".into()), projects: None, what };
            Question::LogEnd { of, end: Box::new((&end).into()) }
        }),
        (text(), edit()).prop_map(|(secret, edit)| Question::EditSecret { secret, edit: Box::new(edit) }),
    ]
}

fn what() -> impl Strategy<Value = What> {
    (any::<String>(), any::<Option<u64>>(), any::<String>()).prop_map(|(subject, files, place)| What {
        subject,
        files,
        place,
        ..What::default()
    })
}

fn entry() -> impl Strategy<Value = NewEntry> {
    let projects = prop::option::of(prop::collection::vec(any::<[u8; 16]>().prop_map(ProjectId::from_bytes), 0..3));
    let action = prop::sample::select(Action::ALL);
    (action, projects, any::<String>(), any::<String>(), what()).prop_map(
        |(action, projects, account, reason, what)| {
            let who = Who { account, uid: Some(1000), via: "script".into(), ..Who::default() };
            NewEntry { projects, reason, what, ..NewEntry::new(action, who) }
        },
    )
}

fn logged_file() -> impl Strategy<Value = LoggedFile> {
    (any::<[u8; 16]>(), any::<u64>(), any::<String>(), any::<Option<[u8; 32]>>()).prop_map(
        |(file, size, path, edges)| LoggedFile {
            file: FileId::from_bytes(file),
            project: None,
            key_version: Some(1),
            size,
            path,
            edges: edges.map(FixedBase64),
            others: Default::default(),
        },
    )
}

fn edit() -> impl Strategy<Value = SecretEditAsked> {
    let text = any::<Option<String>>;
    let told = (text(), any::<Option<Option<String>>>(), text(), any::<Option<Vec<String>>>());
    let value = (text(), text(), any::<Vec<(String, String, bool)>>());
    let before = prop_oneof![Just(Before::Any), Just(Before::None), Just(Before::Some)];
    (told, value, before).prop_map(|((name, project, user, urls), (password, totp, fields), before)| {
        let field = |(name, value, hidden)| SecretField { name, value: SecretText::new(value), hidden };
        let edit = SecretEdit {
            name,
            project,
            user,
            urls,
            password: password.map(SecretText::new),
            totp: totp.map(SecretText::new),
            fields: fields.into_iter().map(field).collect(),
            ..SecretEdit::default()
        };
        SecretEditAsked::new(edit, before)
    })
}

proptest! {
    #[test]
    fn every_question_reads_back(question in question()) {
        goes_round(&question);
    }

    #[test]
    fn no_part_of_a_question_is_a_question(question in question()) {
        let line = question.to_line();
        let line = without_end(&line);
        for end in 0..line.len() {
            prop_assert_eq!(Question::read(&line[..end]).err(), Some(Unread::Malformed), "{} bytes", end);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>()) {
        let _ = (Question::read(&bytes), Answer::read(&bytes));
    }

    #[test]
    fn a_changed_byte_never_panics(question in question(), place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let line = question.to_line();
        let mut line = without_end(&line).to_vec();
        let place = place.index(line.len());
        line[place] = byte;
        let _ = Question::read(&line);
    }
}

fn project() -> Project {
    Project {
        id: ProjectId::from_bytes([3; 16]),
        name: "acme \"2026\"\n".into(),
        client: "Acme".into(),
        first_client: String::new(),
        note: "né".into(),
        created: Timestamp::from_unix(0),
        keys: vec![Key {
            version: 1,
            state: KeyState::Retired,
            current: false,
            created: Timestamp::from_unix(1),
            seen: Some((u64::MAX, Timestamp::from_unix(2))),
            imported: true,
            sealed: None,
        }],
        hold: Some(Hold { since: Timestamp::from_unix(3), reason: "law suit".into() }),
        destroyed: None,
        engagement: Engagement {
            revisions: vec![Revision {
                id: RevisionId::from_bytes([6; 16]),
                at: Timestamp::from_unix(4),
                by: "né".into(),
                set: terms(),
                others: Default::default(),
            }],
            others: Default::default(),
        },
        destruction: Some(DestructionRecord { number: 1, ..DestructionRecord::default() }),
    }
}

fn terms() -> Terms {
    let declared = [("backups".to_owned(), Setting::Given("none".to_owned())), ("b".into(), Setting::Withdrawn)];
    Terms {
        client: Setting::Given("Acme".into()),
        ends: Setting::Given("2027-03-31".parse().unwrap()),
        destroy_by: Setting::Withdrawn,
        declared: Declared(declared.into()),
        ..Terms::default()
    }
}

fn status() -> Status {
    Status {
        vault: VAULT,
        program: "0.1.0".into(),
        pid: 7,
        unlocked_at: Timestamp::from_unix(0),
        idle_seconds_left: 1,
        life_seconds_left: 2,
        projects: Some(vec!["acme".into()]),
        confirms: true,
        watching: Watching { heard_seconds_ago: Some(5), ..Watching::default() },
        shown: Shown { keys: 1, secrets: 4, unwrapped: 2, wrapped: 3 },
        answered: 6,
        connections: 1,
        adopted: 0,
        rotation_waits: false,
    }
}

fn unwrapped(key: [u8; 32]) -> UnwrappedKey {
    UnwrappedKey { content_key: content_key(key), project: "acme".into(), version: 1 }
}

fn secret() -> Secret {
    Secret {
        id: SecretId::from_bytes([4; 16]),
        name: "portal \"1\"\n".into(),
        project: Some("acme".into()),
        kind: String::new(),
        user: "né".into(),
        urls: vec!["https://portal.example".into()],
        tags: Vec::new(),
        from: "csv".into(),
        changed: Timestamp::from_unix(2),
        versions: vec![SecretVersionOf {
            made: Timestamp::from_unix(2),
            user: "né".into(),
            current: true,
            is_head: true,
        }],
    }
}

fn secret_value() -> SecretValue {
    let text = |text: &str| SecretText::new(text.to_owned());
    let field = SecretField { name: "pin".into(), value: text("0\u{0}7"), hidden: true };
    SecretValue { password: text("pässword"), note: text("a\nb"), fields: vec![field], ..SecretValue::default() }
}

fn answers() -> Vec<Answer> {
    vec![
        Answer::Hello {
            vault: VAULT,
            program: "0.1.0".into(),
            pid: 1,
            projects: Some(vec!["acme".into()]),
            confirms: false,
        },
        Answer::Status(Box::new(status())),
        Answer::Locked,
        Answer::Unwrapped(vec![Some(unwrapped([9; 32])), None]),
        Answer::Wrapped(vec![Base64(vec![1, 2]), Base64(Vec::new())]),
        Answer::Projects(vec![project(), project()]),
        Answer::Project(Box::new(project())),
        Answer::Names(vec!["a".into(), "b".into()]),
        Answer::Writable,
        Answer::Kits(vec![Kit {
            number: 3,
            id: KitId::from_bytes([7; 16]),
            created: Timestamp::from_unix(1),
            valid: false,
            ended: Some(Timestamp::from_unix(2)),
            destroyed: None,
        }]),
        Answer::NewestTime(Timestamp::from_unix(9)),
        Answer::FileKey { project: "acme".into(), version: 1, key: FileKey::from_slice(&[5; 32]).unwrap() },
        Answer::Changed {
            effect: EffectOf::AlreadySo,
            project: Box::new(project()),
            notices: vec![NoticeOf::AnchorNotWritten { reason: "it is locked".into() }],
        },
        Answer::Secrets(vec![secret(), secret()]),
        Answer::Secret(Box::new(secret())),
        Answer::SecretValue(secret_value()),
        Answer::SecretChanged { effect: EffectOf::AlreadySo, notices: Vec::new() },
        Answer::Failed(Error::from(NotFound::Project { name: "acme".into(), similar: None }).into()),
        Answer::Refused(Refusal::Locked { reason: "the agent has locked".into() }),
        Answer::Refused(Refusal::OtherProtocol { speaks: 1 }),
    ]
}

#[test]
fn every_answer_reads_back_and_no_part_of_one_does() {
    for answer in answers() {
        answer_goes_round(&answer);
        let line = answer.to_line();
        let line = without_end(&line);
        for end in 0..line.len() {
            assert_eq!(Answer::read(&line[..end]).err(), Some(Unread::Malformed), "{end} bytes of {line:?}");
        }
    }
}

#[test]
fn a_project_goes_over_the_wire_as_it_is() {
    let info = crate::vault::ProjectInfo::from(project());
    assert_eq!(Project::from(info), project());
}

#[test]
fn the_question_to_lock_and_its_answer_never_change() {
    assert_eq!(Question::Lock.to_line().as_bytes(), b"{\"v\":1,\"ask\":\"lock\"}\n");
    assert_eq!(Answer::Locked.to_line().as_bytes(), b"{\"v\":1,\"answer\":\"locked\"}\n");
    let of_others =
        [r#"{"v":2,"ask":"lock"}"#, r#"{"ask":"lock","v":4294967295}"#, r#"{"v":0,"ask":"lock","why":{"x":[1]}}"#];
    for line in of_others {
        assert!(matches!(Question::read(line.as_bytes()), Ok(Question::Lock)), "{line}");
    }
    for line in [r#"{"v":2,"answer":"locked"}"#, r#"{"v":9,"answer":"locked","more":true}"#] {
        assert!(matches!(Answer::read(line.as_bytes()), Ok(Answer::Locked)), "{line}");
    }
}

#[test]
fn another_protocol_is_told_from_garbage() {
    let other = [r#"{"v":2,"ask":"status"}"#, r#"{"v":2,"ask":{"open":{"x":1}}}"#, r#"{"v":0}"#, r#"{"v":7,"ask":7}"#];
    for line in other {
        assert!(matches!(Question::read(line.as_bytes()), Err(Unread::OtherProtocol(_))), "{line}");
        assert!(matches!(Answer::read(line.as_bytes()), Err(Unread::OtherProtocol(_))), "{line}");
    }
}

#[test]
fn hostile_lines_are_no_questions() {
    let prelude = "A".repeat(43) + "=";
    let deep = "[".repeat(60_000);
    let long = format!(r#"{{"v":1,"ask":{{"project":{{"name":"{}"}}}}}}x"#, "a".repeat(60_000));
    let unwrap = |prelude: &str, stanza: &str, among: &str| {
        let key = format!(r#"{{"prelude":"{prelude}","stanza":"{stanza}"}}"#);
        format!(r#"{{"v":1,"ask":{{"unwrap":{{"keys":[{key}],"among":{among}}}}}}}"#)
    };
    let vault = r#"{"vault":{"first":null}}"#;
    assert!(Question::read(unwrap(&prelude, "", vault).as_bytes()).is_ok());
    let lines = [
        String::new(),
        " ".into(),
        "null".into(),
        "lock".into(),
        r#""lock""#.into(),
        "{}".into(),
        r#"{"ask":"lock"}"#.into(),
        r#"{"v":1}"#.into(),
        r#"{"v":1.0,"ask":"hello"}"#.into(),
        r#"{"v":-1,"ask":"lock"}"#.into(),
        r#"{"v":4294967296,"ask":"lock"}"#.into(),
        r#"{"v":"1","ask":"lock"}"#.into(),
        r#"{"v":1,"ask":"Lock"}"#.into(),
        r#"{"v":1,"ask":"unlock"}"#.into(),
        r#"{"v":1,"ask":"status","ask":"lock"}"#.into(),
        r#"{"v":1,"v":1,"ask":"status"}"#.into(),
        r#"{"v":1,"ask":"status","more":1}"#.into(),
        r#"{"v":1,"ask":"status"} {"v":1,"ask":"status"}"#.into(),
        r#"{"v":1,"ask":{"project":{"name":"a","other":1}}}"#.into(),
        r#"{"v":1,"ask":{"project":{"name":"a"},"names":null}}"#.into(),
        r#"{"v":1,"ask":{"project":{}}}"#.into(),
        r#"{"v":1,"ask":{"file-key":{"project":"a","version":-1}}}"#.into(),
        r#"{"v":1,"ask":{"file-key":{"project":"a","version":1e1}}}"#.into(),
        r#"{"v":1,"ask":{"project":{"name":"\ud800"}}}"#.into(),
        unwrap("AAAA", "", vault),
        unwrap(&"A".repeat(44), "", vault),
        unwrap(&prelude, "AB==", vault),
        unwrap(&prelude, "", r#"{"vault":{}, "project":"a"}"#),
        format!(
            r#"{{"v":1,"ask":{{"wrap":{{"project":"a","version":1,"keys":[{{"prelude":"{prelude}","content_key":"AAAA"}}]}}}}}}"#
        ),
        deep.clone(),
        format!(r#"{{"v":1,"ask":{deep}"#),
        long,
    ];
    for line in lines {
        assert!(Question::read(line.as_bytes()).is_err(), "{}", line.chars().take(200).collect::<String>());
    }
    for bytes in [&b"{\"v\":1,\"ask\":\"st\xffatus\"}"[..], b"\0", b"\xff\xfe", b"{\"v\":1,\"ask\":\"status\"}\0"] {
        assert!(Question::read(bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn nothing_shows_a_key() {
    let text = format!(
        "{:?} {:?} {:?}",
        Answer::Unwrapped(vec![Some(unwrapped([0x41; 32]))]),
        Question::Wrap {
            project: "acme".into(),
            version: 1,
            keys: vec![KeyToWrap { prelude: FixedBase64([0; 32]), content_key: content_key([0x41; 32]) }],
        },
        Answer::Unwrapped(vec![Some(unwrapped([0x41; 32]))]).to_line(),
    );
    assert!(!text.contains("65") && !text.contains("QUFB") && !text.contains("AAAA"), "{text}");
    // Nor does an error that comes of one.
    let no_key = r#"{"v":1,"answer":{"file-key":{"project":"a","version":1,"key":"c2VjcmV0"}}}"#;
    let error = serde_json::from_str::<Answered>(no_key).err().unwrap().to_string();
    assert!(!error.contains("c2VjcmV0"), "{error}");
}

#[test]
fn a_line_grows_and_is_taken_apart() {
    let mut line = Line::new();
    for _ in 0..1000 {
        line.extend(b"abc");
    }
    assert_eq!(line.as_bytes().len(), 3000);
    assert!(line.take_line(0).is_none());
    line.extend(b"\nrest\n\n");
    assert_eq!(line.take_line(2999).unwrap().as_bytes(), "abc".repeat(1000).as_bytes());
    assert_eq!(line.take_line(0).unwrap().as_bytes(), b"rest");
    assert_eq!(line.take_line(0).unwrap().as_bytes(), b"");
    assert!(line.take_line(0).is_none());
    assert!(line.as_bytes().is_empty());
}

#[test]
fn a_change_names_its_project() {
    let change = Change::RememberScan { project: "acme".into(), files: BTreeMap::from([(1, 2)]) };
    assert_eq!(change.project(), "acme");
}
