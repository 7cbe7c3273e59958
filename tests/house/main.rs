//! The rooms of the source and the arrows between them, as docs/architecture.md draws them. The graph is that of the
//! paths that are written; what only tests use is left out.

mod graph;
mod made_up;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use graph::{Arrow, Graph};

/// The rooms, and those that each may use.
const ROOMS: [(&str, &[&str]); 28] = [
    ("main", &["cli"]),
    ("lib", &["error"]),
    (
        "cli",
        &[
            "agent",
            "clipboard",
            "doctor",
            "evidence",
            "files",
            "foreign",
            "home",
            "imports",
            "machine",
            "pages",
            "password",
            "secrets",
            "failure",
            "words",
            "vault",
            "body",
            "keys",
            "error",
            "store",
            "keychain",
            "host",
            "disk",
            "format",
            "crypto",
            "memory",
        ],
    ),
    ("doctor", &["home", "secrets", "failure", "words", "vault", "error", "store", "keychain", "format", "crypto"]),
    ("files", &["vault", "body", "keys", "error", "disk", "format", "crypto", "memory"]),
    ("agent", &["home", "vault", "keys", "error", "keychain", "host", "disk", "format", "crypto", "memory"]),
    ("clipboard", &["host", "disk", "crypto"]),
    ("home", &["vault", "error", "store", "keychain", "host", "disk", "format", "crypto"]),
    ("machine", &["home"]),
    ("foreign", &["imports", "host", "crypto", "memory"]),
    ("imports", &["format", "crypto", "memory"]),
    ("evidence", &["format", "crypto"]),
    ("pages", &["evidence", "format"]),
    ("password", &["files", "secrets", "disk", "format", "crypto"]),
    ("secrets", &["error", "format", "crypto", "memory"]),
    ("failure", &["files", "home", "password", "words", "error", "keychain", "disk", "crypto"]),
    ("words", &[]),
    ("vault", &["keys", "error", "store", "keychain", "host", "format", "crypto", "memory"]),
    ("body", &["keys", "error", "format", "crypto", "memory"]),
    ("keys", &["error", "format", "crypto"]),
    ("error", &["store", "keychain", "disk", "format", "crypto"]),
    ("host", &["format"]),
    ("store", &["disk"]),
    ("keychain", &["disk"]),
    ("disk", &[]),
    ("format", &["crypto", "memory"]),
    ("crypto", &["memory"]),
    ("memory", &[]),
];

/// Folders inside a room that only these use.
const BEHIND: [(&str, &[&str]); 1] = [("cli/commands/", &["cli/args.rs"])];

/// Folders that are handed all they need, and what they alone may use.
const PURE: [(&str, &[&str]); 6] = [
    ("vault/contents/", &["vault/contents/", "error/", "format/", "crypto/"]),
    ("imports/", &["imports/", "format/", "crypto/", "memory/"]),
    ("evidence/", &["evidence/", "format/", "crypto/"]),
    // Of the vault and the keychain only types: what goes over the wire.
    ("agent/protocol/", &["agent/protocol/", "vault/mod.rs", "keychain/mod.rs", "error/", "format/", "crypto/"]),
    // What the screen shows and does, without terminal, vault and clock.
    (
        "cli/tui/state.rs",
        &[
            "cli/tui/entry.rs",
            "cli/tui/events.rs",
            "cli/tui/input.rs",
            "cli/tui/lists.rs",
            "cli/tui/shown.rs",
            "cli/tui/typed_password.rs",
            "cli/tui/state/",
            "agent/limits.rs",
            "words.rs",
        ],
    ),
    (
        "cli/tui/draw.rs",
        &[
            "cli/tui/entry.rs",
            "cli/tui/events.rs",
            "cli/tui/lists.rs",
            "cli/tui/shown.rs",
            "cli/tui/state.rs",
            "cli/wrapping.rs",
            "doctor/",
            "format/",
            "vault/",
            "words.rs",
        ],
    ),
];

#[test]
fn every_arrow_goes_down_and_none_goes_round() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let complaints = complaints(&Graph::of(tree(&source)));
    assert!(
        complaints.is_empty(),
        "{}\ndocs/architecture.md says which room a thing belongs in",
        complaints.join("\n")
    );
}

#[test]
fn the_page_of_the_architecture_names_every_room() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md")).unwrap();
    for (room, _) in ROOMS.iter().filter(|(room, _)| !matches!(*room, "main" | "lib")) {
        let names = [format!("| `{room}` |"), format!("| `{room}` (edge) |"), format!("| `{room}.rs`")];
        assert!(names.iter().any(|name| page.contains(name)), "the table of rooms lacks {room}");
    }
}

/// Says what breaks the rules, a sentence each.
fn complaints(graph: &Graph) -> Vec<String> {
    let unknown: BTreeSet<&str> = graph.files().map(|(file, _)| room_of(file)).filter(|room| !is_room(room)).collect();
    let mut complaints: Vec<String> =
        unknown.into_iter().map(|room| format!("{room} is no room that tests/house knows")).collect();
    for arrow in graph.arrows() {
        let (from, to) = (room_of(&arrow.from), room_of(&arrow.to));
        if from != to && is_room(from) && is_room(to) && !allowed(from).contains(&to) {
            complaints.push(format!("{from} must not use {to}: {arrow}"));
        }
        complaints.extend(past_a_door(arrow));
        complaints.extend(beyond_the_pure(arrow));
    }
    for circle in graph.circles() {
        let rooms: BTreeSet<&str> = circle.iter().map(|file| inner_room_of(file)).collect();
        if rooms.len() > 1 || rooms.iter().any(|room| room.starts_with("cli")) {
            let way = circle.iter().map(|file| graph.way_round(file)).min_by_key(Vec::len).unwrap_or_default();
            let way: Vec<String> = way.iter().map(|arrow| format!("    {arrow}")).collect();
            complaints.push(format!("{} files use each other in a circle:\n{}", circle.len(), way.join("\n")));
        }
    }
    // A method that another file gives a type is used without naming that file, so that no arrow shows it.
    let files: BTreeMap<&str, _> = graph.files().collect();
    for (file, source) in graph.files().filter(|(file, _)| room_of(file) == "cli") {
        // A file that stands in the other one's folder is a part of it.
        let parent = file.rsplit_once('/').and_then(|(folder, _)| files.get(&*format!("{folder}.rs")));
        let own = |name| source.types.contains(name) || parent.is_some_and(|parent| parent.types.contains(name));
        for (name, line) in source.methods_for.iter().filter(|(name, _)| !own(name)) {
            complaints.push(format!("{file} (line {line}) gives methods to {name}, which another file declares"));
        }
    }
    complaints
}

/// Complains if a folder is used by others than those that may.
fn past_a_door(arrow: &Arrow) -> Option<String> {
    let (door, users) = BEHIND.iter().find(|(door, _)| arrow.to.starts_with(door))?;
    let may = arrow.from.starts_with(door) || users.iter().any(|user| arrow.from.starts_with(user));
    (!may).then(|| format!("{door} is used by {} alone: {arrow}", users.join(" and ")))
}

/// Complains if a folder that is handed all it needs reaches for more.
fn beyond_the_pure(arrow: &Arrow) -> Option<String> {
    let (folder, others) = PURE.iter().find(|(folder, _)| arrow.from.starts_with(folder))?;
    let may = others.iter().any(|other| arrow.to.starts_with(other));
    (!may).then(|| format!("{folder} must not use what is outside it: {arrow}"))
}

fn is_room(room: &str) -> bool {
    ROOMS.iter().any(|(name, _)| *name == room)
}

fn allowed(room: &str) -> &'static [&'static str] {
    ROOMS.iter().find(|(name, _)| *name == room).map_or(&[], |(_, others)| others)
}

/// Returns the room that a file is in: its folder below `src/`, or its own name.
fn room_of(file: &str) -> &str {
    let first = file.split('/').next().unwrap_or(file);
    first.strip_suffix(".rs").unwrap_or(first)
}

/// Returns the same, but of a file of the command line the folder there.
fn inner_room_of(file: &str) -> &str {
    let folders = file.rfind('/').map_or("", |end| &file[..end]);
    let mut ends = folders.match_indices('/').map(|(at, _)| at).chain([folders.len()]);
    match (room_of(file), ends.nth(1)) {
        ("cli", Some(end)) => &folders[..end],
        (room, _) => room,
    }
}

/// Reads every file of a source tree.
fn tree(root: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let below: Vec<_> =
                    path.strip_prefix(root).unwrap().iter().map(|part| part.to_str().unwrap()).collect();
                files.push((below.join("/"), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files
}
