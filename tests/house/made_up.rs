//! The rules on made-up trees: each is broken in every way that Rust can write.

use crate::graph::Graph;
use crate::{ROOMS, allowed, complaints, inner_room_of, room_of};

/// Says what is wrong with a tree in which `files` stand beside those that every tree here has.
fn wrong(files: &[(&str, &str)]) -> Vec<String> {
    let whole = [
        ("lib.rs", "pub mod cli; pub mod vault; pub mod body; pub mod format; pub mod crypto; mod memory;"),
        ("main.rs", "fn main() { strongroom::cli::run() }"),
        ("cli/mod.rs", "mod args; mod output; mod commands;\nuse args::Cli;"),
        ("cli/args.rs", "use super::commands::{cat, man};"),
        ("cli/output.rs", "use crate::vault::Vault;"),
        ("cli/commands/mod.rs", "pub mod cat;\npub mod man;"),
        ("cli/commands/cat.rs", "use crate::cli::output::print;"),
        ("cli/commands/man.rs", ""),
        ("vault/mod.rs", "use crate::crypto::Key;\nuse crate::format::Item;"),
        ("body/mod.rs", "use crate::format;\nfn open() { format::block() }"),
        ("format/mod.rs", "use crate::crypto::Key;"),
        ("crypto/mod.rs", "use crate::memory::Slot;"),
        ("memory/mod.rs", ""),
    ];
    let kept = whole.iter().filter(|(file, _)| files.iter().all(|(other, _)| other != file));
    let tree = kept.chain(files).map(|(file, text)| ((*file).to_owned(), (*text).to_owned()));
    complaints(&Graph::of(tree))
}

#[track_caller]
fn assert_wrong(files: &[(&str, &str)], what: &str) {
    let complaints = wrong(files);
    assert!(complaints.iter().any(|complaint| complaint.contains(what)), "{what:?} is not in {complaints:?}");
}

#[test]
fn a_tree_that_keeps_the_rules_has_nothing_wrong() {
    assert_eq!(wrong(&[]), [""; 0]);
}

#[test]
fn sealed_files_know_no_vault() {
    for text in [
        "use crate::vault::ProjectFileKey;",
        "use crate::{format, vault::{self, Vault}};",
        "use crate::vault as rooms;",
        "use super::vault::*;",
        "pub use crate::vault::Vault;",
        "fn open() { crate::vault::open() }",
        "fn open() { super::vault::open::<u8>() }",
        "fn open() { use crate::{vault}; vault::open() }",
        "fn open(key: &crate::vault::Key) {}",
        "struct Body<K = crate::vault::Key>(K);",
        "#[arg(parser = crate::vault::parse)] struct Body;",
        "macro_rules! open { () => { $crate::vault::open() } }",
        "mod inner { use super::super::vault::Vault; }",
        "mod inner { fn open() { super::super::vault::open() } }",
        "#[cfg(not(test))] use crate::vault::Vault;",
        "#[cfg(test)] use std::fs; use crate::vault::Vault;",
        "#[cfg(test)] fn f<A, B>(a: A, b: B) -> Vec<A> { vec![] } use crate::vault::Vault;",
        "const TEXT: &str = \"use \\\" x\"; use crate::vault::Vault;",
        "const TEXT: &str = r#\"a \" b\"#; use crate::vault::Vault;",
        "const C: char = '\"'; use crate::vault::Vault; const D: char = '\"';",
        "const C: char = '\\''; use crate::vault::Vault;",
        "fn f<'a>(x: &'a str) -> &'a str { x } use crate::vault::Vault;",
        "/* a /* nested */ comment */ use crate::vault::Vault;",
    ] {
        assert_wrong(&[("body/mod.rs", text)], "body must not use vault: body/mod.rs -> vault/mod.rs");
    }
    // By a module that another file brought in.
    let files = [("body/mod.rs", "mod seal; use crate::vault;"), ("body/seal.rs", "fn f() { super::vault::open() }")];
    assert_wrong(&files, "body must not use vault: body/mod.rs -> vault/mod.rs");
}

#[test]
fn what_the_compiler_leaves_out_is_no_use() {
    for text in [
        "// use crate::vault::Vault;",
        "//! See [`crate::vault::Vault`].",
        "/* use crate::vault::Vault; /* and */ use crate::vault::Vault; */",
        "const TEXT: &str = \"use crate::vault::Vault;\";",
        "const TEXT: &[u8] = br##\"use crate::vault::\"#Vault;\"##;",
        "#[cfg(test)] mod tests { use crate::vault::Vault; fn f() { crate::vault::open() } }",
        "#[cfg(test)]\n#[allow(unused)]\nuse crate::{vault::Vault, format};",
        "#[cfg(all(test, unix))] fn f(a: [u8; 3]) -> Result<u8, u8> { crate::vault::open() }",
        "fn f() { #[cfg(test)] crate::vault::look(1, 2); }",
        "struct Body { #[cfg(test)] seen: crate::vault::Seen, key: u8 }",
        "pub(in crate::body) fn f() {}",
        "fn f(vault: Vault) { vault.open(); value.vault::<u8>() }",
        "fn f() -> impl Read + use<'_> { std::vault::open() }",
    ] {
        assert_eq!(wrong(&[("body/mod.rs", text)]), [""; 0], "{text}");
    }
    let files = [("body/mod.rs", "#[cfg(test)] mod tests;"), ("body/tests/mod.rs", "use crate::vault::Vault;")];
    assert_eq!(wrong(&files), [""; 0]);
    // A folder of that name is no excuse.
    let files = [("body/mod.rs", "mod tests;"), ("body/tests/mod.rs", "use crate::vault::Vault;")];
    assert_wrong(&files, "body must not use vault");
}

#[test]
fn nothing_uses_what_is_above_it() {
    for (file, text, what) in [
        ("vault/mod.rs", "use crate::cli::output::Output;", "vault must not use cli: vault/mod.rs -> cli/output.rs"),
        ("crypto/mod.rs", "use crate::format::Item;", "crypto must not use format"),
        ("memory/mod.rs", "use super::crypto::Key;", "memory must not use crypto"),
        ("format/mod.rs", "pub use crate::body::Header;", "format must not use body"),
        ("body/mod.rs", "use crate::Error;", "body must not use lib"),
        ("store/mod.rs", "use crate::vault::Vault;", "store must not use vault"),
        ("store/mod.rs", "use crate::crypto::Key;", "store must not use crypto"),
        ("keychain/os.rs", "use crate::crypto::Key;", "keychain must not use crypto"),
        ("main.rs", "fn main() { strongroom::vault::open() }", "main must not use vault"),
    ] {
        assert_wrong(&[(file, text)], what);
    }
    assert_wrong(&[("attic/mod.rs", "")], "attic is no room");
}

#[test]
fn no_circle_joins_two_rooms() {
    let files = [("crypto/mod.rs", "use crate::format::Item;")];
    assert_wrong(&files, "2 files use each other in a circle");
    // Longer, and back by a file of the room that the way did not go through.
    let files = [
        ("format/mod.rs", "mod item; mod name;"),
        ("format/item.rs", "use super::name::Name;"),
        ("format/name.rs", "use crate::crypto::Key;"),
        ("crypto/mod.rs", "mod kdf;\nuse kdf::Kdf;"),
        ("crypto/kdf.rs", "use crate::format::item::Item;"),
    ];
    assert_wrong(&files, "4 files use each other in a circle");
}

#[test]
fn files_below_the_command_line_may_belong_together() {
    let files = [("vault/mod.rs", "mod unlock; pub use unlock::Unlocked;"), ("vault/unlock.rs", "use super::Vault;")];
    assert_eq!(wrong(&files), [""; 0]);
}

#[test]
fn nothing_goes_round_in_the_command_line() {
    let files = [("cli/output.rs", "use super::pipes;"), ("cli/pipes.rs", "use crate::cli::output::Output;")];
    assert_wrong(&files, "cli/output.rs -> cli/pipes.rs (line 1: super::pipes)");
    // A file beside the folder that is its module.
    let files =
        [("cli/commands/cat.rs", "mod report;\nuse report::show;"), ("cli/commands/cat/report.rs", "use super::Cat;")];
    assert_wrong(&files, "2 files use each other in a circle");
    let files = [("cli/commands/cat.rs", "mod report;"), ("cli/commands/cat/report.rs", "use super::Cat;")];
    assert_eq!(wrong(&files), [""; 0]);
}

#[test]
fn commands_have_one_door() {
    let files = [("cli/output.rs", "use crate::cli::commands::man;")];
    assert_wrong(&files, "cli/commands/ is used by cli/args.rs alone");
    let files = [("cli/commands/cat.rs", "use super::man::Man;")];
    assert_eq!(wrong(&files), [""; 0]);
}

#[test]
fn what_is_in_a_vault_reaches_for_nothing_outside_it() {
    for text in ["use crate::vault::Unlocked;", "use super::Unlocked;", "fn f() { crate::vault::open() }"] {
        let files = [("vault/contents/mod.rs", text)];
        assert_wrong(&files, "vault/contents/ must not use what is outside it: vault/contents/mod.rs -> vault/mod.rs");
    }
    let files = [
        ("vault/contents/mod.rs", "mod join; use crate::crypto::Key;"),
        ("vault/contents/join.rs", "use super::Contents; use crate::format::Item;"),
    ];
    assert_eq!(wrong(&files), [""; 0]);
}

#[test]
fn no_file_of_the_command_line_hides_behind_another_ones_type() {
    for text in ["impl Output { fn f() {} }", "use x::y;\nimpl<'a, T: Into<U>> super::Output<'a, T> where T: Copy {}"] {
        assert_wrong(&[("cli/pipes.rs", text)], "gives methods to Output, which another file declares");
        let files = [("cli/output.rs", "mod pipes; struct Output;"), ("cli/output/pipes.rs", text)];
        assert_eq!(wrong(&files), [""; 0]);
    }
    for text in [
        "struct Output; impl Output {}",
        "impl Clone for Output {}",
        "impl<T> From<T> for Output {}",
        "fn f(x: impl Read) -> impl Write { x }",
    ] {
        assert_eq!(wrong(&[("cli/pipes.rs", text)]), [""; 0], "{text}");
    }
}

#[test]
fn the_rules_allow_no_circle_themselves() {
    for (room, others) in ROOMS {
        let mut reached = others.to_vec();
        for at in 0.. {
            let Some(other) = reached.get(at) else { break };
            assert!(ROOMS.iter().any(|(name, _)| name == other), "{other} is no room");
            let next: Vec<&str> = allowed(other).iter().copied().filter(|next| !reached.contains(next)).collect();
            reached.extend(next);
        }
        assert!(!reached.contains(&room), "{room} may use itself in the end");
    }
}

#[test]
fn a_file_is_in_the_room_of_its_folder() {
    for (file, room, inner) in [
        ("lib.rs", "lib", "lib"),
        ("disk.rs", "disk", "disk"),
        ("disk/owner.rs", "disk", "disk"),
        ("vault/tests/mod.rs", "vault", "vault"),
        ("cli/output.rs", "cli", "cli"),
        ("cli/commands/cat.rs", "cli", "cli/commands"),
        ("cli/commands/encrypt/report.rs", "cli", "cli/commands"),
    ] {
        assert_eq!((room_of(file), inner_room_of(file)), (room, inner), "{file}");
    }
}
