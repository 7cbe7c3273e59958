//! Two copies of one vault, in folders of their own, whose processes share this computer's items: the vault files' locks
//! do not keep them apart, and the items' lock does.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use strongroom::Error;
use strongroom::crypto::kdf::KdfCost;
use strongroom::crypto::secret::Password;
use strongroom::format::VaultId;
use strongroom::keychain::Keychain;
use strongroom::vault::create;

use crate::{PASSWORD, Place, anchored_generation, named};

/// Set in a process that works on a copy: the copy's folder.
const COPY: &str = "STRONGROOM_TEST_COPY";
const CHANGES: usize = 12;

/// Changes a copy. What the other process has written to the anchor since shows as an older file, and is accepted.
fn take_part(folder: &Path) {
    let (place, password) = (Place::new(folder), Password::new(PASSWORD.as_bytes()).unwrap());
    let mut unlocked = place.unlock(&password);
    for change in 0..CHANGES {
        loop {
            match unlocked.add_project(&named(&format!("p-{change}"))) {
                Ok(_) => break,
                Err(Error::RolledBack(_)) => drop(unlocked.accept_rollback().unwrap()),
                Err(other) => panic!("{other}"),
            }
        }
    }
    unlocked.change_password(&password, &password, None).map(drop).or_else(refused_for_the_other).unwrap();
}

/// The other process has changed the item, or the anchor, first.
fn refused_for_the_other(error: Error) -> Result<(), Error> {
    match error {
        Error::Changed { .. } | Error::RolledBack(_) => Ok(()),
        other => Err(other),
    }
}

#[test]
fn two_copies_that_share_a_keychain_end_and_never_take_the_anchor_back() {
    let test = "shared::two_copies_that_share_a_keychain_end_and_never_take_the_anchor_back";
    if let Some(folder) = std::env::var_os(COPY) {
        return take_part(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
    let place = Place::new(&one);
    let (id, password) = (VaultId::generate().unwrap(), Password::new(PASSWORD.as_bytes()).unwrap());
    drop(create(place.edges(), id, &password, KdfCost::FLOOR).unwrap());
    fs::create_dir_all(other.join("vault")).unwrap();
    fs::copy(one.join("vault/vault.json"), other.join("vault/vault.json")).unwrap();
    symlink(one.join("key"), other.join("key")).unwrap();

    let start = |copy: &Path| {
        let program = std::env::current_exe().unwrap();
        let arguments = ["--exact", test, "--nocapture"];
        Command::new(program).args(arguments).env(COPY, copy).stdout(Stdio::null()).spawn().unwrap()
    };
    let mut processes = [start(&one), start(&other)];
    let (began, mut newest, mut looked) = (Instant::now(), 0, 0);
    while processes.iter_mut().any(|process: &mut Child| process.try_wait().unwrap().is_none()) {
        assert!(began.elapsed() < Duration::from_secs(240), "they wait for each other");
        // As an opening does: the items' lock alone, while others hold a vault file's and want this one.
        let held = place.keychain.lock(&id.to_string(), Duration::from_secs(60)).unwrap();
        let generation = anchored_generation(&one.join("key/item.anchor"));
        assert!(generation >= newest, "generation {generation} after {newest}");
        (newest, looked) = (generation, looked + 1);
        thread::sleep(Duration::from_millis(1));
        drop(held);
        thread::sleep(Duration::from_millis(5));
    }
    for mut process in processes {
        assert!(process.wait().unwrap().success());
    }
    assert!(looked > 10 && newest as usize > CHANGES, "{looked} looks, generation {newest}");
    assert!(Place::new(&other).unlock(&password).header().generation <= newest);
}
