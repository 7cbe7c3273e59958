use proptest::prelude::*;

use super::*;
use crate::cli::tui::input::Key;
use crate::cli::tui::sample::{PASSWORD, begun, contents, locked, now, opened, press, unlocked, value};

const SIZE: (u16, u16) = (80, 24);

/// Returns what is called what the selected entry is.
fn selected(state: &State) -> &str {
    state.selected().and_then(|place| state.lists.name(state.tab, place)).unwrap_or_default()
}

fn revealed(state: &State) -> Option<&str> {
    state.revealed.as_ref().map(|revealed| revealed.value.password.expose())
}

/// Shows what a secret holds.
fn reveal(state: &mut State) {
    let effects = press(state, "/port\rr");
    let [Effect::Reveal(epoch, name)] = &effects[..] else { panic!("{} effects", effects.len()) };
    assert_eq!(name, "portal");
    state.handle(Event::Answer(*epoch, Answer::Value(name.clone(), value())));
    assert_eq!(revealed(state), Some(PASSWORD));
}

#[test]
fn three_letters_find_a_secret_by_any_of_its_texts() {
    for (typed, name) in [
        ("gith", "github"),
        ("GIT", "github"),
        ("dev", "github"),
        ("hub.com", "github"),
        ("@acme", "portal"),
        ("acme-2026", "portal"),
        // The client of its project.
        ("limited", "portal"),
        ("log ada", "portal"),
        ("\u{9280}", "\u{6771}\u{4eac} \u{9280}\u{884c}"),
    ] {
        let mut state = opened(SIZE);
        press(&mut state, &format!("/{typed}"));
        assert_eq!((state.view().found.len(), selected(&state)), (1, name), "{typed:?}");
    }
    let mut state = opened(SIZE);
    press(&mut state, "/zzz");
    assert_eq!(state.selected(), None);
    press(&mut state, "\u{1b}");
    assert_eq!(state.view().found.len(), 5);
}

#[test]
fn a_query_narrows_secrets_and_projects_and_hides_no_warning() {
    let mut state = opened(SIZE);
    press(&mut state, "/acme\t");
    assert_eq!((state.tab, selected(&state)), (Tab::Projects, "acme-2026"));
    press(&mut state, "\t");
    assert_eq!((state.tab, state.view().found.len()), (Tab::Kits, 1));
    press(&mut state, "\t");
    assert_eq!((state.tab, state.view().found.len()), (Tab::Warnings, 1));
    // There is nothing to search in: the search is for secrets.
    press(&mut state, "\u{1b}/");
    assert_eq!((state.tab, state.is_searching), (Tab::Secrets, true));
}

#[test]
fn what_a_secret_holds_is_shown_for_ten_seconds() {
    let mut state = opened(SIZE);
    state.handle(Event::Tick(now(100)));
    reveal(&mut state);
    assert_eq!(state.next_tick(), Duration::from_secs(101).min(state.next_tick()));
    state.handle(Event::Tick(now(109)));
    assert_eq!(revealed(&state), Some(PASSWORD));
    assert!(state.next_tick() <= Duration::from_secs(110));
    state.handle(Event::Tick(now(110)));
    assert_eq!(revealed(&state), None);
    assert!(state.is_open);
}

#[test]
fn it_is_hidden_by_each_key_that_leads_away_from_it() {
    for keys in ["r", "\u{1b}", "\r", "\t", "/", "?", "u", "l", "q", "1", "2"] {
        let mut state = opened(SIZE);
        reveal(&mut state);
        press(&mut state, keys);
        assert_eq!(revealed(&state), None, "{keys:?}");
    }
    for key in [Key::Ctrl('z'), Key::Ctrl('c'), Key::BackTab, Key::Left] {
        let mut state = opened(SIZE);
        reveal(&mut state);
        state.handle(Event::Key(key));
        assert_eq!(revealed(&state), None, "{key:?}");
    }
    let mut state = opened(SIZE);
    reveal(&mut state);
    state.handle(Event::Tick(Now { slept: Duration::from_secs(60), ..now(1) }));
    assert_eq!(revealed(&state), None);
}

#[test]
fn a_value_that_arrives_late_is_not_shown() {
    for keys in ["\u{1b}", "l", "\t", "/"] {
        let mut state = opened(SIZE);
        press(&mut state, "/port\rr");
        press(&mut state, keys);
        state.handle(Event::Answer(0, Answer::Value("portal".into(), value())));
        assert_eq!(revealed(&state), None, "{keys:?}");
    }
    // Nor one of another secret.
    let mut state = opened(SIZE);
    press(&mut state, "/port\rr");
    state.handle(Event::Answer(0, Answer::Value("github".into(), value())));
    assert_eq!(revealed(&state), None);
}

#[test]
fn lock_forgets_all_that_was_shown_and_answers_that_are_on_their_way() {
    let mut state = opened(SIZE);
    reveal(&mut state);
    let effects = press(&mut state, "l");
    let [Effect::Lock(epoch)] = effects[..] else { panic!("{} effects", effects.len()) };
    assert_eq!((state.lists.count(Tab::Secrets), state.lists.count(Tab::Projects)), (0, 0));
    assert_eq!((state.lists.count(Tab::Kits), state.query.as_str()), (1, ""));
    // The agent had answered before it was locked.
    state.handle(Event::Answer(epoch - 1, unlocked(By::Screen)));
    assert_eq!((&state.access, state.lists.count(Tab::Secrets)), (&Access::Locked, 0));
    state.handle(Event::Answer(epoch, Answer::Locked));
    assert_eq!(state.message.as_ref().unwrap().text, "the vault is locked");
}

#[test]
fn an_agent_that_locks_takes_what_is_shown_with_it() {
    let mut state = opened(SIZE);
    reveal(&mut state);
    let effects = state.handle(Event::Tick(now(3)));
    let [Effect::Check(epoch)] = effects[..] else { panic!("{} effects", effects.len()) };
    // One at a time.
    assert!(state.handle(Event::Tick(now(6))).is_empty());
    state.handle(Event::Answer(epoch, Answer::Locked));
    assert_eq!((revealed(&state), state.lists.count(Tab::Projects)), (None, 0));
    assert_eq!(state.message.as_ref().unwrap().text, "the agent has locked the vault");
    // Another one shows it again.
    let effects = state.handle(Event::Tick(now(9)));
    let [Effect::Check(epoch)] = effects[..] else { panic!("{} effects", effects.len()) };
    state.handle(Event::Answer(epoch, unlocked(By::Agent { seconds: 900, some: true })));
    assert_eq!(state.lists.count(Tab::Projects), 4);
}

#[test]
fn the_password_is_typed_into_a_slot_and_handed_over() {
    let mut state = locked(SIZE);
    assert!(press(&mut state, "uab\u{e9}q").is_empty());
    state.handle(Event::Key(Key::Backspace));
    let effects = press(&mut state, "\r");
    let [Effect::Unlock(epoch, password)] = &effects[..] else { panic!("{} effects", effects.len()) };
    assert_eq!(password.expose(), "ab\u{e9}");
    assert!(state.password.is_none() && state.waiting == Some(Waiting::Unlocking));
    state.handle(Event::Answer(*epoch, Answer::Failed("wrong password".into())));
    assert!(state.message.as_ref().unwrap().is_failure && state.waiting.is_none());
    // Escape, Ctrl-Z and Enter alone hand over nothing.
    press(&mut state, "uab\u{1b}");
    assert!(state.password.is_none());
    press(&mut state, "uab");
    assert!(matches!(state.handle(Event::Key(Key::Ctrl('z')))[..], [Effect::Suspend]));
    assert!(state.password.is_none());
    assert!(press(&mut state, "u\r").is_empty());
    assert_eq!(state.message.as_ref().unwrap().text, "the password is empty");
}

#[test]
fn a_vault_that_was_unlocked_here_is_locked_if_nobody_is_there() {
    let unlocked_here = || {
        let mut state = locked(SIZE);
        state.handle(Event::Answer(0, unlocked(By::Screen)));
        assert_eq!(state.lists.count(Tab::Secrets), 5);
        state
    };
    let mut state = unlocked_here();
    state.handle(Event::Tick(now(IDLE.as_secs() - 1)));
    press(&mut state, "j");
    let is_forget = |effects: &[Effect]| effects.iter().any(|effect| matches!(effect, Effect::Forget));
    assert!(!is_forget(&state.handle(Event::Tick(now(IDLE.as_secs() + 1)))));
    assert!(is_forget(&state.handle(Event::Tick(now(2 * IDLE.as_secs())))));
    assert_eq!((&state.access, state.lists.count(Tab::Secrets)), (&Access::Locked, 0));

    let mut state = unlocked_here();
    assert!(is_forget(&state.handle(Event::Tick(Now { slept: Duration::from_secs(6), ..now(1) }))));
    assert_eq!(state.lists.count(Tab::Secrets), 0);

    let mut state = unlocked_here();
    assert!(matches!(state.handle(Event::Key(Key::Ctrl('z')))[..], [Effect::Forget, Effect::Suspend]));
    assert_eq!(state.lists.count(Tab::Secrets), 0);
}

#[test]
fn the_selected_entry_stays_in_sight_and_selected() {
    let mut state = opened((40, 10));
    assert_eq!(state.rows(), 4);
    press(&mut state, "jjjj");
    assert_eq!((state.view().at, state.view().top), (4, 1));
    press(&mut state, "j");
    assert_eq!(state.view().at, 4);
    state.handle(Event::Key(Key::PageUp));
    assert_eq!((state.view().at, state.view().top), (0, 0));
    state.handle(Event::Key(Key::End));
    state.handle(Event::Resized(80, 24));
    let name = selected(&state).to_owned();
    // The same vault with one secret less before it.
    let mut fewer = contents();
    fewer.secrets.remove(0);
    let fewer = Unlocked { by: By::Screen, contents: fewer, kits: None, notices: Vec::new() };
    state.handle(Event::Answer(0, Answer::Unlocked(Box::new(fewer))));
    assert_eq!((selected(&state), state.view().at), (&*name, 3));
}

#[test]
fn a_vault_without_secrets_begins_with_its_projects() {
    let mut state = locked(SIZE);
    let mut without = contents();
    without.secrets.clear();
    let without = || Unlocked { by: By::Screen, contents: Contents::default(), kits: None, notices: Vec::new() };
    state.handle(Event::Answer(0, Answer::Unlocked(Box::new(without()))));
    assert_eq!(state.tab, Tab::Projects);
    // Unless a list was chosen.
    let mut state = locked(SIZE);
    press(&mut state, "3");
    state.handle(Event::Answer(0, Answer::Unlocked(Box::new(without()))));
    assert_eq!(state.tab, Tab::Kits);
}

#[test]
fn quitting_leaves_nothing_behind() {
    for keys in ["q", "\u{1b}\u{1b}\u{1b}"] {
        let mut state = opened(SIZE);
        reveal(&mut state);
        let effects = press(&mut state, keys);
        assert!(matches!(effects[..], [Effect::Quit]), "{keys:?}: {} effects", effects.len());
        assert_eq!((revealed(&state), state.lists.count(Tab::Secrets)), (None, 0));
    }
}

#[derive(Debug, Clone)]
enum Step {
    Press(Key),
    Wait(u64),
    Resize(u16, u16),
    Value,
    Unlocked(bool),
    Locked,
    Failed,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let letters = "qrculjk/?1234 agp\u{6771}".chars().map(Key::Char).collect::<Vec<_>>();
    let others = vec![
        Key::Enter,
        Key::Esc,
        Key::Backspace,
        Key::Tab,
        Key::BackTab,
        Key::Up,
        Key::Down,
        Key::Left,
        Key::Right,
        Key::Home,
        Key::End,
        Key::PageUp,
        Key::PageDown,
        Key::Ctrl('z'),
        Key::Ctrl('u'),
        Key::Ctrl('l'),
    ];
    let step = prop_oneof![
        6 => prop::sample::select(letters).prop_map(Step::Press),
        4 => prop::sample::select(others).prop_map(Step::Press),
        1 => (0u64..15).prop_map(Step::Wait),
        1 => (0u16..130, 0u16..50).prop_map(|(width, height)| Step::Resize(width, height)),
        2 => Just(Step::Value),
        1 => any::<bool>().prop_map(Step::Unlocked),
        1 => Just(Step::Locked),
        1 => Just(Step::Failed),
    ];
    prop::collection::vec(step, 0..60)
}

/// Does these steps, answering what was asked last, and returns the time.
fn walk(state: &mut State, steps: &[Step]) -> u64 {
    let mut seconds = 0;
    let mut asked: Option<(u64, String)> = None;
    for step in steps {
        let epoch = state.epoch;
        let effects = state.handle(match step.clone() {
            Step::Press(key) => Event::Key(key),
            Step::Wait(wait) => {
                seconds += wait;
                Event::Tick(now(seconds))
            }
            Step::Resize(width, height) => Event::Resized(width, height),
            Step::Value => match asked.take() {
                Some((epoch, name)) => Event::Answer(epoch, Answer::Value(name, value())),
                None => continue,
            },
            Step::Unlocked(true) => Event::Answer(epoch, unlocked(By::Screen)),
            Step::Unlocked(false) => Event::Answer(epoch, unlocked(By::Agent { seconds: 900, some: false })),
            Step::Locked => Event::Answer(epoch, Answer::Locked),
            Step::Failed => Event::Answer(epoch, Answer::Failed("no".into())),
        });
        for effect in effects {
            if let Effect::Reveal(epoch, name) = effect {
                asked = Some((epoch, name));
            }
        }
        let mut buffer = ratatui::buffer::Buffer::empty(ratatui::layout::Rect::new(0, 0, state.size.0, state.size.1));
        crate::cli::tui::draw::draw(state, crate::cli::tui::draw::Colours::Shown, &mut buffer);
    }
    seconds
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_keys_do_harm_and_after_ten_seconds_nothing_is_shown(steps in steps()) {
        let mut state = begun(SIZE);
        let seconds = walk(&mut state, &steps);
        state.handle(Event::Tick(now(seconds + 10)));
        prop_assert_eq!(revealed(&state), None);
    }

    #[test]
    fn after_a_lock_nothing_is_left(steps in steps()) {
        let mut state = opened(SIZE);
        walk(&mut state, &steps);
        // Out of whatever takes letters.
        let mut keys = vec![Key::Esc, Key::Esc, Key::Char('l')];
        if state.password.is_none() && !state.is_searching && !state.is_help {
            keys.drain(..2);
        }
        for key in keys {
            state.handle(Event::Key(key));
        }
        prop_assert_eq!(revealed(&state), None);
        prop_assert!(state.password.is_none());
        prop_assert_eq!((state.lists.count(Tab::Secrets), state.lists.count(Tab::Projects)), (0, 0));
        prop_assert!(!matches!(state.access, Access::Unlocked(_)));
    }
}
