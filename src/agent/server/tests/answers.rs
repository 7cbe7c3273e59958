//! What an agent answers is what the vault itself would say.

use std::io::{Read, Write};

use super::*;
use crate::agent::limits::KEYS_AT_ONCE;
use crate::agent::protocol::{self, Change, KeyToUnwrap, KeyToWrap};
use crate::agent::transport::connect;
use crate::body::{Metadata, Opener, Sealer};
use crate::crypto::secret::{ContentKey, SecretText};
use crate::format::scalar::{Base64, FixedBase64};
use crate::keys::{FileKeys, SealingKey, WrappedKey};
use crate::vault::{Among, Before, Effect, SecretEdit};

fn seal(keys: &dyn FileKeys, project: &str, version: u32) -> Vec<u8> {
    let key = SealingKey { keys, project, version };
    let mut sealer = Sealer::new(key, &Metadata::default(), Vec::new()).unwrap();
    sealer.write_all(b"id,name\n").unwrap();
    sealer.finish().unwrap()
}

fn open(keys: &dyn FileKeys, sealed: &[u8]) -> Vec<u8> {
    let mut opened = Vec::new();
    Opener::new(sealed.to_vec(), keys).unwrap().reader().read_to_end(&mut opened).unwrap();
    opened
}

#[test]
fn a_file_is_sealed_and_opened_through_the_agent() {
    let home = Home::new();
    let agent = home.agent();
    let (client, unlocked) = (agent.client(), home.unlocked());
    for sealed in [seal(&client, "acme", 1), seal(&unlocked, "acme", 1)] {
        assert_eq!(open(&client, &sealed), b"id,name\n");
        assert_eq!(open(&unlocked, &sealed), b"id,name\n");
    }
    let status = client.status().unwrap();
    assert_eq!((status.shown.wrapped, status.shown.unwrapped, status.shown.keys), (1, 2, 0));
    assert!(agent.end().wiped);
}

#[test]
fn many_content_keys_are_wrapped_at_once() {
    let home = Home::new();
    let agent = home.agent();
    let (client, unlocked) = (agent.client(), home.unlocked());
    let count = KEYS_AT_ONCE * 2 + 3;
    let keys = (0..count).map(|number| KeyToWrap {
        prelude: FixedBase64([number as u8; 32]),
        content_key: ContentKey::from_slice(&[number as u8 ^ 0x5a; 32]).unwrap(),
    });
    let stanzas = client.wrap_all("acme", 1, keys).unwrap();
    assert_eq!(stanzas.len(), count);
    for (number, stanza) in stanzas.iter().enumerate() {
        let wrapped = WrappedKey { prelude: &[number as u8; 32], stanza };
        let (content_key, by) = unlocked.unwrap_content_key(wrapped).unwrap().unwrap();
        assert_eq!(content_key.expose(), &[number as u8 ^ 0x5a; 32]);
        assert_eq!((by.project.as_str(), by.version), ("acme", 1));
        // Bound to its own prelude alone.
        let moved = WrappedKey { prelude: &[number as u8 ^ 1; 32], stanza };
        assert!(client.unwrap_content_key(moved).unwrap().is_none());
    }
    // One question, whatever the number of keys up to the limit.
    assert_eq!(client.status().unwrap().shown.wrapped, count as u64);
}

#[test]
fn many_content_keys_are_unwrapped_at_once() {
    let home = Home::new();
    home.unlocked().add_project(&named("bistro")).unwrap();
    let agent = home.agent();
    let client = agent.client();
    let count = KEYS_AT_ONCE + 3;
    let project = |number: usize| if number.is_multiple_of(5) { "bistro" } else { "acme" };
    let (preludes, stanzas): (Vec<_>, Vec<_>) = (0..count)
        .map(|number| {
            let (prelude, key) = ([number as u8; 32], ContentKey::from_slice(&[number as u8 ^ 0x5a; 32]).unwrap());
            (prelude, client.wrap_content_key(project(number), 1, &prelude, &key).unwrap())
        })
        .unzip();
    let wrapped = |number: usize| WrappedKey { prelude: &preludes[number], stanza: &stanzas[number] };
    let none_fits = WrappedKey { prelude: &[0xff; 32], stanza: &stanzas[7] };
    let all: Vec<_> = (0..count).map(|number| if number == 7 { none_fits } else { wrapped(number) }).collect();
    let before = client.status().unwrap();
    let unwrapped = client.unwrap_some(&all, Among::Vault { first: None }).unwrap();
    assert_eq!(unwrapped.len(), KEYS_AT_ONCE);
    for (number, unwrapped) in unwrapped.into_iter().enumerate() {
        let Some((content_key, by)) = unwrapped else {
            assert_eq!(number, 7);
            continue;
        };
        assert_eq!(content_key.expose(), &[number as u8 ^ 0x5a; 32]);
        assert_eq!((by.project.as_str(), by.version), (project(number), 1));
    }
    let after = client.status().unwrap();
    assert_eq!(after.answered - before.answered, 2);
    assert_eq!(after.shown.unwrapped - before.shown.unwrapped, KEYS_AT_ONCE as u64 - 1);
    let of_one = client.unwrap_some(&all[..6], Among::Project("acme")).unwrap();
    let opened: Vec<bool> = of_one.iter().map(Option::is_some).collect();
    assert_eq!(opened, [false, true, true, true, true, false]);
    assert!(client.unwrap_some(&[], Among::Vault { first: None }).unwrap().is_empty());
}

#[test]
fn more_keys_than_are_taken_at_once_are_refused() {
    let home = Home::new();
    let agent = home.agent();
    let mut connection = connect(agent.place.socket()).unwrap();
    let mut asked = |count: usize| {
        let key = |_| KeyToUnwrap { prelude: FixedBase64([1; 32]), stanza: Base64(vec![2; 100]) };
        let among = protocol::Among::Project("acme".into());
        let question = Question::Unwrap { keys: (0..count).map(key).collect(), among, under: None };
        connection.write_line(&question.to_line(), LINE_TIME).unwrap();
        let line = connection.read_line(QUESTION_LIMIT, None, LINE_TIME).unwrap();
        Answer::read(line.as_bytes()).unwrap()
    };
    let taken = asked(KEYS_AT_ONCE);
    assert!(matches!(&taken, Answer::Unwrapped(keys) if keys.len() == KEYS_AT_ONCE), "{taken:?}");
    let refused = asked(KEYS_AT_ONCE + 1);
    assert!(matches!(refused, Answer::Refused(Refusal::TooMany)), "{refused:?}");
}

#[test]
fn many_files_are_sealed_with_few_questions() {
    let home = Home::new();
    let agent = home.agent();
    let (client, unlocked) = (agent.client(), home.unlocked());
    let answered = || client.status().unwrap().answered;
    let before = answered();
    let sealed: Vec<_> = (0..127).map(|_| seal(&client, "acme", 1)).collect();
    // 1, 2, 4, 8, 16, 32 and 64 keys, and the status itself.
    assert_eq!(answered() - before, 8);
    sealed.iter().for_each(|sealed| assert_eq!(open(&unlocked, sealed), b"id,name\n"));
}

#[test]
fn whose_keys_are_tried_is_what_was_asked() {
    let home = Home::new();
    home.unlocked().add_project(&named("bistro")).unwrap();
    let agent = home.agent();
    let client = agent.client();
    let (prelude, key) = ([1; 32], ContentKey::generate().unwrap());
    let stanza = client.wrap_content_key("bistro", 1, &prelude, &key).unwrap();
    let wrapped = WrappedKey { prelude: &prelude, stanza: &stanza };
    let opens = |among| client.unwrap_among(wrapped, among).unwrap().map(|(_, by)| by.project);
    assert_eq!(opens(Among::Project("acme")), None);
    for among in [Among::Project("bistro"), Among::Vault { first: None }, Among::Vault { first: Some("acme") }] {
        assert_eq!(opens(among).as_deref(), Some("bistro"));
    }
}

#[test]
fn projects_and_keys_are_those_of_the_vault() {
    let home = Home::new();
    let mut unlocked = home.unlocked();
    unlocked.add_project(&NewProject { client: "Bistro Ltd".into(), note: "né".into(), ..named("bistro") }).unwrap();
    unlocked.hold_project("bistro", "law suit", "").unwrap();
    unlocked.rotate_file_key("bistro").unwrap();
    unlocked.remember_scan("bistro", &[(1, 7)].into()).unwrap();
    let agent = home.agent();
    let client = agent.client();
    assert_eq!(client.vault(), VAULT);
    assert_eq!(client.projects().unwrap(), unlocked.projects());
    assert_eq!(client.project("bistro").unwrap(), unlocked.project("bistro").unwrap());
    assert_eq!(client.names().unwrap(), ["acme", "bistro"]);
    client.check_writable().unwrap();
    for version in [None, Some(1), Some(2)] {
        let (shown, own) = (client.file_key("bistro", version).unwrap(), unlocked.file_key("bistro", version).unwrap());
        assert_eq!((shown.project, shown.version), (own.project, own.version));
        assert_eq!(shown.key.expose(), own.key.expose());
    }
    assert_eq!(client.status().unwrap().shown.keys, 3);
}

#[test]
fn what_the_vault_says_against_a_question_arrives_as_it_is() {
    let home = Home::new();
    let agent = home.agent();
    let (client, unlocked) = (agent.client(), home.unlocked());
    let same = |through: Error, own: Error| assert_eq!(format!("{through:?}"), format!("{own:?}"));
    same(refused(client.project("acne")), unlocked.project("acne").unwrap_err());
    same(refused(client.usable_project("acne")), unlocked.usable_project("acne").unwrap_err());
    same(refused(client.file_key("acme", Some(7))), unlocked.file_key("acme", Some(7)).unwrap_err());
    let key = ContentKey::generate().unwrap();
    let wrap = |keys: &dyn FileKeys, project| keys.wrap_content_key(project, 3, &[0; 32], &key).unwrap_err();
    same(wrap(&client, "acme"), wrap(&unlocked, "acme"));
    same(wrap(&client, "nobody"), wrap(&unlocked, "nobody"));
}

#[test]
fn an_agent_for_some_projects_answers_for_no_others() {
    let home = Home::new();
    let mut unlocked = home.unlocked();
    unlocked.add_project(&named("bistro")).unwrap();
    let terms = Terms { projects: Some(vec!["acme".into()]), ..Terms::default() };
    let agent = home.agent_with(terms, TestClock::new(), None);
    let client = agent.client();
    let outside = |why| assert!(matches!(why, Unanswered::Refused(Refusal::OutsideScope)), "{why:?}");
    let names = |projects: Vec<crate::vault::ProjectInfo>| projects.into_iter().map(|project| project.name);
    assert!(names(client.projects().unwrap()).eq(["acme"]));
    assert_eq!(client.names().unwrap(), ["acme"]);
    assert_eq!(client.status().unwrap().projects.unwrap(), ["acme"]);
    outside(unanswered(client.project("bistro")));
    outside(unanswered(client.file_key("bistro", None)));
    for change in [
        Change::AddProject {
            name: "cafe".into(),
            client: String::new(),
            note: String::new(),
            terms: Box::default(),
            by: String::new(),
        },
        Change::RotateKey { project: "bistro".into() },
    ] {
        outside(unanswered(client.change(change)));
    }
    let (prelude, key) = ([1; 32], ContentKey::generate().unwrap());
    let stanza = unlocked.wrap_content_key("bistro", 1, &prelude, &key).unwrap();
    let wrapped = WrappedKey { prelude: &prelude, stanza: &stanza };
    for among in [Among::Project("bistro"), Among::Vault { first: Some("bistro") }] {
        outside(unanswered(client.unwrap_among(wrapped, among)));
    }
    let to_wrap = KeyToWrap { prelude: FixedBase64(prelude), content_key: key };
    outside(unanswered(client.wrap_all("bistro", 1, [to_wrap])));
    // The project itself is meant, whatever it is called.
    client.change(Change::RenameProject { project: "acme".into(), name: "zenith".into() }).unwrap();
    assert_eq!(client.names().unwrap(), ["zenith"]);
    client.file_key("zenith", None).unwrap();
    assert_eq!(home.unlocked().projects().len(), 2);
}

fn secret(project: Option<&str>, password: &str) -> SecretEdit {
    SecretEdit {
        project: project.map(|project| Some(project.to_owned())),
        password: Some(SecretText::new(password.to_owned())),
        ..SecretEdit::default()
    }
}

#[test]
fn a_secret_is_stored_and_shown_through_the_agent_as_without_it() {
    let home = Home::new();
    let agent = home.agent();
    let client = agent.client();
    let (effect, notices) = client.edit_secret("portal", secret(Some("acme"), "hunter2"), Before::None).unwrap();
    assert_eq!((effect, notices), (Effect::Changed, vec![]));
    assert_eq!(client.edit_secret("portal", secret(None, "hunter2"), Before::Some).unwrap().0, Effect::AlreadySo);
    let unlocked = home.unlocked();
    assert_eq!(client.secrets().unwrap(), unlocked.secrets());
    assert_eq!(client.secret("portal").unwrap(), unlocked.secret("portal").unwrap());
    assert_eq!(client.secret_value("portal", None).unwrap().password.expose(), "hunter2");
    assert_eq!(client.status().unwrap().shown.secrets, 1);
    let same = |asked: Error, own: Error| assert_eq!(format!("{asked:?}"), format!("{own:?}"));
    let mut unlocked = unlocked;
    unlocked.hold_project("acme", "law suit", "").unwrap();
    let away = || SecretEdit { project: Some(None), ..SecretEdit::default() };
    let own = unlocked.edit_secret("portal", &away(), Before::Some).unwrap_err();
    same(refused(client.edit_secret("portal", away(), Before::Some)), own);
    same(refused(client.secret("portl")), unlocked.secret("portl").unwrap_err());
    same(refused(client.secret_value("portal", Some(7))), unlocked.secret_value("portal", Some(7)).unwrap_err());
    for (name, edit, before) in [
        ("portal", secret(None, "x"), Before::None),
        ("other", secret(None, "x"), Before::Some),
        ("-x", secret(None, "x"), Before::Any),
        ("other", secret(Some("nobody"), "x"), Before::Any),
        ("other", secret(None, &"x".repeat(50_000)), Before::Any),
        ("other", SecretEdit { user: Some("\n".into()), ..SecretEdit::default() }, Before::Any),
    ] {
        let own = unlocked.edit_secret(name, &edit, before).unwrap_err();
        same(refused(client.edit_secret(name, edit, before)), own);
    }
}

#[test]
fn an_agent_for_some_projects_answers_for_their_secrets_alone() {
    let home = Home::new();
    let mut unlocked = home.unlocked();
    unlocked.add_project(&named("bistro")).unwrap();
    for (name, project) in [("ours", Some("acme")), ("theirs", Some("bistro")), ("nobody's", None)] {
        unlocked.edit_secret(name, &secret(project, "x"), Before::None).unwrap();
    }
    let terms = Terms { projects: Some(vec!["acme".into()]), ..Terms::default() };
    let agent = home.agent_with(terms, TestClock::new(), None);
    let client = agent.client();
    let outside = |why| assert!(matches!(why, Unanswered::Refused(Refusal::OutsideScope)), "{why:?}");
    assert!(client.secrets().unwrap().iter().map(|secret| &*secret.name).eq(["ours"]));
    for name in ["theirs", "nobody's"] {
        outside(unanswered(client.secret(name)));
        outside(unanswered(client.secret_value(name, None)));
        outside(unanswered(client.edit_secret(name, secret(None, "y"), Before::Any)));
        // Nor can it be taken over.
        outside(unanswered(client.edit_secret(name, secret(Some("acme"), "y"), Before::Any)));
    }
    outside(unanswered(client.edit_secret("ours", secret(Some("bistro"), "y"), Before::Any)));
    let away = SecretEdit { project: Some(None), ..SecretEdit::default() };
    outside(unanswered(client.edit_secret("ours", away, Before::Some)));
    outside(unanswered(client.edit_secret("new", secret(None, "y"), Before::None)));
    client.edit_secret("ours", secret(None, "y"), Before::Some).unwrap();
    client.edit_secret("new", secret(Some("acme"), "y"), Before::None).unwrap();
    let theirs = home.unlocked().secret_value("theirs", None).unwrap();
    assert_eq!(theirs.password.expose(), "x");
}

#[test]
fn the_user_is_asked_before_a_secret_is_shown() {
    let says = Arc::new(AtomicBool::new(true));
    let answer = Arc::clone(&says);
    let confirm = move |text: &str| text == "show the secret \"portal\"" && answer.load(Ordering::SeqCst);
    let home = Home::new();
    home.unlocked().edit_secret("portal", &secret(None, "x"), Before::None).unwrap();
    let terms = Terms { confirm: Some(Box::new(confirm)), ..Terms::default() };
    let agent = home.agent_with(terms, TestClock::new(), None);
    let client = agent.client();
    client.secret_value("portal", None).unwrap();
    says.store(false, Ordering::SeqCst);
    let why = unanswered(client.secret_value("portal", None));
    assert!(matches!(why, Unanswered::Refused(Refusal::NotConfirmed)), "{why:?}");
    client.edit_secret("portal", secret(None, "y"), Before::Some).unwrap();
    client.secrets().unwrap();
    assert_eq!(client.status().unwrap().shown.secrets, 1);
}

#[test]
fn an_agent_is_not_made_for_a_project_that_is_not_there() {
    let home = Home::new();
    let terms = Terms { projects: Some(vec!["acme".into(), "nobody".into()]), ..Terms::default() };
    let made = Server::new(home.unlocked(), terms, home.place().take().unwrap());
    assert!(matches!(made.err(), Some(Error::NotFound(_))));
}

#[test]
fn the_user_is_asked_before_a_key_is_shown_and_before_nothing_else() {
    static ASKED: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let says = Arc::new(AtomicBool::new(true));
    let answer = Arc::clone(&says);
    let confirm = move |text: &str| {
        lock(&ASKED).push(text.to_owned());
        answer.load(Ordering::SeqCst)
    };
    let home = Home::new();
    let terms = Terms { confirm: Some(Box::new(confirm)), ..Terms::default() };
    let agent = home.agent_with(terms, TestClock::new(), None);
    let client = agent.client();
    seal(&client, "acme", 1);
    client.projects().unwrap();
    client.file_key("acme", None).unwrap();
    assert_eq!(*lock(&ASKED), ["show a file key of project \"acme\""]);
    says.store(false, Ordering::SeqCst);
    let why = unanswered(client.file_key("acme", None));
    assert!(matches!(why, Unanswered::Refused(Refusal::NotConfirmed)), "{why:?}");
    let status = client.status().unwrap();
    assert_eq!((status.shown.keys, status.confirms), (1, true));
}

#[test]
fn many_clients_are_answered_at_once() {
    let home = Home::new();
    let agent = home.agent();
    let client = agent.client();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let sealed = seal(&client, "acme", 1);
                    assert_eq!(open(&client, &sealed), b"id,name\n");
                }
            });
        }
    });
    assert_eq!(client.status().unwrap().shown.unwrapped, 320);
}

#[test]
fn connections_that_are_all_at_work_leave_room_for_no_other_and_say_so() {
    use crate::agent::limits::CONNECTIONS;
    let state = Arc::new((Mutex::new((0, false)), std::sync::Condvar::new()));
    let asked = Arc::clone(&state);
    let confirm = move |_: &str| {
        let (asked, told) = &*asked;
        let mut asked = lock(asked);
        asked.0 += 1;
        told.notify_all();
        drop(told.wait_while(asked, |(_, may_go_on)| !*may_go_on).unwrap());
        true
    };
    let home = Home::new();
    let terms = Terms { confirm: Some(Box::new(confirm)), ..Terms::default() };
    let agent = home.agent_with(terms, TestClock::new(), None);
    let line = Question::FileKey { project: "acme".into(), version: None, under: None }.to_line();
    let mut busy: Vec<Connection> = (0..CONNECTIONS)
        .map(|_| {
            let mut connection = crate::agent::transport::connect(agent.place.socket()).unwrap();
            connection.write_line(&line, ANSWER_TIME).unwrap();
            connection
        })
        .collect();
    let (count, told) = &*state;
    drop(told.wait_while(lock(count), |(asked, _)| *asked < CONNECTIONS).unwrap());
    let why = Client::at(&agent.place).err();
    assert!(matches!(why, Some(Unanswered::Refused(Refusal::Busy))), "{why:?}");
    lock(count).1 = true;
    told.notify_all();
    for connection in &mut busy {
        let answer = connection.read_line(1000, Some(Duration::from_secs(20)), LINE_TIME).unwrap();
        assert!(matches!(Answer::read(answer.as_bytes()), Ok(Answer::FileKey { .. })));
    }
}
