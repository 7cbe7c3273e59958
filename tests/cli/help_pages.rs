//! Every page of `--help`, as it was when somebody last read it. After a change on purpose
//! `STRONGROOM_RENEW=1 cargo test --test program help_pages` writes help_pages.txt again, and `git diff` shows what
//! users will read.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::support::home::Home;

const FILE: &str = "tests/cli/help_pages.txt";
/// Begins what pages end with; the file has it where it is another than the page before has.
const SHARED: &str = "\nGlobal options:\n";

/// Returns what is typed for every command, the first page's nothing before all others. They are read off the
/// completion script, which clap makes from its tree of commands, so that none can be forgotten here.
fn commands(home: &Home) -> Vec<String> {
    let script = home.run_alone("completions bash").succeeds().text();
    // Each command is a case `PARENT,NAME)` and below it the name of its function, which its own subcommands have as
    // their PARENT.
    let mut typed = BTreeMap::from([("strongroom".to_owned(), String::new())]);
    let mut lines = script.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some((parent, name)) = line.strip_suffix(')').and_then(|case| case.split_once(',')) else { continue };
        let function = lines.next().unwrap().strip_prefix("cmd=").unwrap().trim_matches('"');
        // The pages of `help` are those of the commands; an alias has its command's function.
        if name != "help" && !parent.contains("__help") && !typed.contains_key(function) {
            let words = format!("{} {name}", typed[parent]).trim().to_owned();
            typed.insert(function.to_owned(), words);
        }
    }
    let mut commands: Vec<String> = typed.into_values().collect();
    commands.sort();
    commands
}

#[test]
fn every_page_of_help_is_as_it_was_read() {
    let home = Home::empty();
    let commands = commands(&home);
    assert!(commands.len() > 30 && commands[0].is_empty(), "{commands:?}");
    let mut shared = String::new();
    let mut pages = String::new();
    for command in &commands {
        let page = home.run_alone(&format!("{command} --help")).succeeds().changed_nothing().text();
        assert!(page.contains(&format!("Usage: strongroom {command}")), "{command}:\n{page}");
        assert!(home.run_alone(&format!("help {command}")).succeeds().text() == page, "{command}");
        let (own, end) = page.split_once(SHARED).unwrap_or_else(|| panic!("no global options: {command}:\n{page}"));
        pages += &format!("$ strongroom {command} --help\n").replace("  ", " ");
        pages += own;
        pages += if shared == end { "\nGlobal options: the same\n" } else { SHARED };
        if shared != end {
            pages += end;
            shared = end.to_owned();
        }
        pages += "\n";
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if std::env::var_os("STRONGROOM_RENEW").is_some() {
        fs::write(&file, &pages).unwrap();
    }
    let read = fs::read_to_string(&file).unwrap_or_default();
    let differing = read.lines().zip(pages.lines()).position(|(read, page)| read != page);
    let at = differing.unwrap_or_else(|| read.lines().count().min(pages.lines().count()));
    assert!(
        read == pages,
        "{FILE} differs from line {}:\n- {}\n+ {}\nif the new text is right: STRONGROOM_RENEW=1 cargo test --test \
         program help_pages",
        at + 1,
        read.lines().nth(at).unwrap_or_default(),
        pages.lines().nth(at).unwrap_or_default()
    );
}
