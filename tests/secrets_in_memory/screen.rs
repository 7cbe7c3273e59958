//! The screen: what is in its memory while it shows a secret, once it has hidden it, and once the vault is locked.

use std::collections::BTreeMap;

use super::memory::{Hit, Memory};
use super::secrets::Secrets;
use super::{OLD, is_root, proof};
use crate::prompts::tmux::{Tmux, VALUE, with_secret};

const SHOWN: (&str, &str) = (
    "memory-screen",
    "the password and a shown secret in the screen's memory once it is hidden, and once it is locked",
);

fn found(tmux: &Tmux<'_>) -> BTreeMap<String, Vec<Hit>> {
    let memory = Memory::of(tmux.pid());
    assert!(memory.len() > 1 << 20, "there was something to look at");
    memory.search(&Secrets::password("password", OLD).and("", Secrets::password("value", VALUE)))
}

#[test]
#[ignore = "needs root: run ./test"]
fn the_screen_forgets_what_was_typed_and_what_it_has_hidden() {
    if !is_root(SHOWN.0, SHOWN.1) {
        return;
    }
    let home = with_secret();
    let tmux = Tmux::start(&home);
    tmux.unlocks();
    assert_eq!(found(&tmux), BTreeMap::new(), "unlocked");
    tmux.reveals();
    let shown: Vec<String> = found(&tmux).into_keys().collect();
    assert!(matches!(&shown[..], [name] if name.ends_with("value")), "shown: {shown:?}");
    tmux.types("r");
    tmux.see("hidden; press r");
    assert_eq!(found(&tmux), BTreeMap::new(), "hidden");
    tmux.types("l");
    tmux.see("the vault is locked");
    assert_eq!(found(&tmux), BTreeMap::new(), "locked");
    proof::record(SHOWN.0, SHOWN.1, "none");
}
