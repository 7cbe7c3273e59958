//! What every keychain must do, run against each of them. What only one kind does stands at the end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use strongroom::keychain::{
    FileKeychain, ITEM_LIMIT, ItemKind, Keychain, KeychainError, MemoryFault, MemoryKeychain, StoredItem, WithDeadline,
};

const VAULT: &str = "0b7b4a54-6d7a-4c4e-9d27-7a1f1c1a2b3c";
const OTHER: &str = "f6a1c2d3-0000-4000-8000-00000000beef";
const KINDS: [ItemKind; 2] = [ItemKind::DataKey, ItemKind::Anchor];

/// How many vaults a keychain holds.
#[derive(Clone, Copy, PartialEq)]
enum Holds {
    OneVault,
    ManyVaults,
}

fn value(keychain: &dyn Keychain, vault: &str, kind: ItemKind) -> Option<Vec<u8>> {
    let mut items = keychain.get(vault, kind).expect("get");
    assert!(items.len() <= 1, "{} items where one was written", items.len());
    items.pop().map(|item| {
        assert_eq!((item.vault.as_str(), item.kind), (vault, kind));
        item.bytes
    })
}

/// Lists the items of this test's vaults; the computer's own keychain may hold others.
fn listed(keychain: &dyn Keychain) -> Vec<StoredItem> {
    let mut items = keychain.list().expect("list");
    items.retain(|item| [VAULT, OTHER, ""].contains(&item.vault.as_str()));
    items
}

/// One lock of a vault's items is held at a time, and waited for.
fn locks(keychain: &dyn Keychain, holds: Holds) {
    let held = keychain.lock(VAULT, Duration::ZERO).expect("lock");
    let (start, wait) = (Instant::now(), Duration::from_millis(50));
    let busy = keychain.lock(VAULT, wait).expect_err("it is held");
    assert!(matches!(busy, KeychainError::Busy { waited, .. } if waited == wait) && start.elapsed() >= wait, "{busy}");
    if holds == Holds::ManyVaults {
        drop(keychain.lock(OTHER, Duration::ZERO).expect("another vault's lock is free"));
    }
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| keychain.lock(VAULT, Duration::from_secs(20)).map(drop));
        std::thread::sleep(Duration::from_millis(20));
        assert!(!waits.is_finished());
        drop(held);
        waits.join().expect("a thread").expect("it was given back");
    });
    drop(keychain.lock(VAULT, Duration::ZERO).expect("it is free again"));
}

/// Begins and ends with no item of this test's vaults.
fn keeps_the_contract(keychain: &dyn Keychain, holds: Holds) {
    locks(keychain, holds);
    assert!(!keychain.name().is_empty());
    let probe = keychain.probe().expect("probe");
    assert!(!probe.locked && !probe.provider.is_empty());

    for kind in KINDS {
        assert!(value(keychain, VAULT, kind).is_none(), "nothing is there before it is written");
    }
    assert_eq!(listed(keychain), []);

    // The two items do not touch each other, and a write replaces the whole value, shorter or longer.
    for (kind, long, short) in [(ItemKind::DataKey, 2000, 1), (ItemKind::Anchor, 300, 2)] {
        for length in [16, long, short] {
            let bytes = vec![b'a' + u8::try_from(length % 16).expect("a remainder of 16"); length];
            keychain.set(VAULT, kind, &bytes).expect("set");
            assert_eq!(value(keychain, VAULT, kind), Some(bytes));
        }
    }
    assert_eq!(value(keychain, VAULT, ItemKind::DataKey), Some(vec![b'a' + 1; 1]));
    assert_eq!(value(keychain, VAULT, ItemKind::Anchor), Some(vec![b'a' + 2; 2]));

    if holds == Holds::ManyVaults {
        assert_eq!(value(keychain, OTHER, ItemKind::DataKey), None, "an item belongs to one vault");
        keychain.set(OTHER, ItemKind::DataKey, b"other").expect("set for another vault");
        assert_eq!(value(keychain, VAULT, ItemKind::DataKey), Some(vec![b'b'; 1]));
    }

    // The limit itself fits; one byte more changes nothing.
    let limit = vec![b'x'; ITEM_LIMIT];
    keychain.set(VAULT, ItemKind::DataKey, &limit).expect("set at the limit");
    match keychain.set(VAULT, ItemKind::DataKey, &vec![b'y'; ITEM_LIMIT + 1]) {
        Err(KeychainError::TooLong { length, limit }) => assert_eq!((length, limit), (ITEM_LIMIT + 1, ITEM_LIMIT)),
        other => panic!("an item above the limit: {other:?}"),
    }
    assert!(value(keychain, VAULT, ItemKind::DataKey) == Some(limit), "the item at the limit stands");

    let items = listed(keychain);
    let mut found: Vec<_> = items.iter().map(|item| (item.vault.as_str(), item.kind)).collect();
    found.sort_unstable();
    let expected = match holds {
        Holds::OneVault => vec![("", ItemKind::DataKey), ("", ItemKind::Anchor)],
        Holds::ManyVaults => {
            vec![(VAULT, ItemKind::DataKey), (VAULT, ItemKind::Anchor), (OTHER, ItemKind::DataKey)]
        }
    };
    assert_eq!(found, expected);
    assert!(items.iter().all(|item| item.bytes.is_empty()), "a list has no item's bytes");

    // A handle deletes its own item and no other; deleting what is gone is no error.
    let anchor = keychain.get(VAULT, ItemKind::Anchor).expect("get").remove(0);
    keychain.delete(&anchor.handle).expect("delete");
    keychain.delete(&anchor.handle).expect("delete again");
    assert_eq!(value(keychain, VAULT, ItemKind::Anchor), None);
    assert!(value(keychain, VAULT, ItemKind::DataKey).is_some());
    for item in items {
        keychain.delete(&item.handle).expect("delete by a listed handle");
    }
    assert_eq!(listed(keychain), []);
    keychain.delete("no handle of any kind").expect("delete by a handle that never was");

    keychain.set(VAULT, ItemKind::Anchor, b"again").expect("set after delete");
    let again = keychain.get(VAULT, ItemKind::Anchor).expect("get").remove(0);
    assert_eq!(again.bytes, b"again");
    keychain.delete(&again.handle).expect("delete");
}

#[test]
fn memory_keeps_the_contract() {
    keeps_the_contract(&MemoryKeychain::new(), Holds::ManyVaults);
}

#[test]
fn a_file_keeps_the_contract() {
    let folder = tempfile::tempdir().expect("a folder");
    keeps_the_contract(&FileKeychain::new(folder.path().join("made/when/needed/key")), Holds::OneVault);
}

#[test]
fn a_deadline_keeps_the_contract() {
    let keychain = WithDeadline::new(Arc::new(MemoryKeychain::new()), Duration::from_secs(10));
    keeps_the_contract(&keychain, Holds::ManyVaults);
}

#[cfg(feature = "os-keychain")]
#[test]
#[ignore = "needs a real Secret Service: run ./test"]
fn the_operating_system_keeps_the_contract() {
    use strongroom::keychain::{OsKeychain, Prompting};
    crate::support::desktop::inside(
        "--unlocked",
        concat!(module_path!(), "::the_operating_system_keeps_the_contract"),
        || {
            let locks = tempfile::tempdir().expect("a folder");
            let keychain = OsKeychain::new(Prompting::Forbidden).with_locks(Some(locks.path().join("locks")));
            for left_over in listed(&keychain) {
                keychain.delete(&left_over.handle).expect("delete");
            }
            keeps_the_contract(&keychain, Holds::ManyVaults);
        },
    );
}

#[test]
fn a_deadline_ends_a_call_that_hangs_and_refuses_the_next() {
    let inner = Arc::new(MemoryKeychain::new());
    let keychain = WithDeadline::new(Arc::clone(&inner) as Arc<dyn Keychain>, Duration::from_millis(200));
    inner.inject(MemoryFault::HangAfterWrites);
    let start = Instant::now();
    let error = keychain.set(VAULT, ItemKind::DataKey, b"late").expect_err("a call that hangs");
    assert!(start.elapsed() >= Duration::from_millis(200) && start.elapsed() < Duration::from_secs(5));
    assert!(
        matches!(&error, KeychainError::Unresponsive { provider, after, writing: true }
            if provider == "memory" && *after == Duration::from_millis(200)),
        "{error:?}"
    );

    inner.heal();
    let calls = inner.calls();
    let error = keychain.get(VAULT, ItemKind::DataKey).expect_err("a call after one that hung");
    assert!(matches!(error, KeychainError::Unresponsive { writing: true, .. }), "{error:?}");
    assert_eq!(inner.calls(), calls, "no second call is made");
    assert_eq!(value(&*inner, VAULT, ItemKind::DataKey), Some(b"late".to_vec()), "the write had happened");
}

#[test]
fn a_deadline_passes_errors_on() {
    let inner = Arc::new(MemoryKeychain::new());
    let keychain = WithDeadline::new(Arc::clone(&inner) as Arc<dyn Keychain>, Duration::from_secs(10));
    inner.inject(MemoryFault::Fail(|| KeychainError::NoBus));
    assert!(matches!(keychain.probe(), Err(KeychainError::NoBus)));
    inner.heal();
    keychain.probe().expect("an error that is not a hang does not stay");
}

#[test]
fn memory_misbehaves_on_request() {
    let keychain = MemoryKeychain::new();
    let kind = ItemKind::DataKey;
    for bytes in [b"one", b"two", b"six"] {
        keychain.set(VAULT, kind, bytes).expect("set");
    }
    let refused = || KeychainError::Rejected { provider: "memory".into(), reason: "asked to".into() };

    keychain.inject(MemoryFault::Lie);
    keychain.set(VAULT, kind, b"lost").expect("a lie looks like success");
    assert_eq!(value(&keychain, VAULT, kind), Some(b"six".to_vec()));

    keychain.inject(MemoryFault::FailWrites(refused));
    assert!(matches!(keychain.set(VAULT, kind, b"no"), Err(KeychainError::Rejected { .. })));
    assert_eq!(value(&keychain, VAULT, kind), Some(b"six".to_vec()));

    keychain.inject_after(1, MemoryFault::FailAfterWrites(refused));
    keychain.set(VAULT, kind, b"spared").expect("the call before the fault");
    assert!(matches!(keychain.set(VAULT, kind, b"done"), Err(KeychainError::Rejected { .. })));
    assert_eq!(value(&keychain, VAULT, kind), Some(b"done".to_vec()));

    keychain.inject(MemoryFault::Garbage(b"\0garbage".to_vec()));
    assert_eq!(value(&keychain, VAULT, kind), Some(b"\0garbage".to_vec()));
    keychain.heal();

    assert_eq!(keychain.history(VAULT, kind).len(), 5);
    assert!(keychain.roll_back(VAULT, kind, 3) && !keychain.roll_back(VAULT, kind, 2));
    assert_eq!(value(&keychain, VAULT, kind), Some(b"two".to_vec()));

    keychain.add_twin(VAULT, kind, b"twin");
    let items = keychain.get(VAULT, kind).expect("get");
    assert_eq!(items.iter().map(|item| item.bytes.as_slice()).collect::<Vec<_>>(), [b"two".as_slice(), b"twin"]);
    let error = keychain.set(VAULT, kind, b"which").expect_err("a write to one of two");
    assert!(matches!(error, KeychainError::Ambiguous { count: 2, kind: ItemKind::DataKey, .. }), "{error:?}");
    keychain.delete(&items[1].handle).expect("delete");
    assert_eq!(value(&keychain, VAULT, kind), Some(b"two".to_vec()));

    keychain.forget(VAULT, kind);
    assert_eq!(value(&keychain, VAULT, kind), None);
}

#[test]
fn a_file_that_is_too_long_is_not_read_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("key");
    std::fs::write(&path, vec![b'x'; ITEM_LIMIT + 1]).expect("write");
    let error = FileKeychain::new(&path).get(VAULT, ItemKind::DataKey).expect_err("a file above the limit");
    assert!(matches!(error, KeychainError::TooLong { limit: ITEM_LIMIT, .. }), "{error:?}");
}

#[test]
fn a_file_that_stands_is_seen_before_init() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("key");
    assert!(!FileKeychain::exists(&path).expect("exists"));
    FileKeychain::new(&path).set(VAULT, ItemKind::Anchor, b"anchor").expect("set");
    assert!(FileKeychain::exists(&path).expect("exists"), "the anchor alone counts");
    assert!(folder.path().join("key.anchor").is_file());
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::process::Command;

    #[test]
    fn files_are_for_their_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("new/key");
        let keychain = FileKeychain::new(&path);
        let mode = |path: &std::path::Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o7777;
        for turn in 0..2 {
            keychain.set(VAULT, ItemKind::DataKey, b"item").expect("set");
            assert_eq!((mode(&folder.path().join("new")), mode(&path)), (0o700, 0o600), "turn {turn}");
            // A file that others could read is not that any more after the next write.
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("chmod");
        }
        assert_eq!(fs::read_dir(folder.path().join("new")).expect("read").count(), 1, "no temporary file stays");
    }

    #[test]
    fn a_symbolic_link_stays_and_its_target_is_replaced_if_it_is_an_item() {
        let folder = tempfile::tempdir().expect("a folder");
        let (link, target) = (folder.path().join("link"), folder.path().join("stick/key"));
        symlink("stick/key", &link).expect("symlink");
        let keychain = FileKeychain::new(&link);
        assert!(FileKeychain::exists(&link).expect("exists"), "a broken link counts");
        assert_eq!(value(&keychain, VAULT, ItemKind::DataKey), None);
        let set = |bytes: &[u8]| keychain.set(VAULT, ItemKind::DataKey, bytes);
        let items = [br#"{"wraps":[{"protected":"one"#, br#"{"wraps":[{"protected":"two"#];
        assert!(matches!(set(items[0]), Err(KeychainError::File { .. })), "it leads nowhere");
        assert!(!target.exists());
        fs::create_dir(target.parent().expect("its folder")).expect("mkdir");
        fs::write(&target, b"").expect("write");
        for bytes in items {
            set(bytes).expect("set through the link");
            assert_eq!(fs::read(&target).expect("the target"), bytes);
            assert_eq!(value(&keychain, VAULT, ItemKind::DataKey), Some(bytes.to_vec()));
        }
        for other in [b"the user's own".to_vec(), br#"{"wraps":[]}"#.to_vec(), vec![b'x'; 100_000]] {
            fs::write(&target, &other).expect("write");
            assert!(matches!(set(items[0]), Err(KeychainError::File { .. })), "another file");
            assert_eq!(fs::read(&target).expect("the target"), other);
        }
        assert!(fs::symlink_metadata(&link).expect("the link").is_symlink());
    }

    #[test]
    fn only_a_regular_file_is_a_keychain() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
        let start = Instant::now();
        for path in [pipe.as_path(), folder.path(), "/dev/zero".as_ref()] {
            let keychain = FileKeychain::new(path);
            let calls = [
                keychain.probe().map(drop),
                keychain.get(VAULT, ItemKind::DataKey).map(drop),
                keychain.set(VAULT, ItemKind::DataKey, b"item"),
                keychain.list().map(drop),
                keychain.delete("data-key"),
            ];
            for call in calls {
                assert!(matches!(call, Err(KeychainError::File { .. })), "{}: {call:?}", path.display());
            }
        }
        assert!(start.elapsed() < Duration::from_secs(5), "nothing waits for a pipe");
    }
}
