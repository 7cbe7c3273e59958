//! Every page of `--help`, as it was when somebody last read it. After a change on purpose
//! `STRONGROOM_RENEW=1 cargo test --test program help_pages` writes help_pages.txt again, and `git diff` shows what
//! users will read.

use std::fs;
use std::path::Path;

use super::completions::answer;
use crate::support::home::Home;

const FILE: &str = "tests/cli/help_pages.txt";
/// Begins what pages end with; the file has it where it is another than the page before has.
const SHARED: &str = "\nGlobal options:\n";

/// Returns what is typed for every command, the first page's nothing before all others. They are what Tab offers, which
/// is made from clap's tree of commands, so that none can be forgotten here.
fn commands(home: &Home) -> Vec<String> {
    let mut commands = vec![String::new()];
    let mut next = 0;
    while let Some(words) = commands.get(next).cloned() {
        next += 1;
        for name in answer(home, format!("strongroom {words}").trim_end().to_owned() + " ") {
            let words = format!("{words} {name}").trim_start().to_owned();
            // Files and other values are offered too, and aliases: the page is then that of the command itself.
            let is_command = || {
                let page = home.run_alone(&format!("{words} --help"));
                page.ends_well() && page.text().contains(&format!("Usage: strongroom {words}"))
            };
            if name != "help" && !name.starts_with('-') && is_command() {
                commands.push(words);
            }
        }
    }
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
