//! What must hold of a vault whatever happens around it: altered files, failing keychains, power cuts, other writers.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::protocol::anchor;
use super::*;
use crate::crypto::secret::{KEY_LEN, Password};
use crate::format::item::DataKeyItem;
use crate::host::ProcessName;
use crate::keychain::{ItemKind, KeychainError, MemoryFault, MemoryKeychain};
use crate::store::MemoryStore;

/// Asserts that a result is an error of a pattern.
macro_rules! assert_fails {
    ($result:expr, $pattern:pat $(if $guard:expr)?) => {
        match $result.err() {
            Some($pattern) $(if $guard)? => {}
            Some(other) => panic!("another error than {}: {other:?}", stringify!($pattern)),
            None => panic!("it succeeded instead of failing with {}", stringify!($pattern)),
        }
    };
}

mod copies;
mod damage;
mod destroy;
mod destruction;
mod follow;
mod keychain;
mod keys;
mod log;
mod merge;
mod password;
mod project;
mod property;
mod recover;
mod rollback;
mod rotate;
mod rotate_kits;
mod rotate_machines;
mod secrets;
mod signing;
mod story;
mod tend;
mod unread;
mod write;

const PASSWORD: &str = "correct horse battery staple";
const OTHER_PASSWORD: &str = "seven wet owls argue about tea";
const VAULT: VaultId = VaultId::from_bytes([7; 16]);
const BOOT: &str = "11111111-2222-4333-8444-555555555555";
const GIB: u64 = 1 << 30;

fn password(text: &str) -> Password {
    Password::new(text.as_bytes()).unwrap()
}

/// Makes a kit, and makes it valid.
fn new_kit(unlocked: &mut Unlocked) -> NewKit {
    let kit = unlocked.make_kit().unwrap();
    unlocked.add_kit(&kit, &password(PASSWORD)).unwrap();
    kit
}

/// Rotates the data key, without a kit, and waits for nothing.
fn rotate_now(unlocked: &mut Unlocked) {
    unlocked.rotate_data_key(&password(PASSWORD), NextKit::None).unwrap();
    unlocked.settle_rotation(&password(PASSWORD), Settle::Now).unwrap();
}

fn named(name: &str) -> NewProject {
    NewProject { name: name.into(), ..NewProject::default() }
}

/// A computer whose time, boot and memory are what the test says.
struct TestHost {
    now: Mutex<i64>,
    boot: Mutex<String>,
    seconds: Mutex<u64>,
    memory: Mutex<Option<u64>>,
    process: Mutex<ProcessName>,
    derivations: AtomicUsize,
    syncs: AtomicUsize,
}

impl TestHost {
    fn new() -> Self {
        Self {
            now: Mutex::new(1_795_249_800),
            boot: Mutex::new(BOOT.into()),
            seconds: Mutex::new(1000),
            memory: Mutex::new(Some(8 * GIB)),
            process: Mutex::new(ProcessName { pid: 4242, started: "1".into() }),
            derivations: AtomicUsize::new(0),
            syncs: AtomicUsize::new(0),
        }
    }

    fn set_boot(&self, boot: &str) {
        *self.boot.lock().unwrap() = boot.into();
    }

    /// Goes on as another process; the earlier one is gone.
    fn start_process(&self, pid: u32) {
        *self.process.lock().unwrap() = ProcessName { pid, started: "2".into() };
    }

    /// Lets time pass on the boot-time clock.
    fn wait(&self, seconds: u64) {
        *self.seconds.lock().unwrap() += seconds;
    }

    fn set_memory(&self, memory: u64) {
        *self.memory.lock().unwrap() = Some(memory);
    }

    /// Returns how many keys were derived: each derivation asks for the memory once, before it spends any.
    fn derivations(&self) -> usize {
        self.derivations.load(Ordering::SeqCst)
    }

    /// Returns how often the disks were synced.
    fn syncs(&self) -> usize {
        self.syncs.load(Ordering::SeqCst)
    }
}

impl Host for TestHost {
    fn now(&self) -> Timestamp {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now += 1;
        Timestamp::from_unix(*now)
    }

    fn boot(&self) -> String {
        self.boot.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn boot_seconds(&self) -> Option<u64> {
        Some(*self.seconds.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn sync_disks(&self) {
        self.syncs.fetch_add(1, Ordering::SeqCst);
    }

    fn process(&self) -> ProcessName {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_running(&self, process: &ProcessName) -> Option<bool> {
        Some(self.process() == *process)
    }

    fn available_memory(&self) -> Option<u64> {
        self.derivations.fetch_add(1, Ordering::SeqCst);
        *self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One vault's life, made once: creating and unlocking cost an Argon2 each.
struct Life {
    /// The vault file at generation 1 (empty), 2 ("acme") and 3 ("acme" with a second key).
    files: Vec<Vec<u8>>,
    anchors: Vec<Vec<u8>>,
    item: Vec<u8>,
    data_key: [u8; KEY_LEN],
}

fn life() -> &'static Life {
    static LIFE: OnceLock<Life> = OnceLock::new();
    LIFE.get_or_init(|| {
        let machine = Machine::empty();
        let mut unlocked = create(machine.edges(), VAULT, &password(PASSWORD), KdfCost::FLOOR).unwrap();
        let mut files = vec![machine.file()];
        unlocked.add_project(&named("acme")).unwrap();
        files.push(machine.file());
        unlocked.rotate_file_key("acme").unwrap();
        files.push(machine.file());
        Life {
            files,
            anchors: machine.keychain.history(&VAULT.to_string(), ItemKind::Anchor),
            item: machine.item(),
            data_key: *unlocked.data_key().expose(),
        }
    })
}

/// A store, a keychain and a host.
struct Machine {
    store: Arc<MemoryStore>,
    keychain: Arc<MemoryKeychain>,
    host: Arc<TestHost>,
}

impl Machine {
    fn empty() -> Self {
        Self {
            store: Arc::new(MemoryStore::new()),
            keychain: Arc::new(MemoryKeychain::new()),
            host: Arc::new(TestHost::new()),
        }
    }

    /// A computer that has seen the shared life up to `generation`, with the one before it as the previous file.
    fn at(generation: usize) -> Self {
        let machine = Self::empty();
        let life = life();
        let previous = generation.checked_sub(2).map(|index| life.files[index].clone());
        machine.store.put(Some(life.files[generation - 1].clone()), previous);
        machine.keychain.set(&VAULT.to_string(), ItemKind::DataKey, &life.item).unwrap();
        machine.keychain.set(&VAULT.to_string(), ItemKind::Anchor, &life.anchors[generation - 1]).unwrap();
        machine
    }

    /// Another computer at generation 3, which a kit gave an item of its own under another password.
    fn second() -> Self {
        static ITEM: OnceLock<Vec<u8>> = OnceLock::new();
        let machine = Self::at(3);
        let item = ITEM.get_or_init(|| {
            let header = machine.document().header;
            let enrolment = crate::format::EnrolmentId::from_bytes([2; 16]);
            let names = protocol::wraps::WrapNames { vault: VAULT, data_key: header.data_key, enrolment };
            let (password, pepper) = (password(OTHER_PASSWORD), header.pepper.0);
            let wrap =
                protocol::wraps::new_wrap(&machine.edges(), names, &data_key(), &password, &pepper, KdfCost::FLOOR);
            DataKeyItem { wraps: vec![wrap.unwrap().0] }.to_bytes().unwrap()
        });
        machine.set_item(item);
        machine
    }

    fn edges(&self) -> Edges {
        Edges { store: self.store.clone(), keychain: self.keychain.clone(), host: self.host.clone() }
    }

    fn unlock(&self, with: &str) -> Result<Unlocked, Error> {
        self.unlock_only(with).and_then(|mut unlocked| {
            unlocked.tend(&password(with))?;
            Ok(unlocked)
        })
    }

    /// Unlocks, and leaves what an unlock has to finish.
    fn unlock_only(&self, with: &str) -> Result<Unlocked, Error> {
        let vault = Vault::open(self.store.clone())?;
        vault.unlock(&password(with), self.keychain.clone(), self.host.clone())
    }

    /// Unlocks and tends the vault with the data key itself, which takes no Argon2id.
    fn taken(&self) -> Unlocked {
        let found =
            Vault::open(self.store.clone()).unwrap().find_key(self.keychain.clone(), self.host.clone()).unwrap();
        let mut unlocked = found.take_over(data_key()).unwrap();
        unlocked.tend(&password(PASSWORD)).unwrap();
        unlocked
    }

    fn unlocked(&self) -> Unlocked {
        self.unlock(PASSWORD).unwrap()
    }

    /// Unlocks and returns what the user is told.
    fn notices(&self) -> Vec<Notice> {
        self.unlocked().take_notices()
    }

    fn file(&self) -> Vec<u8> {
        self.store.load().unwrap().unwrap()
    }

    fn document(&self) -> Document {
        Document::parse(&self.file()).unwrap()
    }

    fn item(&self) -> Vec<u8> {
        self.stored(ItemKind::DataKey).expect("an item stands")
    }

    fn stored(&self, kind: ItemKind) -> Option<Vec<u8>> {
        self.keychain.get(&VAULT.to_string(), kind).unwrap().pop().map(|item| item.bytes)
    }

    fn set_item(&self, bytes: &[u8]) {
        self.keychain.set(&VAULT.to_string(), ItemKind::DataKey, bytes).unwrap();
    }

    fn set_anchor(&self, bytes: &[u8]) {
        self.keychain.set(&VAULT.to_string(), ItemKind::Anchor, bytes).unwrap();
    }

    /// Returns the sealed payload as JSON.
    fn payload(&self) -> Value {
        serde_json::from_slice(&open_payload_bytes(&self.document(), &data_key()).unwrap()).unwrap()
    }

    /// Seals an edited header and payload in the vault file's place, as a program that has the data key would, and
    /// remembers it in the anchor.
    fn plant(&self, edit: impl FnOnce(&mut Value, &mut Value)) {
        let old = self.document();
        let (mut header, mut payload) = (serde_json::from_slice(&old.protected).unwrap(), self.payload());
        edit(&mut header, &mut payload);
        let protected = serde_json::to_vec(&header).unwrap();
        let context: [&[u8]; 2] = [label::VAULT, &sha512(&protected)];
        let payload = cobblestone::seal(data_key().expose(), &context, &serde_json::to_vec(&payload).unwrap()).unwrap();
        let document = Document { header: old.header, protected, payload };
        let bytes = document.to_bytes().unwrap();
        if let Ok(planted) = Document::parse(&bytes) {
            let payload = open_payload(&planted, &data_key());
            // What it remembers may be above the planted file, or of no payload that parses: nothing is put right then.
            let _ = payload.map(|payload| anchor::store(&self.edges(), &planted, &data_key(), &payload).unwrap());
        }
        self.store.put(Some(bytes), None);
    }
}

fn data_key() -> DataKey {
    DataKey::from_slice(&life().data_key).unwrap()
}

fn exposed(unlocked: &Unlocked, project: &str, version: impl Into<Option<u32>>) -> [u8; KEY_LEN] {
    *unlocked.file_key(project, version.into()).unwrap().key.expose()
}
