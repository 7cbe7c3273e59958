//! A vault is made, reopened and unlocked; what a wrong password tells; what each half alone is worth.

use super::*;
use crate::crypto::kdf::{KdfError, KdfParams, PEPPER_LEN, derive_kek};
use crate::error::Exists;
use crate::format::item::{DataKeyItem, Wrap};
use crate::keychain::FileKeychain;
use crate::store::FolderStore;

#[test]
fn a_created_vault_reopens_and_unlocks_from_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(FolderStore::new(&folder.path().join("vault"), crate::format::vault::SIZE_LIMIT).unwrap());
    let keychain = Arc::new(FileKeychain::new(folder.path().join("keys/item")));
    let host = Arc::new(TestHost::new());
    let edges = Edges { store: store.clone(), keychain: keychain.clone(), host: host.clone() };
    let mut created = create(edges.clone(), VAULT, &password(PASSWORD), KdfCost::FLOOR).unwrap();
    assert_eq!(created.take_notices(), []);
    let key = exposed_after_adding(&mut created, "acme");
    drop(created);

    let store = Arc::new(FolderStore::new(&folder.path().join("vault"), crate::format::vault::SIZE_LIMIT).unwrap());
    let vault = Vault::open(store.clone()).unwrap();
    assert_eq!((vault.id(), vault.header().generation, vault.source()), (VAULT, 2, &Source::Current));
    let mut unlocked = vault.unlock(&password(PASSWORD), keychain.clone(), host.clone()).unwrap();
    assert_eq!(unlocked.take_notices(), []);
    assert!(!unlocked.reads_previous());
    assert_eq!((unlocked.kdf_cost(), unlocked.policy().unwrap()), (KdfCost::FLOOR, KdfCost::FLOOR));
    assert_eq!(exposed(&unlocked, "acme", None), key);
    assert_fails!(
        create(edges, VAULT, &password(PASSWORD), KdfCost::FLOOR),
        Error::Exists(Exists::Vault { standing }) if standing.len() == 2
    );
}

fn exposed_after_adding(unlocked: &mut Unlocked, name: &str) -> [u8; KEY_LEN] {
    unlocked.add_project(&named(name)).unwrap();
    exposed(unlocked, name, 1)
}

#[test]
fn no_vault_is_made_below_the_floor_or_over_what_stands() {
    let machine = Machine::empty();
    let weak = KdfCost { memory_kib: 64 * 1024 - 1, ..KdfCost::FLOOR };
    assert_fails!(create(machine.edges(), VAULT, &password(PASSWORD), weak), Error::Kdf(KdfError::OutOfRange { .. }));
    let before = machine.host.derivations();
    for (current, previous) in [(Some(b"x".to_vec()), None), (None, Some(b"x".to_vec()))] {
        machine.store.put(current, previous);
        assert_fails!(
            create(machine.edges(), VAULT, &password(PASSWORD), KdfCost::FLOOR),
            Error::Exists(Exists::Vault { .. })
        );
    }
    machine.store.put(None, None);
    assert_eq!(machine.stored(ItemKind::DataKey), None);
    machine.set_item(b"an item of this id");
    assert_fails!(
        create(machine.edges(), VAULT, &password(PASSWORD), KdfCost::FLOOR),
        Error::Exists(Exists::Vault { .. })
    );
    assert_eq!(machine.item(), b"an item of this id");
    assert_eq!(machine.host.derivations(), before, "what cannot be made costs no derivation");
}

#[test]
fn the_digest_that_can_be_asked_for_is_the_one_the_anchor_remembers() {
    let machine = Machine::at(3);
    let anchor = crate::format::item::AnchorItem::parse(&machine.stored(ItemKind::Anchor).unwrap()).unwrap().anchor;
    assert_eq!(Vault::open(machine.store.clone()).unwrap().digest(), anchor.digest);
}

type Alteration = Box<dyn FnOnce(&mut Wrap)>;

/// Puts an altered copy of the item's only wrap in the item's place.
fn altered(machine: &Machine, alter: impl FnOnce(&mut Wrap)) {
    let mut item = DataKeyItem::parse(&life().item).unwrap();
    alter(&mut item.wraps[0]);
    machine.set_item(&item.to_bytes().unwrap());
}

#[test]
fn a_wrong_password_and_an_altered_wrap_look_and_cost_the_same() {
    let machine = Machine::at(3);
    let wrong = machine.unlock(OTHER_PASSWORD).unwrap_err();
    assert_eq!(machine.host.derivations(), 1);
    assert_fails!(Err::<(), _>(&wrong), Error::WrongPassword { earlier_boot: false, vault_may_be_damaged: false });

    let length = DataKeyItem::parse(&life().item).unwrap().wraps[0].wrapped.len();
    // Salt, commitment, sealed key, tag.
    let places = [0, 24, 56, length - 1];
    let flips = places.map(|place| -> Alteration { Box::new(move |wrap| wrap.wrapped[place] ^= 1) });
    let cuts: [Alteration; 4] = [
        Box::new(|wrap| wrap.wrapped.clear()),
        Box::new(move |wrap| wrap.wrapped.truncate(length - 1)),
        Box::new(|wrap| {
            wrap.header.at = Timestamp::from_unix(wrap.header.at.as_unix() + 1);
            wrap.protected = wrap.header.to_protected().unwrap();
        }),
        Box::new(|wrap| {
            wrap.header.kdf.salt[0] ^= 1;
            wrap.protected = wrap.header.to_protected().unwrap();
        }),
    ];
    for alter in flips.into_iter().chain(cuts) {
        altered(&machine, alter);
        let before = machine.host.derivations();
        let error = machine.unlock(PASSWORD).unwrap_err();
        assert_eq!(format!("{error:?} {error}"), format!("{wrong:?} {wrong}"));
        assert_eq!(machine.host.derivations() - before, 1);
    }
}

#[test]
fn the_wrap_opens_only_with_the_pepper_that_stands_in_the_vault_file_alone() {
    let item = DataKeyItem::parse(&life().item).unwrap();
    let pepper = Machine::at(3).document().header.pepper.0;
    let opens = |pepper: &[u8; PEPPER_LEN]| {
        let kek = derive_kek(&password(PASSWORD), pepper, &item.wraps[0].header.kdf, None).unwrap();
        protocol::wraps::unwrap_data_key(&item.wraps[0], &kek).is_some()
    };
    let mut other = pepper;
    other[0] ^= 1;
    assert!(opens(&pepper));
    assert!(!opens(&other), "with the item alone even the right password cannot be told from a wrong one");

    let pepper = serde_json::to_value(crate::format::scalar::Base64(pepper.to_vec())).unwrap();
    let pepper = pepper.as_str().unwrap();
    let contains = |text: &[u8]| text.windows(pepper.len()).any(|window| window == pepper.as_bytes());
    assert!(contains(&Machine::at(3).document().protected));
    assert!(!contains(&item.wraps[0].protected));
}

#[test]
fn the_vault_file_does_not_depend_on_the_password() {
    let machine = Machine::at(3);
    machine.unlocked().change_password(&password(PASSWORD), &password(OTHER_PASSWORD), None).unwrap();
    // Not one byte moved, so nothing in the file can tell one password from another.
    assert_eq!(machine.file(), life().files[2]);
    // And what a password becomes without the pepper or with the pepper as salt opens nothing in it.
    let document = machine.document();
    let kdf = KdfParams { cost: KdfCost::FLOOR, salt: document.header.pepper.0.to_vec() };
    for pepper in [[0; PEPPER_LEN], document.header.pepper.0] {
        let kek = derive_kek(&password(PASSWORD), &pepper, &kdf, None).unwrap();
        assert!(open_payload(&document, &DataKey::from_slice(kek.expose()).unwrap()).is_err());
    }
    assert!(open_payload(&document, &data_key()).is_ok());
}

#[test]
fn a_machine_short_of_memory_is_never_a_wrong_password() {
    let machine = Machine::at(3);
    // The floor takes 64 MiB, more than 70 % of this.
    machine.host.set_memory(91 << 20);
    assert_fails!(machine.unlock(PASSWORD), Error::Kdf(KdfError::NotEnoughMemory { needed: 0x400_0000 }));
    machine.host.set_memory(92 << 20);
    assert!(machine.unlock(PASSWORD).is_ok());
}

#[test]
fn a_password_is_the_same_however_it_was_typed() {
    let machine = Machine::at(3);
    machine
        .unlocked()
        .change_password(&password(PASSWORD), &password("caf\u{e9} cr\u{e8}me br\u{fb}l\u{e9}e"), None)
        .unwrap();
    assert!(machine.unlock("cafe\u{301} cre\u{300}me bru\u{302}le\u{301}e").is_ok());
}

#[test]
fn no_error_notice_or_debug_text_shows_a_key_or_a_password() {
    let machine = Machine::at(3);
    let unlocked = machine.unlocked();
    let key = unlocked.file_key("acme", None).unwrap();
    let shown = format!("{unlocked:?} {key:?} {:?} {:?}", unlocked.data_key(), machine.unlock(OTHER_PASSWORD));
    for secret in [unlocked.data_key().expose(), key.key.expose()] {
        assert!(!shown.contains(&hex::encode(&secret[..4])), "{shown}");
        assert!(!shown.contains(&format!("{:?}", &secret[..4])[1..10]), "{shown}");
    }
    assert!(!shown.contains(PASSWORD) && !shown.contains(OTHER_PASSWORD), "{shown}");
}
