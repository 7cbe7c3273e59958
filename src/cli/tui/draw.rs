//! The screen as it is drawn: only what is seen of it. Pure.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Span;

use super::entry::{age, mark, parts};
use super::events::By;
use super::lists::Tab;
use super::shown::{Access, Waiting};
use super::state::{SMALLEST, State};
use crate::cli::wrapping::wrapped;
use crate::doctor::Level;
use crate::format::name::printable;
use crate::vault::ProjectInfo;
use crate::words::{Command, command};

/// The keys, and what they do.
const KEYS: [(&str, &str); 12] = [
    ("/", "search by name, user, address, tag, project or client"),
    ("Up, Down, j, k", "move; PgUp, PgDn, Home and End, too"),
    ("Tab, 1 to 4", "go to another list"),
    ("Enter", "show all of the selected entry, or close it"),
    ("r", "show what a secret holds for 10 seconds, or hide it"),
    ("c", "copy the password of a secret"),
    ("u", "unlock the vault in this screen"),
    ("l", "lock the vault, and end its agent"),
    ("Ctrl-Z", "hide all values and suspend; fg continues"),
    ("Ctrl-L", "draw the screen again"),
    ("Esc", "go back; from a list, quit"),
    ("q, Ctrl-C", "quit"),
];

/// Whether colours may be used. None of them says anything that no word says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// They may.
    Shown,
    /// They may not.
    None,
}

impl Colours {
    fn of(self, colour: Color) -> Style {
        match self {
            Self::Shown => Style::new().fg(colour),
            Self::None => Style::new(),
        }
    }
}

const PLAIN: Style = Style::new();
const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);

/// A column of a list.
struct Column {
    title: &'static str,
    width: Width,
    /// How many columns a row must have for this one to be there.
    needs: usize,
}

/// How wide a column is.
enum Width {
    Fixed(usize),
    /// A part of what the others leave.
    Share(usize),
}

const fn column(title: &'static str, width: Width, needs: usize) -> Column {
    Column { title, width, needs }
}

const SECRETS: [Column; 5] = [
    column("NAME", Width::Share(3), 0),
    column("PROJECT", Width::Share(2), 60),
    column("USER", Width::Share(2), 0),
    column("ADDRESS", Width::Share(3), 60),
    column("CHANGED", Width::Fixed(10), 70),
];
const PROJECTS: [Column; 4] = [
    column("NAME", Width::Share(1), 0),
    column("CLIENT", Width::Share(1), 60),
    column("KEY", Width::Fixed(18), 50),
    column("STATE", Width::Fixed(9), 0),
];
const KITS: [Column; 3] =
    [column("KIT", Width::Fixed(8), 0), column("MADE", Width::Fixed(10), 0), column("STATE", Width::Share(1), 0)];
const WARNINGS: [Column; 3] =
    [column("", Width::Fixed(7), 0), column("CHECK", Width::Fixed(19), 60), column("FOUND", Width::Share(1), 0)];

/// The columns between two cells.
const GAP: usize = 2;

fn columns(tab: Tab) -> &'static [Column] {
    match tab {
        Tab::Secrets => &SECRETS,
        Tab::Projects => &PROJECTS,
        Tab::Kits => &KITS,
        Tab::Warnings => &WARNINGS,
    }
}

/// Draws all of it.
pub fn draw(state: &State, colours: Colours, buffer: &mut Buffer) {
    let area = buffer.area;
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let text = format!("too small: {} x {} are needed", SMALLEST.0, SMALLEST.1);
        put(buffer, area, 0, 0, &text, PLAIN);
        put(buffer, area, 0, 1, "q quits", PLAIN);
        return;
    }
    draw_top(state, colours, buffer);
    let body = Rect { y: 2, height: area.height - 4, ..area };
    if state.is_help {
        draw_help(buffer, body);
    } else if let Some(entry) = state.entry() {
        put(buffer, body, 0, 0, &entry.title, BOLD);
        let labels = entry.label_width();
        let lines = entry.lines(usize::from(area.width));
        for (y, line) in (2..body.height).zip(lines.skip(state.scroll)) {
            put_within(buffer, body, (0, y), labels.saturating_sub(1), line.label, BOLD);
            put(buffer, body, labels, y, line.text, PLAIN);
        }
    } else {
        draw_list(state, colours, buffer, body);
    }
    draw_bottom(state, colours, buffer);
}

/// Draws the vault and the names of the lists.
fn draw_top(state: &State, colours: Colours, buffer: &mut Buffer) {
    let area = buffer.area;
    let (access, colour) = match &state.access {
        Access::Unknown => ("looking ...".into(), Color::Reset),
        Access::NoVault(_) => ("no vault".into(), Color::Red),
        Access::Locked => ("locked".into(), Color::Reset),
        Access::Unlocked(By::Screen) => ("unlocked in this screen".into(), Color::Green),
        Access::Unlocked(By::Agent { seconds, some }) => {
            let scope = if *some { " for some projects" } else { "" };
            (format!("unlocked{scope}, {} min left", seconds.div_ceil(60)), Color::Green)
        }
    };
    let width = usize::from(area.width);
    let right = width.saturating_sub(access.len());
    let left = format!("Strongroom  {}", printable(&state.place));
    put_within(buffer, area, (0, 0), right.saturating_sub(2), &left, BOLD);
    put(buffer, area, right, 0, &access, colours.of(colour).add_modifier(Modifier::BOLD));
    // Without the numbers where there is no room for them.
    let titles = |with_numbers: bool| {
        Tab::ALL.map(|tab| {
            let found = state.views[tab as usize].found.len();
            let title = match tab {
                tab if with_numbers && (tab as usize > 1 || is_unlocked(state)) => format!("{} {found}", tab.title()),
                tab => tab.title().to_owned(),
            };
            if tab == state.tab { format!("[{title}]") } else { format!(" {title} ") }
        })
    };
    let long = titles(true);
    let shown = if long.iter().map(|title| title.len() + 1).sum::<usize>() > width + 1 { titles(false) } else { long };
    let mut x = 0;
    for (tab, title) in Tab::ALL.into_iter().zip(shown) {
        let problems = state.lists.warnings.iter().any(|warning| warning.level == Level::Problem);
        let style = match tab {
            tab if tab == state.tab => BOLD.add_modifier(Modifier::REVERSED),
            Tab::Warnings if problems => colours.of(Color::Red),
            _ => PLAIN,
        };
        put(buffer, area, x, 1, &title, style);
        x += title.len() + 1;
    }
}

fn is_unlocked(state: &State) -> bool {
    matches!(state.access, Access::Unlocked(_))
}

fn draw_list(state: &State, colours: Colours, buffer: &mut Buffer, body: Rect) {
    match (state.is_searching, state.query.is_empty()) {
        (true, _) => {
            // Its end is what is being typed.
            let query = printable(&state.query);
            let room = usize::from(body.width).saturating_sub("search: _".len());
            let (mut start, mut width) = (0, Span::raw(&*query).width());
            while width > room {
                start += query[start..].chars().next().map_or(1, char::len_utf8);
                width = Span::raw(&query[start..]).width();
            }
            put(buffer, body, 0, 0, &format!("search: {}_", &query[start..]), BOLD);
        }
        (false, false) => put(buffer, body, 0, 0, &format!("search: {}", printable(&state.query)), PLAIN),
        (false, true) => {}
    }
    let view = state.view();
    if view.found.is_empty() {
        let text = nothing(state);
        let lines = text.split('\n').flat_map(|line| parts(line, usize::from(body.width) - 2));
        for (y, line) in (2..body.height).zip(lines) {
            put(buffer, body, 2, y, line, PLAIN);
        }
        return;
    }
    let columns = columns(state.tab);
    let titles: Vec<(String, Style)> =
        columns.iter().map(|column| (column.title.to_owned(), BOLD.add_modifier(Modifier::UNDERLINED))).collect();
    put_row(buffer, body, 1, columns, &titles);
    for (y, at) in (2..body.height).zip(view.top..view.found.len()) {
        put_row(buffer, body, y, columns, &cells(state, colours, view.found[at]));
        if at == view.at {
            put(buffer, body, 0, y, ">", PLAIN);
            buffer.set_style(Rect { y: body.y + y, height: 1, ..body }, BOLD.add_modifier(Modifier::REVERSED));
        }
    }
}

/// Says why a list is empty, and what to do.
fn nothing(state: &State) -> String {
    let needs_key = matches!(state.tab, Tab::Secrets | Tab::Projects);
    match &state.access {
        Access::NoVault(why) if state.tab != Tab::Warnings => {
            return why.split('\n').map(printable).collect::<Vec<_>>().join("\n");
        }
        Access::Unknown if state.tab != Tab::Warnings => return "looking at the vault ...".into(),
        Access::Locked if needs_key => return "Locked. Press u to unlock the vault.".into(),
        _ => {}
    }
    if !state.query.is_empty() && needs_key {
        let other = if state.tab == Tab::Secrets { Tab::Projects } else { Tab::Secrets };
        return match state.views[other as usize].found.len() {
            0 => "Nothing fits.".into(),
            found => format!("Nothing here fits; {found} in {} (Tab).", other.title()),
        };
    }
    let by = |what: &str, command: Command| format!("{what}: {}", command.with(&state.flags));
    match state.tab {
        Tab::Secrets => by("No secrets yet", command("secret set NAME")),
        Tab::Projects => by("No projects yet", command("project add NAME")),
        Tab::Kits => by("No recovery kit", command("kit new")),
        Tab::Warnings if state.has_looked_around => "Nothing to warn of.".into(),
        Tab::Warnings => "looking at this computer ...".into(),
    }
}

/// Returns the cells of an entry's row, one for each column.
fn cells(state: &State, colours: Colours, place: usize) -> Vec<(String, Style)> {
    let plain = |text: &str| (printable(text), PLAIN);
    let lists = &state.lists;
    match state.tab {
        Tab::Secrets => lists.contents.secrets.get(place).map_or_else(Vec::new, |listed| {
            let secret = &listed.item;
            let project = secret.project.as_deref().unwrap_or_default();
            let address = secret.urls.first().map_or("", String::as_str);
            [&secret.name, project, &secret.user, address, &secret.changed.date()].map(plain).into()
        }),
        Tab::Projects => lists.contents.projects.get(place).map_or_else(Vec::new, |listed| {
            let project = &listed.item;
            let (word, colour) = project_state(project);
            let key = project.keys.iter().find(|key| key.current);
            let key = key.map(|key| format!("v{}, {}", key.version, age(key.created, state.now.today)));
            vec![
                plain(&project.name),
                plain(&project.client),
                plain(&key.unwrap_or_default()),
                (word.to_owned(), colours.of(colour)),
            ]
        }),
        Tab::Kits => lists
            .kits
            .get(place)
            .map_or_else(Vec::new, |kit| [&*kit.name, &kit.made.date(), &kit.state].map(plain).into()),
        Tab::Warnings => lists.warnings.get(place).map_or_else(Vec::new, |warning| {
            let colour = if warning.level == Level::Problem { Color::Red } else { Color::Reset };
            vec![(mark(warning.level).to_owned(), colours.of(colour)), plain(warning.check), plain(&warning.text)]
        }),
    }
}

fn project_state(project: &ProjectInfo) -> (&'static str, Color) {
    match project {
        ProjectInfo { destroyed: Some(_), .. } => ("destroyed", Color::Red),
        ProjectInfo { hold: Some(_), .. } => ("on hold", Color::Yellow),
        _ => ("", Color::Reset),
    }
}

fn draw_help(buffer: &mut Buffer, body: Rect) {
    put(buffer, body, 0, 0, "Keys", BOLD);
    for (y, (key, does)) in (1..body.height).zip(KEYS) {
        put(buffer, body, 0, y, key, BOLD);
        put(buffer, body, 16, y, does, PLAIN);
    }
}

/// Returns what is to be said.
fn said(state: &State, colours: Colours) -> (String, Style) {
    if state.password.is_some() {
        return ("master password (not shown as you type):".into(), BOLD);
    }
    if let Some(message) = &state.message {
        let text = printable(&message.text);
        return match message.is_failure {
            true => (format!("! {text}"), colours.of(Color::Red).add_modifier(Modifier::BOLD)),
            false => (text, BOLD),
        };
    }
    let text = match (&state.waiting, &state.revealed) {
        (Some(Waiting::Unlocking), _) => "checking the password ...".into(),
        (Some(Waiting::Locking), _) => "locking ...".into(),
        (Some(Waiting::Value(_)), _) => "asking for what it holds ...".into(),
        (Some(Waiting::Copying(_)), _) => "copying the password ...".into(),
        (None, Some(revealed)) => {
            let left = revealed.until.saturating_sub(state.now.clock);
            format!("hidden again in {} s", left.as_millis().div_ceil(1000))
        }
        (None, None) => String::new(),
    };
    (text, BOLD)
}

/// Draws what is to be said, and the keys that can be pressed.
fn draw_bottom(state: &State, colours: Colours, buffer: &mut Buffer) {
    let area = buffer.area;
    let (text, style) = said(state, colours);
    // As many lines as it needs: a warning that is cut short is none.
    let width = usize::from(area.width);
    let text = wrapped(&text, Some(width));
    let lines = text.split('\n').flat_map(|line| parts(line, width));
    let lines: Vec<&str> = lines.take(usize::from(area.height) - 5).collect();
    let first = area.height - 1 - u16::try_from(lines.len()).unwrap_or(1);
    for (y, line) in (first..).zip(lines) {
        put(buffer, area, 0, y, &" ".repeat(width), PLAIN);
        buffer.set_style(Rect { y, height: 1, ..area }, Style::reset());
        put(buffer, area, 0, y, line, style);
    }
    let keys = if state.password.is_some() {
        "Enter unlock   Ctrl-U clear   Esc cancel"
    } else if state.is_help {
        "any key goes back"
    } else if state.is_searching {
        "Enter open   Up/Down move   Esc clear"
    } else if state.is_open && state.tab == Tab::Secrets {
        if state.revealed.is_some() {
            "r hide   c copy   Esc back   ? help"
        } else {
            "r show   c copy   Esc back   ? help"
        }
    } else if state.is_open {
        "Up/Down scroll   Esc back   ? help"
    } else if is_unlocked(state) && width < 70 {
        "/ search   r show   ? help   q quit"
    } else if is_unlocked(state) {
        "/ search   Enter open   r show   c copy   l lock   ? help   q quit"
    } else if width < 70 {
        "u unlock   Tab list   ? help   q quit"
    } else {
        "u unlock   Tab next list   Enter open   ? help   q quit"
    };
    put(buffer, area, 0, area.height - 1, keys, PLAIN);
}

/// Draws a text at a place in an area, up to its right edge.
fn put(buffer: &mut Buffer, area: Rect, x: usize, y: u16, text: &str, style: Style) {
    let room = usize::from(area.width).saturating_sub(x);
    put_within(buffer, area, (x, y), room, text, style);
}

/// Draws a text at a place in an area, in so many columns at most; of a longer one, as much as fits, and a mark.
fn put_within(buffer: &mut Buffer, area: Rect, (x, y): (usize, u16), room: usize, text: &str, style: Style) {
    let (Ok(left), true) = (u16::try_from(x), y < area.height && room > 0) else { return };
    if left >= area.width {
        return;
    }
    let (left, y) = (area.x + left, area.y + y);
    if Span::raw(text).width() <= room {
        buffer.set_stringn(left, y, text, room, style);
    } else {
        let (end, _) = buffer.set_stringn(left, y, text, room - 1, style);
        buffer.set_stringn(end, y, "\u{2026}", 1, style);
    }
}

/// Draws a row: as many of its columns as it has room for.
fn put_row(buffer: &mut Buffer, area: Rect, y: u16, columns: &[Column], cells: &[(String, Style)]) {
    const MARGIN: usize = 2;
    let width = usize::from(area.width).saturating_sub(MARGIN);
    let shown: Vec<_> = columns.iter().zip(cells).filter(|(column, _)| column.needs <= width).collect();
    let (mut fixed, mut shares) = (GAP * shown.len().saturating_sub(1), 0);
    for (column, _) in &shown {
        match column.width {
            Width::Fixed(width) => fixed += width,
            Width::Share(share) => shares += share,
        }
    }
    let left = width.saturating_sub(fixed);
    let mut x = MARGIN;
    for (column, (text, style)) in shown {
        let width = match column.width {
            Width::Fixed(width) => width,
            Width::Share(share) => left * share / shares.max(1),
        };
        put_within(buffer, area, (x, y), width, text, *style);
        x += width + GAP;
    }
}

#[cfg(test)]
mod tests;
