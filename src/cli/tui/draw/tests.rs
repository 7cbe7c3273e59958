use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::cli::tui::events::{Answer, Event};
use crate::cli::tui::input::Key;
use crate::cli::tui::sample::{PASSWORD, begun, locked, now, opened, press, value};
use crate::words::Flags;

const LARGE: (u16, u16) = (80, 24);
const SMALL: (u16, u16) = (40, 10);

/// Returns what is seen, each line up to its last character.
fn seen(state: &State) -> String {
    let mut terminal = Terminal::new(TestBackend::new(state.size.0, state.size.1)).unwrap();
    terminal.draw(|frame| draw(state, Colours::None, frame.buffer_mut())).unwrap();
    let buffer = terminal.backend().buffer();
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            line += symbol;
            // What a wide character covers is not seen.
            x += u16::try_from(Span::raw(symbol).width()).unwrap().max(1);
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

fn shown(size: (u16, u16)) -> State {
    let mut state = opened(size);
    state.handle(Event::Tick(now(1)));
    press(&mut state, "/port\rr");
    state.handle(Event::Answer(0, Answer::Value("portal".into(), value())));
    state.handle(Event::Tick(now(2)));
    state
}

/// Returns every screen that is looked at, with its name.
fn screens() -> Vec<(&'static str, State)> {
    let after = |mut state: State, keys: &str| {
        press(&mut state, keys);
        state
    };
    let mut none = begun(SMALL);
    let next = command("init").with(&Flags::default());
    none.handle(Event::NoVault(format!("cannot open the vault\nthere is no vault in /home/ada\n{next}")));
    let mut failed = locked(SMALL);
    let next = command("recover").with(&Flags::default());
    let why = format!("cannot unlock the vault; wrong password; try again, or, with a recovery kit: `{next}`");
    failed.handle(Event::Answer(0, Answer::Failed(why)));
    vec![
        ("nothing is known yet", begun(LARGE)),
        ("no vault", none),
        ("locked", locked(LARGE)),
        ("locked, small", locked(SMALL)),
        ("the password is asked for", after(locked(LARGE), "uabc")),
        ("a wrong password, small", failed),
        ("secrets", opened(LARGE)),
        ("secrets, small", opened(SMALL)),
        ("secrets, wide", opened((120, 12))),
        ("a search", after(opened(LARGE), "/ad")),
        ("a search that finds something elsewhere, small", after(opened(SMALL), "/closed")),
        ("a secret", after(opened(LARGE), "j\r")),
        ("what a secret holds", shown(LARGE)),
        ("what a secret holds, small", shown(SMALL)),
        ("projects", after(opened(LARGE), "2")),
        ("projects, small", after(opened(SMALL), "2")),
        ("a project", after(opened(LARGE), "2\r")),
        ("a project on hold, small", after(opened(SMALL), "2j\r")),
        ("kits", after(opened(LARGE), "3")),
        ("warnings", after(locked(LARGE), "4")),
        ("a warning, small", after(locked(SMALL), "4\r")),
        ("help", after(opened(LARGE), "?")),
        ("help, small", after(opened(SMALL), "?")),
        ("too small", opened((39, 10))),
    ]
}

#[test]
fn each_screen_is_as_it_was_looked_at() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/cli/tui/draw/screens.txt");
    let screens = screens();
    let drawn: Vec<String> = screens
        .iter()
        .map(|(name, state)| format!("== {name}: {} x {}\n{}", state.size.0, state.size.1, seen(state)))
        .collect();
    let drawn = drawn.join("");
    if std::env::var_os("STRONGROOM_RENEW").is_some() {
        std::fs::write(path, &drawn).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap();
    for (drawn, expected) in drawn.split("== ").zip(expected.split("== ")) {
        assert_eq!(drawn, expected, "\n{drawn}\nSTRONGROOM_RENEW=1 writes screens.txt again");
    }
    assert_eq!(drawn, expected);
}

#[test]
fn no_screen_shows_what_was_not_asked_for_and_none_obeys_what_is_stored() {
    for (name, state) in screens() {
        let seen = seen(&state);
        assert_eq!(seen.contains(PASSWORD), name.starts_with("what a secret holds"), "{name}");
        assert!(!seen.contains(['\u{1b}', '\u{202e}']), "{name}");
    }
    let mut state = shown(LARGE);
    state.handle(Event::Key(Key::Esc));
    assert!(!seen(&state).contains(PASSWORD));
}

#[test]
fn a_value_leaves_the_buffers_with_the_next_screen() {
    let mut state = shown(LARGE);
    let mut terminal = Terminal::new(TestBackend::new(LARGE.0, LARGE.1)).unwrap();
    terminal.draw(|frame| draw(&state, Colours::None, frame.buffer_mut())).unwrap();
    press(&mut state, "r");
    terminal.draw(|frame| draw(&state, Colours::None, frame.buffer_mut())).unwrap();
    let holds = |buffer: &Buffer| buffer.content.iter().any(|cell| cell.symbol() == "7");
    assert!(!holds(terminal.backend().buffer()) && !holds(terminal.current_buffer_mut()));
}

#[test]
fn colours_add_nothing_to_the_words() {
    for (name, state) in screens() {
        let draw = |colours| {
            let mut buffer = Buffer::empty(Rect::new(0, 0, state.size.0, state.size.1));
            draw(&state, colours, &mut buffer);
            buffer
        };
        let (plain, coloured) = (draw(Colours::None), draw(Colours::Shown));
        let symbols = |buffer: &Buffer| buffer.content.iter().map(|cell| cell.symbol().to_owned()).collect::<Vec<_>>();
        assert_eq!(symbols(&plain), symbols(&coloured), "{name}");
        let uncoloured = |cell: &ratatui::buffer::Cell| cell.fg == Color::Reset && cell.bg == Color::Reset;
        assert!(plain.content.iter().all(uncoloured), "{name}");
    }
}

#[test]
fn a_large_vault_is_drawn_at_once() {
    use crate::cli::tui::events::{By, Unlocked};
    use crate::cli::tui::lists::Contents;
    use crate::cli::tui::sample::{project, secret};
    let projects = (0..10_000).map(|number| project(&format!("project-{number:05}"), "Client", &[3])).collect();
    let secrets = (0..10_000).map(|number| secret(&format!("secret-{number:05}"), None, "ada", "")).collect();
    let contents = Contents::new(projects, secrets);
    let mut state = locked(LARGE);
    let unlocked = Unlocked { by: By::Screen, contents, kits: None, notices: Vec::new() };
    state.handle(Event::Answer(0, Answer::Unlocked(Box::new(unlocked))));
    let start = std::time::Instant::now();
    press(&mut state, "/");
    for key in "secret-09999".chars() {
        press(&mut state, &key.to_string());
        let seen = seen(&state);
        assert!(seen.contains("secret-0"), "{seen}");
    }
    assert_eq!(state.view().found, [9_999]);
    // Twelve keys, each with its search and its screen; without optimization, on a busy computer.
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}
