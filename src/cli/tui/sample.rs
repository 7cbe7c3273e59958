//! A vault for the tests of the screen, without any vault.

use std::time::Duration;

use super::events::{Answer, By, Event, Facts, Now, Unlocked};
use super::input::Key;
use super::lists::{Contents, Kit, Warning};
use super::state::State;
use crate::crypto::secret::SecretText;
use crate::doctor::Level;
use crate::format::secret::{SecretField, SecretValue};
use crate::format::vault::KeyState;
use crate::format::{ProjectId, SecretId, Timestamp};
use crate::vault::{HoldInfo, KeyInfo, ProjectInfo, SecretInfo, SecretVersion};
use crate::words::{Flags, command};

/// 2026-11-27, 08:00.
pub const TODAY: i64 = 1_795_766_400;
const DAY: i64 = 24 * 60 * 60;

/// What no screen may show before it is asked for.
pub const PASSWORD: &str = "hunter2-of-the-portal";

pub fn days_ago(days: i64) -> Timestamp {
    Timestamp::from_unix(TODAY - days * DAY)
}

pub fn now(seconds: u64) -> Now {
    Now { clock: Duration::from_secs(seconds), slept: Duration::ZERO, today: Timestamp::from_unix(TODAY) }
}

pub fn project(name: &str, client: &str, keys: &[i64]) -> ProjectInfo {
    let keys = keys.iter().enumerate().map(|(index, days)| KeyInfo {
        version: u32::try_from(index).unwrap() + 1,
        state: KeyState::Active,
        current: index + 1 == keys.len(),
        created: days_ago(*days),
        seen: None,
        imported: false,
        sealed: None,
    });
    ProjectInfo {
        id: ProjectId::generate().unwrap(),
        name: name.into(),
        client: client.into(),
        first_client: client.into(),
        note: String::new(),
        created: days_ago(400),
        keys: keys.collect(),
        hold: None,
        destroyed: None,
        engagement: Default::default(),
        destruction: None,
    }
}

pub fn secret(name: &str, project: Option<&str>, user: &str, url: &str) -> SecretInfo {
    let version = SecretVersion { made: days_ago(3), user: user.into(), current: true, is_head: true };
    SecretInfo {
        id: SecretId::generate().unwrap(),
        name: name.into(),
        project: project.map(str::to_owned),
        kind: String::new(),
        user: user.into(),
        urls: if url.is_empty() { Vec::new() } else { vec![url.into()] },
        tags: Vec::new(),
        from: String::new(),
        changed: days_ago(3),
        versions: vec![version],
    }
}

pub fn value() -> SecretValue {
    let text = |text: &str| SecretText::new(text.to_owned());
    let field = SecretField { name: "PIN".into(), value: text("4711"), hidden: true };
    SecretValue {
        password: text(PASSWORD),
        note: text("ask Ada first\nthen her deputy"),
        fields: vec![field],
        ..SecretValue::default()
    }
}

pub fn contents() -> Contents {
    let mut bistro = project("bistro", "Bistro Zum Goldenen L\u{f6}wen GmbH & Co. KG, Graz", &[90]);
    bistro.hold = Some(HoldInfo { since: days_ago(20), reason: "litigation".into() });
    let mut closed = project("closed-2024", "Old Client", &[800]);
    closed.destroyed = Some(days_ago(100));
    closed.keys[0].state = KeyState::Destroyed;
    closed.keys[0].current = false;
    let asia = project("\u{6771}\u{4eac}-\u{7814}\u{7a76}", "\u{6771}\u{4eac}\u{682a}\u{5f0f}\u{4f1a}\u{793e}", &[0]);
    let mut tagged = secret("github", None, "ada", "https://github.com");
    tagged.tags = vec!["dev".into()];
    let wide = secret("\u{6771}\u{4eac} \u{9280}\u{884c}", Some(&asia.name), "\u{5c71}\u{7530}\u{592a}\u{90ce}", "");
    let long = secret(
        "the payment portal of a client whose name never ends and never fits",
        Some("bistro"),
        "accounting.department@bistro.example",
        "https://portal.bistro.example/with/a/long/path",
    );
    let portal = secret("portal", Some("acme-2026"), "ada@acme.example", "https://portal.acme.example/login");
    let hostile = secret("red\u{1b}[31m\u{202e}", None, "", "");
    let acme = project("acme-2026", "Acme Limited", &[400, 120]);
    Contents::new(vec![acme, bistro, closed, asia], vec![tagged, portal, hostile, long, wide])
}

pub fn unlocked(by: By) -> Answer {
    Answer::Unlocked(Box::new(Unlocked { by, contents: contents(), kits: None, notices: Vec::new() }))
}

/// A screen on which nothing is known yet.
pub fn begun(size: (u16, u16)) -> State {
    State::new("/home/ada/.local/share/strongroom/vault.json".into(), now(0), size).0
}

/// A screen of a vault that is locked.
pub fn locked(size: (u16, u16)) -> State {
    let mut state = begun(size);
    let kit = Kit { name: "1-KT".into(), made: days_ago(400), state: "valid".into() };
    state.handle(Event::Facts(Facts { kits: vec![kit], warning: None }));
    state.handle(Event::Answer(0, Answer::Locked));
    let copies = Warning {
        check: "other copies",
        level: Level::Problem,
        text: "vault (conflict).json beside the vault is another copy of it".into(),
        remedy: Some(format!(
            "merge it: {}",
            command("vault merge").arg("vault (conflict).json").with(&Flags::default())
        )),
    };
    state.handle(Event::Warnings(vec![copies]));
    state
}

/// A screen of a vault that the agent keeps unlocked.
pub fn opened(size: (u16, u16)) -> State {
    let mut state = locked(size);
    state.handle(Event::Answer(0, unlocked(By::Agent { seconds: 840, some: false })));
    state
}

pub fn press(state: &mut State, keys: &str) -> Vec<super::events::Effect> {
    let press = |c: char| {
        state.handle(Event::Key(match c {
            '\r' => Key::Enter,
            '\t' => Key::Tab,
            '\u{1b}' => Key::Esc,
            c => Key::Char(c),
        }))
    };
    keys.chars().flat_map(press).collect()
}
