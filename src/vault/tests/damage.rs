//! Vault files that are cut, flipped, missing or something else, with and without a previous one.

use super::*;
use crate::error::{ItemError, NotFound, Unsupported};
use crate::format::vault::SIZE_LIMIT;
use crate::keychain::FileKeychain;
use crate::store::{FolderStore, StoreFault};

/// Puts `current` beside the shared life's generation 2 as the previous file.
fn with_previous(current: Option<Vec<u8>>) -> Machine {
    let machine = Machine::at(3);
    machine.store.put(current, Some(life().files[1].clone()));
    machine
}

fn without_previous(current: Option<Vec<u8>>) -> Machine {
    let machine = Machine::at(3);
    machine.store.put(current, None);
    machine
}

/// The previous file was read, is told of and can be made the vault; until then nothing is changed.
fn assert_reads_previous(machine: &Machine) {
    assert_reads_previous_and(machine, |error| matches!(error, Error::OnlyPrevious { other_key: false, .. }));
}

/// The previous file is read, every change is refused with an error like this, and accepting goes on from it.
fn assert_reads_previous_and(machine: &Machine, refused: impl Fn(&Error) -> bool) {
    let damaged = machine.store.load().unwrap();
    let mut unlocked = machine.unlocked();
    let notices = unlocked.take_notices();
    assert!(matches!(notices[0], Notice::ReadPrevious { generation: 2, .. }), "{notices:?}");
    assert!(unlocked.reads_previous());
    assert_eq!(unlocked.file_key("acme", None).unwrap().version, 1);
    assert!(refused(&unlocked.check_writable().unwrap_err()));
    assert!(refused(&unlocked.add_project(&named("bistro")).unwrap_err()));
    assert_eq!(machine.store.load().unwrap(), damaged);

    unlocked.accept_rollback().unwrap();
    assert_eq!(unlocked.header().generation, 4);
    let aside: Vec<Vec<u8>> = machine.store.set_aside().into_iter().map(|(_, bytes)| bytes).collect();
    assert_eq!(aside, Vec::from_iter(damaged));
    unlocked.add_project(&named("bistro")).unwrap();
    assert_eq!(machine.notices(), []);
}

fn header_with(edit: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut document = Machine::at(3).document();
    let mut header: Value = serde_json::from_slice(&document.protected).unwrap();
    edit(&mut header);
    document.protected = serde_json::to_vec(&header).unwrap();
    document.to_bytes().unwrap()
}

#[test]
fn no_flipped_bit_in_the_vault_file_gives_another_payload() {
    let whole = &life().files[2];
    let key = data_key();
    assert!(Document::parse(whole).is_ok_and(|document| open_payload(&document, &key).is_ok()));
    // A stride that shares no factor with 8, so that every bit of a byte has its turn.
    for bit in (0..whole.len() * 8).step_by(5) {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let opened = Document::parse(&flipped).and_then(|document| open_payload(&document, &key));
        assert!(opened.is_err(), "bit {bit} changed nothing");
    }
}

/// If one byte of the vault file is another, the kit still opens the vault, and so does the password. Tries each of the
/// first bytes, since all that stands in clear is there, and after them every `step`th.
fn assert_no_byte_shuts_anybody_out(machine: &Machine, kit: Option<&NewKit>, step: usize) {
    let whole = machine.file();
    let second = machine.store.load_previous().unwrap();
    assert_eq!(second.as_ref(), Some(&whole), "there is no second copy");
    for at in (0..whole.len()).filter(|at| *at < 1000 || at % step == 0) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 7);
        machine.store.put(Some(flipped), second.clone());
        if let Some(kit) = kit {
            let opened = Vault::open(machine.store.clone()).and_then(|vault| vault.open_with_kit(kit.secret()));
            assert_eq!(opened.unwrap_or_else(|error| panic!("byte {at}, by the kit: {error}")).id(), VAULT);
        }
        // Each costs an Argon2.
        if at % 1009 == 0 || at < 1000 && at % 97 == 0 {
            machine.unlock(PASSWORD).unwrap_or_else(|error| panic!("byte {at}, by the password: {error}"));
        }
    }
    machine.store.put(Some(whole), second);
}

fn assert_no_byte_of_a_life_shuts_anybody_out(step: usize) {
    let machine = Machine::empty();
    let mut unlocked = create(machine.edges(), VAULT, &password(PASSWORD), KdfCost::FLOOR).unwrap();
    assert_no_byte_shuts_anybody_out(&machine, None, step);
    let kit = new_kit(&mut unlocked);
    assert_no_byte_shuts_anybody_out(&machine, Some(&kit), step);
    unlocked.add_project(&named("acme")).unwrap();
    unlocked.rotate_data_key(&password(PASSWORD), NextKit::Keep(kit.secret())).unwrap();
    unlocked.settle_rotation(&password(PASSWORD), Settle::Now).unwrap();
    assert_no_byte_shuts_anybody_out(&machine, Some(&kit), step);
    unlocked
        .destroy_project(
            "acme",
            &password(PASSWORD),
            NextKit::Keep(kit.secret()),
            SharedKeys::Refused,
            SecretsOfProject::Deleted,
        )
        .unwrap();
    unlocked.settle_rotation(&password(PASSWORD), Settle::Now).unwrap();
    assert_no_byte_shuts_anybody_out(&machine, Some(&kit), step);
}

#[test]
fn no_damaged_byte_shuts_anybody_out_of_a_vault_that_was_just_made_or_rotated() {
    assert_no_byte_of_a_life_shuts_anybody_out(5);
}

#[test]
#[ignore = "long: run ./test --long"]
fn long_mode_no_damaged_byte_at_all_shuts_anybody_out_of_a_vault_that_was_just_made_or_rotated() {
    assert_no_byte_of_a_life_shuts_anybody_out(1);
}

#[test]
fn a_vault_counts_though_its_second_copy_cannot_be_written_and_that_is_told() {
    let machine = Machine::empty();
    machine.store.fail_next(StoreFault::SecondCopyFails);
    let mut unlocked = create(machine.edges(), VAULT, &password(PASSWORD), KdfCost::FLOOR).unwrap();
    let notices = unlocked.take_notices();
    assert!(matches!(notices[..], [Notice::NoSecondCopy { .. }]), "{notices:?}");
    unlocked.add_project(&named("acme")).unwrap();
    assert!(machine.store.load_previous().unwrap().is_some());
}

#[test]
fn a_newer_version_is_no_damage_unless_a_single_byte_tells_it_from_the_previous_file() {
    let whole = life().files[1].clone();
    let newer = String::from_utf8(whole.clone()).unwrap().replacen("\"version\":1", "\"version\":3", 1).into_bytes();
    let open = |previous: Option<&Vec<u8>>| {
        let machine = Machine::at(3);
        machine.store.put(Some(newer.clone()), previous.cloned());
        Vault::open(machine.store.clone()).map(|vault| vault.source().clone())
    };
    assert!(matches!(open(Some(&whole)), Ok(Source::Previous { .. })));
    for previous in [None, Some(&life().files[0]), Some(&newer)] {
        assert_fails!(open(previous), Error::Unsupported(Unsupported::Version { .. }));
    }
}

#[test]
fn a_vault_file_cut_short_at_any_length_is_damaged_and_the_previous_one_is_read() {
    let whole = &life().files[2];
    // The last byte is a line feed, which adds nothing.
    let lengths: Vec<usize> = (0..whole.len() - 1).step_by(7).chain([1, whole.len() - 2]).collect();
    for &length in &lengths {
        let cut = whole[..length].to_vec();
        assert_fails!(Vault::open(without_previous(Some(cut.clone())).store), Error::Damaged { .. });
        let machine = with_previous(Some(cut));
        let vault = Vault::open(machine.store.clone()).unwrap();
        assert!(matches!(vault.source(), Source::Previous { .. }));
    }
    assert_reads_previous(&with_previous(Some(whole[..whole.len() / 2].to_vec())));
}

#[test]
fn a_damaged_payload_is_told_from_a_wrong_password() {
    let document = Machine::at(3).document();
    // Salt, commitment, first chunk, tag.
    for place in [0, 24, 56, document.payload.len() - 1] {
        let mut flipped = document.clone();
        flipped.payload[place] ^= 0x10;
        let bytes = flipped.to_bytes().unwrap();
        assert_fails!(without_previous(Some(bytes.clone())).unlock(PASSWORD), Error::Damaged { .. });
        assert_reads_previous(&with_previous(Some(bytes)));
    }
    let mut empty = document;
    empty.payload.clear();
    let bytes = empty.to_bytes().unwrap();
    assert_fails!(without_previous(Some(bytes.clone())).unlock(PASSWORD), Error::Damaged { .. });
    let machine = with_previous(Some(bytes));
    assert_fails!(machine.unlock(OTHER_PASSWORD), Error::WrongPassword { vault_may_be_damaged: true, .. });
}

#[test]
fn a_generation_or_date_altered_in_clear_does_not_pass() {
    for bytes in [
        header_with(|header| header["generation"] = 4.into()),
        header_with(|header| header["created"] = "2020-01-01T00:00:00Z".into()),
    ] {
        assert_fails!(without_previous(Some(bytes.clone())).unlock(PASSWORD), Error::Damaged { .. });
        assert_reads_previous(&with_previous(Some(bytes)));
    }
}

fn with_altered_pepper() -> Vec<u8> {
    header_with(|header| header["pepper"] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".into())
}

#[test]
fn a_damaged_pepper_is_made_good_by_the_previous_file() {
    assert_reads_previous(&with_previous(Some(with_altered_pepper())));
}

#[test]
fn a_damaged_pepper_without_a_previous_file_cannot_be_told_from_a_wrong_password() {
    // The pepper goes into the key, and the anchor's digest is over the payload, which is whole.
    assert_fails!(without_previous(Some(with_altered_pepper())).unlock(PASSWORD), Error::WrongPassword { .. });
}

#[test]
fn a_damaged_data_key_id_is_made_good_by_the_previous_file() {
    let bytes = header_with(|header| header["data_key"] = "00000000-0000-4000-8000-000000000001".into());
    assert_fails!(without_previous(Some(bytes.clone())).unlock(PASSWORD), Error::Item(ItemError::NotOurs { .. }));
    // It may as well be one that another computer has rotated, and is not called damaged.
    let machine = with_previous(Some(bytes));
    assert_reads_previous_and(&machine, |error| matches!(error, Error::OnlyPrevious { other_key: true, .. }));
    assert!(machine.store.set_aside()[0].0.starts_with("replaced-"));
}

#[test]
fn a_damaged_vault_id_is_made_good_by_the_previous_file() {
    let bytes = header_with(|header| header["vault"] = "00000000-0000-4000-8000-000000000001".into());
    assert_fails!(without_previous(Some(bytes.clone())).unlock(PASSWORD), Error::Item(ItemError::Missing { .. }));
    assert_reads_previous(&with_previous(Some(bytes)));
}

#[test]
fn a_wrong_password_beside_a_previous_file_of_another_data_key_is_a_wrong_password() {
    // As it stands after a rotation of the data key was cut off before the previous file was removed.
    let mut document = Document::parse(&life().files[1]).unwrap();
    document.header.data_key = crate::format::DataKeyId::from_bytes([9; 16]);
    document.header.pepper.0 = [9; 32];
    document.protected = document.header.to_protected().unwrap();
    let machine = Machine::at(2);
    machine.store.put(Some(life().files[2].clone()), Some(document.to_bytes().unwrap()));
    assert_fails!(machine.unlock(OTHER_PASSWORD), Error::WrongPassword { .. });
}

#[test]
fn a_wrong_password_beside_a_previous_file_tells_whether_the_vault_file_may_be_damaged() {
    // Between two files of one data key the pepper is the same, unless one of them is damaged.
    let machine = with_previous(Some(with_altered_pepper()));
    assert_fails!(machine.unlock(OTHER_PASSWORD), Error::WrongPassword { vault_may_be_damaged: true, .. });
    let mut rotated = Document::parse(&life().files[1]).unwrap();
    rotated.header.data_key = crate::format::DataKeyId::from_bytes([9; 16]);
    rotated.protected = rotated.header.to_protected().unwrap();
    let machine = Machine::at(3);
    machine.store.put(Some(life().files[2].clone()), Some(rotated.to_bytes().unwrap()));
    assert_fails!(machine.unlock(OTHER_PASSWORD), Error::WrongPassword { vault_may_be_damaged: false, .. });
}

#[test]
fn a_missing_vault_file_is_not_found_and_the_previous_one_is_read() {
    assert_fails!(Vault::open(Machine::empty().store), Error::NotFound(NotFound::Vault { .. }));
    assert_reads_previous(&with_previous(None));
}

#[test]
fn garbage_in_both_places_is_damaged() {
    for garbage in
        [Vec::new(), vec![0; 5000], b"{}".to_vec(), b"[1]".to_vec(), "\u{feff}{}".into(), vec![b'['; 100_000]]
    {
        let machine = Machine::at(3);
        machine.store.put(Some(garbage.clone()), Some(garbage));
        assert_fails!(Vault::open(machine.store.clone()), Error::Damaged { .. });
    }
    let machine = Machine::at(3);
    machine.store.put(None, Some(b"{}".to_vec()));
    assert_fails!(Vault::open(machine.store.clone()), Error::NotFound(NotFound::Vault { .. }));
}

#[test]
fn a_newer_vault_is_never_passed_over_for_the_previous_file() {
    let mut outer: Value = serde_json::from_slice(&life().files[2]).unwrap();
    outer["version"] = 2.into();
    outer["later"] = true.into();
    let machine = with_previous(Some(serde_json::to_vec(&outer).unwrap()));
    assert_fails!(
        Vault::open(machine.store.clone()),
        Error::Unsupported(Unsupported::Version { found: 2, known: 1, .. })
    );
}

#[test]
fn a_previous_file_of_another_vault_is_not_read_for_this_one() {
    let mut damaged = Machine::at(3).document();
    damaged.payload[60] ^= 1;
    let mut other = Document::parse(&life().files[1]).unwrap();
    other.header.vault = VaultId::from_bytes([8; 16]);
    other.protected = other.header.to_protected().unwrap();
    let machine = Machine::at(3);
    machine.store.put(Some(damaged.to_bytes().unwrap()), Some(other.to_bytes().unwrap()));
    assert_fails!(machine.unlock(PASSWORD), Error::Damaged { .. });
}

#[test]
fn a_previous_file_is_not_remembered_as_what_this_machine_saw_last() {
    let machine = with_previous(Some(b"garbage".to_vec()));
    machine.keychain.forget(&VAULT.to_string(), ItemKind::Anchor);
    assert!(matches!(&machine.notices()[..], [Notice::ReadPrevious { generation: 2, .. }]));
    assert_eq!(machine.stored(ItemKind::Anchor), None);
}

#[test]
fn a_vault_file_repaired_while_the_previous_one_is_open_counts_again() {
    let machine = with_previous(None);
    let mut unlocked = machine.unlocked();
    machine.store.put(Some(life().files[2].clone()), Some(life().files[1].clone()));
    unlocked.accept_rollback().unwrap();
    assert_eq!(machine.file(), life().files[2], "nothing is set aside where the vault file is good");
    unlocked.add_project(&named("bistro")).unwrap();
    assert_eq!((unlocked.header().generation, unlocked.projects().len()), (4, 2));
}

/// A folder that holds the shared life: generation 2 as the previous file, and `put` in the vault file's place.
struct Folder {
    folder: tempfile::TempDir,
    keychain: Arc<FileKeychain>,
}

impl Folder {
    fn with(put: impl FnOnce(&std::path::Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let vault = folder.path().join("vault.json");
        std::fs::write(folder.path().join("vault.json.prev"), &life().files[1]).unwrap();
        put(&vault);
        let keychain = Arc::new(FileKeychain::new(folder.path().join("item")));
        keychain.set(&VAULT.to_string(), ItemKind::DataKey, &life().item).unwrap();
        keychain.set(&VAULT.to_string(), ItemKind::Anchor, &life().anchors[2]).unwrap();
        Self { folder, keychain }
    }

    fn store(&self) -> Arc<FolderStore> {
        Arc::new(FolderStore::new(self.folder.path(), SIZE_LIMIT).unwrap())
    }

    fn previous(&self) -> std::path::PathBuf {
        self.folder.path().join("vault.json.prev")
    }
}

#[cfg(unix)]
fn sparse(path: &std::path::Path) {
    std::fs::File::create(path).unwrap().set_len(SIZE_LIMIT + (1 << 20)).unwrap();
}

#[cfg(unix)]
fn fifo(path: &std::path::Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[cfg(unix)]
fn directory(path: &std::path::Path) {
    std::fs::create_dir(path).unwrap();
}

#[test]
#[cfg(unix)]
fn what_is_too_large_or_no_file_is_refused_at_once() {
    for put in [sparse, fifo, directory] {
        let folder = Folder::with(put);
        std::fs::remove_file(folder.previous()).unwrap();
        let start = std::time::Instant::now();
        assert_fails!(Vault::open(folder.store()), Error::Damaged { .. });
        // Reading 257 MiB, or waiting for a writer, would take longer.
        assert!(start.elapsed() < std::time::Duration::from_secs(5), "{:?}", start.elapsed());
    }
}

#[test]
#[cfg(unix)]
fn what_is_too_large_or_no_file_is_a_damaged_vault_with_a_previous_file() {
    for put in [sparse, fifo, directory] {
        let folder = Folder::with(put);
        let store = folder.store();
        let host = Arc::new(TestHost::new());
        let vault = Vault::open(store.clone()).unwrap();
        let mut unlocked = vault.unlock(&password(PASSWORD), folder.keychain.clone(), host.clone()).unwrap();
        assert!(matches!(unlocked.take_notices()[0], Notice::ReadPrevious { generation: 2, .. }));
        assert_fails!(unlocked.add_project(&named("bistro")), Error::OnlyPrevious { other_key: false, .. });
    }
}

#[test]
#[cfg(unix)]
fn a_symbolic_link_stays_and_its_target_is_replaced() {
    let folder = Folder::with(|vault| {
        let real = vault.with_file_name("elsewhere");
        directory(&real);
        std::fs::write(real.join("real.json"), &life().files[2]).unwrap();
        std::os::unix::fs::symlink("elsewhere/real.json", vault).unwrap();
    });
    let store = folder.store();
    let host = Arc::new(TestHost::new());
    let mut unlocked =
        Vault::open(store.clone()).unwrap().unlock(&password(PASSWORD), folder.keychain.clone(), host.clone()).unwrap();
    unlocked.add_project(&named("bistro")).unwrap();
    let link = folder.folder.path().join("vault.json");
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    let target = std::fs::read(folder.folder.path().join("elsewhere/real.json")).unwrap();
    assert_eq!(Document::parse(&target).unwrap().header.generation, 4);
    let previous = folder.folder.path().join("elsewhere/real.json.prev");
    assert_eq!(std::fs::read(previous).unwrap(), life().files[2]);
}

#[test]
fn a_missing_or_damaged_file_in_a_folder_is_replaced_by_the_accepted_previous_one() {
    for damaged in [None, Some("garbage")] {
        let folder = Folder::with(|vault| {
            if let Some(garbage) = damaged {
                std::fs::write(vault, garbage).unwrap();
            }
        });
        let (store, host) = (folder.store(), Arc::new(TestHost::new()));
        let mut unlocked = Vault::open(store.clone())
            .unwrap()
            .unlock(&password(PASSWORD), folder.keychain.clone(), host.clone())
            .unwrap();
        unlocked.accept_rollback().unwrap();
        assert_eq!(Vault::open(store.clone()).unwrap().header().generation, 4);
        let names = std::fs::read_dir(folder.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let aside = names.filter(|name| name.to_string_lossy().starts_with("vault.json.damaged-")).count();
        assert_eq!(aside, usize::from(damaged.is_some()));
        assert_eq!(std::fs::read(folder.previous()).unwrap(), life().files[1]);
    }
}

#[test]
fn an_anchor_file_longer_than_any_item_is_one_that_does_not_verify() {
    let folder = Folder::with(|vault| std::fs::write(vault, &life().files[2]).unwrap());
    std::fs::write(folder.folder.path().join("item.anchor"), vec![b'x'; 5000]).unwrap();
    let (store, host) = (folder.store(), Arc::new(TestHost::new()));
    let mut unlocked =
        Vault::open(store.clone()).unwrap().unlock(&password(PASSWORD), folder.keychain.clone(), host.clone()).unwrap();
    unlocked.tend(&password(PASSWORD)).unwrap();
    assert_eq!(unlocked.take_notices(), [Notice::AnchorMissing { generation: 3 }]);
}

#[test]
#[cfg(unix)]
fn a_vault_file_that_cannot_be_read_is_set_aside_for_the_accepted_previous_one_and_else_is_an_error() {
    let folder = Folder::with(sparse);
    let (store, host) = (folder.store(), Arc::new(TestHost::new()));
    let mut unlocked =
        Vault::open(store.clone()).unwrap().unlock(&password(PASSWORD), folder.keychain.clone(), host.clone()).unwrap();
    unlocked.accept_rollback().unwrap();
    unlocked.add_project(&named("bistro")).unwrap();
    // To somebody who had read the vault file itself, it is not as if there were none.
    std::fs::remove_file(store.file()).unwrap();
    directory(store.file());
    assert_fails!(unlocked.add_project(&named("cafe")), Error::Damaged { .. });
}

#[test]
fn what_is_wrong_with_the_vault_file_is_told_in_words_that_fit_a_sentence_about_it() {
    let mut altered = Machine::at(3).document();
    altered.payload[100] ^= 1;
    for (standing, told) in
        [(None, "it is missing"), (Some(altered.to_bytes().unwrap()), "the payload does not open: ")]
    {
        let notices = with_previous(standing).notices();
        let [Notice::ReadPrevious { reason, .. }, ..] = &notices[..] else { panic!("{notices:?}") };
        assert!(reason.starts_with(told), "{reason}");
    }
}
