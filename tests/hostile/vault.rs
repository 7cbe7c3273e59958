//! Vault files and keychain items with every bit flipped, cut at every byte, and with wrapped keys moved about.
//!
//! Argon2id costs a tenth of a second, so most of it is tried below the password, with the very keys that the right
//! password gives: what is refused even then is refused always. A sample goes the whole way.

use std::sync::Arc;
use std::sync::LazyLock;

use strongroom::Error;
use strongroom::crypto::cobblestone;
use strongroom::crypto::hmac::{MacKey, sha512};
use strongroom::crypto::kdf::{KdfCost, derive_kek};
use strongroom::crypto::secret::{DataKey, Kek, KitSecret, Password};
use strongroom::format::item::{AnchorItem, DataKeyItem};
use strongroom::format::vault::{Document, Payload};
use strongroom::format::{VaultId, label};
use strongroom::host::ThisHost;
use strongroom::keychain::{ItemKind, Keychain, MemoryKeychain};
use strongroom::store::{MemoryStore, Store};
use strongroom::vault::{Edges, NewProject, Notice, Vault, create};

use crate::support::proof::record;

const PASSWORD: &str = "tundra velvet onion cobalt ferry mosaic";
const VAULT: VaultId = VaultId::from_bytes(*b"\x11\x11\x11\x11\x11\x11\x41\x11\x91\x11\x11\x11\x11\x11\x11\x11");
/// How many flipped bits of each of the three go the whole way, password and all.
const SAMPLE: usize = 40;
const LONG_SAMPLE: usize = 400;

/// A vault of two projects with two key versions each, as it lies on a disk and in a keychain.
struct Files {
    vault: Vec<u8>,
    item: Vec<u8>,
    anchor: Vec<u8>,
    /// What the payload holds for the anchor's MAC.
    anchor_key: [u8; 32],
    kek: Kek,
    data_key: DataKey,
    /// The secret of a recovery kit, which opens the vault file without password and items.
    kit: KitSecret,
}

fn password() -> Password {
    Password::new(PASSWORD.as_bytes()).unwrap()
}

fn project(name: &str) -> NewProject {
    NewProject { name: name.into(), ..NewProject::default() }
}

static FILES: LazyLock<Files> = LazyLock::new(|| {
    let (store, keychain) = (Arc::new(MemoryStore::new()), Arc::new(MemoryKeychain::new()));
    let edges = Edges { store: store.clone(), keychain: keychain.clone(), host: Arc::new(ThisHost) };
    let mut unlocked = create(edges, VAULT, &password(), KdfCost::FLOOR).unwrap();
    for name in ["acme", "bistro"] {
        unlocked.add_project(&project(name)).unwrap();
        unlocked.rotate_file_key(name).unwrap();
    }
    let kit = unlocked.make_kit().unwrap();
    unlocked.add_kit(&kit, &password()).unwrap();
    let stored = |kind| keychain.get(&VAULT.to_string(), kind).unwrap().remove(0).bytes.clone();
    let (vault, item) = (store.load().unwrap().unwrap(), stored(ItemKind::DataKey));
    let wrap = &DataKeyItem::parse(&item).unwrap().wraps[0];
    let pepper = Document::parse(&vault).unwrap().header.pepper.0;
    let kek = derive_kek(&password(), &pepper, &wrap.header.kdf, None).unwrap();
    let data_key = open_wrap(&kek, &wrap.protected, &wrap.wrapped).expect("the wrap opens");
    let data_key = DataKey::from_slice(&data_key).unwrap();
    let anchor_key = anchor_key(&Document::parse(&vault).unwrap(), &data_key);
    Files {
        vault,
        item,
        anchor: stored(ItemKind::Anchor),
        kek,
        data_key,
        anchor_key,
        kit: KitSecret::from_slice(kit.secret().expose()).unwrap(),
    }
});

fn anchor_key(document: &Document, data_key: &DataKey) -> [u8; 32] {
    let context: [&[u8]; 2] = [label::VAULT, &sha512(&document.protected)];
    let payload = cobblestone::open(data_key.expose(), &context, &document.payload).unwrap();
    let payload = Payload::parse(&payload).unwrap();
    let context: [&[u8]; 2] = [label::ANCHOR_KEY, document.header.vault.as_bytes()];
    cobblestone::open(data_key.expose(), &context, &payload.anchor_key.0).unwrap()[..].try_into().unwrap()
}

fn open_wrap(kek: &Kek, protected: &[u8], wrapped: &[u8]) -> Option<Vec<u8>> {
    let context: [&[u8]; 2] = [label::DATA_KEY, &sha512(protected)];
    Some(cobblestone::open(kek.expose(), &context, wrapped).ok()?.to_vec())
}

/// How far an altered file comes.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    /// It does not parse.
    Unread,
    /// It parses, and the right key does not open it.
    Unopened,
    /// It opens.
    Opened,
}

fn came(parsed: bool, opened: impl FnOnce() -> bool) -> Came {
    match (parsed, parsed && opened()) {
        (false, _) => Came::Unread,
        (true, false) => Came::Unopened,
        (true, true) => Came::Opened,
    }
}

fn vault_came(bytes: &[u8]) -> Came {
    let document = Document::parse(bytes);
    came(document.is_ok(), || {
        let document = document.unwrap();
        let context: [&[u8]; 2] = [label::VAULT, &sha512(&document.protected)];
        cobblestone::open(FILES.data_key.expose(), &context, &document.payload).is_ok()
    })
}

fn item_came(bytes: &[u8]) -> Came {
    let item = DataKeyItem::parse(bytes);
    // The KEK is the right one whatever the altered item says of salt and cost: more than a forger has.
    came(item.is_ok(), || {
        item.unwrap().wraps.iter().any(|wrap| open_wrap(&FILES.kek, &wrap.protected, &wrap.wrapped).is_some())
    })
}

fn anchor_came(bytes: &[u8]) -> Came {
    let item = AnchorItem::parse(bytes);
    let key = MacKey::derive(&FILES.anchor_key, label::ANCHOR);
    came(item.is_ok(), || item.is_ok_and(|item| key.verifies(&item.protected, &item.mac)))
}

type Three = [(&'static str, &'static str, &'static [u8], fn(&[u8]) -> Came); 3];

fn three() -> Three {
    [
        ("vault", "a vault file", &FILES.vault, vault_came),
        ("data-key-item", "the data-key item", &FILES.item, item_came),
        ("anchor-item", "the anchor item", &FILES.anchor, anchor_came),
    ]
}

fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    flipped[bit / 8] ^= 1 << (bit % 8);
    flipped
}

#[test]
fn no_bit_of_a_vault_file_or_an_item_can_be_flipped() {
    for (name, what, whole, came) in three() {
        assert_eq!(came(whole), Came::Opened, "{what} as it is");
        let (mut unread, mut unopened) = (0, 0);
        for bit in 0..whole.len() * 8 {
            match came(&flipped(whole, bit)) {
                Came::Unread => unread += 1,
                Came::Unopened => unopened += 1,
                Came::Opened => panic!("bit {bit} of {what} was accepted"),
            }
        }
        record(
            &format!("hostile-{name}-bits"),
            &format!("every bit of {what} flipped"),
            &format!("{} bits: {unread} do not parse, {unopened} do not open, 0 accepted", whole.len() * 8),
        );
    }
}

fn opens_with_kit(vault: &[u8]) -> bool {
    let store = Arc::new(MemoryStore::new());
    store.put(Some(vault.to_vec()), None);
    Vault::open(store.clone()).and_then(|vault| vault.open_with_kit(&FILES.kit).map(drop)).is_ok()
}

#[test]
fn no_bit_of_a_vault_file_can_be_flipped_for_a_recovery_kit() {
    assert!(opens_with_kit(&FILES.vault));
    let bits = FILES.vault.len() * 8;
    for bit in 0..bits {
        assert!(!opens_with_kit(&flipped(&FILES.vault, bit)), "bit {bit} was accepted");
    }
    record(
        "hostile-kit-bits",
        "every bit of a vault file flipped, and opened with its recovery kit",
        &format!("{bits} bits: {bits} refused, 0 accepted"),
    );
}

#[test]
fn a_vault_file_or_an_item_cut_at_any_byte_does_not_parse() {
    let mut tried = 0;
    for (_, what, whole, came) in three() {
        // What ends a vault file is a line feed, which adds nothing: that cut alone is none.
        let significant = whole.trim_ascii_end().len();
        assert!(whole.len() - significant <= 1);
        for length in 0..significant {
            assert_eq!(came(&whole[..length]), Came::Unread, "{what} cut to {length} bytes");
            tried += 1;
        }
    }
    record(
        "hostile-vault-cuts",
        "a vault file and both items cut at every byte",
        &format!("{tried} cuts: {tried} refused, 0 accepted"),
    );
}

/// Unlocks the vault with one of its three parts replaced; no previous vault file stands beside it.
fn unlock(vault: &[u8], item: &[u8], anchor: &[u8]) -> Result<(Vec<String>, Vec<Notice>), Error> {
    let (store, keychain) = (Arc::new(MemoryStore::new()), Arc::new(MemoryKeychain::new()));
    store.put(Some(vault.to_vec()), None);
    for (kind, bytes) in [(ItemKind::DataKey, item), (ItemKind::Anchor, anchor)] {
        keychain.set(&VAULT.to_string(), kind, bytes).unwrap();
    }
    let mut unlocked = Vault::open(store.clone())?.unlock(&password(), keychain.clone(), Arc::new(ThisHost))?;
    unlocked.tend(&password())?;
    let names = unlocked.projects().into_iter().map(|project| project.name).collect();
    Ok((names, unlocked.take_notices()))
}

/// Bits spread over a file; of those that do not parse only a few, since they never come as far as the password.
fn sample(whole: &[u8], came: fn(&[u8]) -> Came, wanted: usize) -> Vec<usize> {
    let (unread, read): (Vec<usize>, Vec<usize>) =
        (0..whole.len() * 8).partition(|bit| came(&flipped(whole, *bit)) == Came::Unread);
    let spread = |bits: Vec<usize>, count: usize| {
        let step = (bits.len() / count).max(1);
        bits.into_iter().step_by(step).take(count).collect::<Vec<_>>()
    };
    [spread(unread, wanted / 4), spread(read, wanted - wanted / 4)].concat()
}

#[test]
fn the_right_password_does_not_make_a_flipped_bit_good() {
    flipped_bits_stay_bad(SAMPLE);
}

#[test]
#[ignore = "long: run ./test --long"]
fn long_mode_the_right_password_does_not_make_a_flipped_bit_good() {
    flipped_bits_stay_bad(LONG_SAMPLE);
}

/// Unlocks with so many flipped bits of each document, one at a time.
fn flipped_bits_stay_bad(wanted: usize) {
    let (names, notices) = unlock(&FILES.vault, &FILES.item, &FILES.anchor).unwrap();
    assert_eq!((names, notices), (vec!["acme".into(), "bistro".into()], vec![]));
    let [vault, item, anchor] = three().map(|(_, _, whole, came)| sample(whole, came, wanted));
    let tried = vault.len() + item.len() + anchor.len();
    assert_eq!(tried, 3 * wanted);
    for bit in vault {
        assert!(
            unlock(&flipped(&FILES.vault, bit), &FILES.item, &FILES.anchor).is_err(),
            "bit {bit} of the vault file"
        );
    }
    for bit in item {
        assert!(unlock(&FILES.vault, &flipped(&FILES.item, bit), &FILES.anchor).is_err(), "bit {bit} of the item");
    }
    for bit in anchor {
        // The rule of docs/format.md, section 7: an anchor whose MAC does not hold counts as none, which is told.
        let (names, notices) = unlock(&FILES.vault, &FILES.item, &flipped(&FILES.anchor, bit)).unwrap();
        assert_eq!(names, ["acme", "bistro"]);
        assert!(matches!(notices[..], [Notice::AnchorMissing { .. }]), "bit {bit} of the anchor: {notices:?}");
    }
    record(
        "hostile-unlocks",
        "flipped bits that went the whole way, with the right password",
        &format!(
            "{tried} unlocks: {} of vault file and data-key item refused, {wanted} of the anchor told as a missing \
             one, 0 accepted",
            2 * wanted
        ),
    );
}

#[test]
fn a_wrapped_file_key_opens_in_its_own_place_alone() {
    let document = Document::parse(&FILES.vault).unwrap();
    let context: [&[u8]; 2] = [label::VAULT, &sha512(&document.protected)];
    let opened = cobblestone::open(FILES.data_key.expose(), &context, &document.payload).unwrap();
    let payload = Payload::parse(&opened).unwrap();
    let places: Vec<_> = (0..2).flat_map(|project| (0..2).map(move |key| (project, key))).collect();
    let mut tried = 0;
    // The vault as whoever has the data key, but not a file key, could write it: the wraps moved on by 1, 2 and 3.
    for shift in 0..places.len() {
        let mut moved = Payload::parse(&opened).unwrap();
        for (index, (project, key)) in places.iter().enumerate() {
            let (from_project, from_key) = places[(index + shift) % places.len()];
            moved.projects[*project].keys[*key].wrapped = payload.projects[from_project].keys[from_key].wrapped.clone();
        }
        let sealed = cobblestone::seal(FILES.data_key.expose(), &context, &moved.to_bytes().unwrap()).unwrap();
        let file = Document { payload: sealed, ..document.clone() }.to_bytes().unwrap();
        let (store, keychain) = (Arc::new(MemoryStore::new()), Arc::new(MemoryKeychain::new()));
        store.put(Some(file), None);
        keychain.set(&VAULT.to_string(), ItemKind::DataKey, &FILES.item).unwrap();
        let unlocked =
            Vault::open(store.clone()).unwrap().unlock(&password(), keychain.clone(), Arc::new(ThisHost)).unwrap();
        for (project, key) in &places {
            let name = &payload.projects[*project].name;
            let version = payload.projects[*project].keys[*key].version;
            assert_eq!(unlocked.file_key(name, Some(version)).is_ok(), shift == 0, "{name} {version} by {shift}");
            tried += usize::from(shift > 0);
        }
    }
    record(
        "hostile-wraps-moved",
        "wrapped file keys put in another project's or version's place",
        &format!("{tried} moved: {tried} refused, 0 accepted"),
    );
}

#[test]
fn a_wrap_or_payload_of_another_vault_is_refused() {
    let (store, keychain) = (Arc::new(MemoryStore::new()), Arc::new(MemoryKeychain::new()));
    let other = VaultId::from_bytes([0x22; 16]);
    // The same password, even.
    create(
        Edges { store: store.clone(), keychain: keychain.clone(), host: Arc::new(ThisHost) },
        other,
        &password(),
        KdfCost::FLOOR,
    )
    .unwrap();
    let vault = Document::parse(&store.load().unwrap().unwrap()).unwrap();
    let item = keychain.get(&other.to_string(), ItemKind::DataKey).unwrap().remove(0).bytes.clone();
    let anchor = keychain.get(&other.to_string(), ItemKind::Anchor).unwrap().remove(0).bytes.clone();
    assert!(unlock(&FILES.vault, &item, &FILES.anchor).is_err());
    let own = Document::parse(&FILES.vault).unwrap();
    for spliced in [
        Document { payload: vault.payload.clone(), ..own.clone() },
        Document { protected: vault.protected.clone(), ..own.clone() },
        vault,
    ] {
        assert!(unlock(&spliced.to_bytes().unwrap(), &FILES.item, &FILES.anchor).is_err());
    }
    let (_, notices) = unlock(&FILES.vault, &FILES.item, &anchor).unwrap();
    assert!(matches!(notices[..], [Notice::AnchorMissing { .. }]), "{notices:?}");
}
