//! A computer whose keychain goes wrong at a chosen call, and the states of a vault it begins from.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};
use strongroom::error::{Begun, Exists, ItemError};

use strongroom::Error;
use strongroom::crypto::kdf::KdfCost;
use strongroom::crypto::secret::Password;
use strongroom::format::item::DataKeyItem;
use strongroom::format::vault::Document;
use strongroom::format::{DataKeyId, Timestamp, VaultId};
use strongroom::host::{Host, ProcessName, ThisHost};
use strongroom::keychain::{
    ItemKind, ItemLock, Keychain, KeychainError, MemoryFault, MemoryKeychain, Probe, StoredItem, WithDeadline,
};
use strongroom::store::{MemoryStore, Store};
use strongroom::vault::{Edges, NewKit, NewProject, NextKit, Unlocked, Vault, create};

pub const OLD: &str = "lantern-orbit-quarry-mellow-sprint-fjord";
pub const NEW: &str = "gravel-tunic-ember-canyon-plaza-hinge";
pub const VAULT: VaultId = VaultId::from_bytes([7; 16]);
/// How long one call may take here.
pub const DEADLINE: Duration = Duration::from_millis(500);
/// More than any item may have.
const GARBAGE: &[u8] = b"{\"wraps\":[]}";

pub fn password(text: &str) -> Password {
    Password::new(text.as_bytes()).unwrap()
}

pub fn named(name: &str) -> NewProject {
    NewProject { name: name.into(), ..NewProject::default() }
}

/// What happens to the keychain at one call, and lasts until it is healed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Locked,
    Vanishes,
    /// What stands there is longer than any item.
    Oversize,
    RefusesWrites,
    WritesAndFails,
    Hangs,
    WritesAndHangs,
    Lies,
    Garbage,
    /// The item is deleted behind us.
    ForgetsKey,
    ForgetsAnchor,
    /// Another program puts an item of its own beside ours.
    TwinOfKey,
    TwinOfAnchor,
    /// The item falls back to the value before, as a power cut may do to it.
    FallsBack,
}

pub const FAULTS: [Fault; 14] = [
    Fault::Locked,
    Fault::Vanishes,
    Fault::Oversize,
    Fault::RefusesWrites,
    Fault::WritesAndFails,
    Fault::Hangs,
    Fault::WritesAndHangs,
    Fault::Lies,
    Fault::Garbage,
    Fault::ForgetsKey,
    Fault::ForgetsAnchor,
    Fault::TwinOfKey,
    Fault::TwinOfAnchor,
    Fault::FallsBack,
];

const PROVIDER: &str = "memory";

fn locked() -> KeychainError {
    KeychainError::Locked { provider: PROVIDER.into() }
}

fn vanished() -> KeychainError {
    KeychainError::Vanished { provider: PROVIDER.into() }
}

fn oversize() -> KeychainError {
    KeychainError::TooLong { length: 5000, limit: strongroom::keychain::ITEM_LIMIT }
}

fn refused() -> KeychainError {
    KeychainError::Rejected { provider: PROVIDER.into(), reason: "no".into() }
}

impl Fault {
    fn strike(self, keychain: &MemoryKeychain) {
        let vault = VAULT.to_string();
        let twin = |kind| keychain.add_twin(&vault, kind, GARBAGE);
        match self {
            Self::Locked => keychain.inject(MemoryFault::Fail(locked)),
            Self::Vanishes => keychain.inject(MemoryFault::Fail(vanished)),
            Self::Oversize => keychain.inject(MemoryFault::Fail(oversize)),
            Self::RefusesWrites => keychain.inject(MemoryFault::FailWrites(refused)),
            Self::WritesAndFails => keychain.inject(MemoryFault::FailAfterWrites(vanished)),
            Self::Hangs => keychain.inject(MemoryFault::Hang),
            Self::WritesAndHangs => keychain.inject(MemoryFault::HangAfterWrites),
            Self::Lies => keychain.inject(MemoryFault::Lie),
            Self::Garbage => keychain.inject(MemoryFault::Garbage(GARBAGE.into())),
            Self::ForgetsKey => keychain.forget(&vault, ItemKind::DataKey),
            Self::ForgetsAnchor => keychain.forget(&vault, ItemKind::Anchor),
            Self::TwinOfKey => twin(ItemKind::DataKey),
            Self::TwinOfAnchor => twin(ItemKind::Anchor),
            Self::FallsBack => {
                keychain.roll_back(&vault, ItemKind::DataKey, 1);
            }
        }
    }

    /// Tells whether an error is one this fault may be told as.
    pub fn may_be_told_as(self, error: &Error) -> bool {
        let error = match error {
            Error::Unfinished { begun: Begun::PasswordChange, cause }
            | Error::Unfinished { begun: Begun::Rotation, cause } => cause,
            other => other,
        };
        match (self, error) {
            (Self::Locked, Error::Keychain(KeychainError::Locked { .. }))
            | (Self::Vanishes | Self::WritesAndFails, Error::Keychain(KeychainError::Vanished { .. }))
            | (Self::Oversize, Error::Keychain(KeychainError::TooLong { .. }))
            | (Self::RefusesWrites, Error::Keychain(KeychainError::Rejected { .. }))
            | (Self::Hangs | Self::WritesAndHangs, Error::Keychain(KeychainError::Unresponsive { .. }))
            | (Self::Lies, Error::Item(ItemError::NotKept { .. }))
            | (Self::TwinOfKey | Self::TwinOfAnchor, Error::Keychain(KeychainError::Ambiguous { .. })) => true,
            // An item that reads otherwise than a moment before is being changed by something, or was not kept.
            (Self::Garbage, Error::Item(ItemError::NotOurs { .. }))
            | (Self::ForgetsKey, Error::Item(ItemError::Missing { .. }))
            | (Self::Garbage | Self::ForgetsKey | Self::ForgetsAnchor | Self::FallsBack, Error::Changed { .. })
            | (
                Self::Garbage | Self::ForgetsKey | Self::ForgetsAnchor | Self::FallsBack,
                Error::Item(ItemError::NotKept { .. }),
            ) => true,
            // Of a vault that is about to be made.
            (Self::Garbage | Self::TwinOfKey, Error::Exists(Exists::Vault { .. })) => true,
            _ => false,
        }
    }
}

/// A keychain that strikes at one call.
pub struct Struck {
    inner: MemoryKeychain,
    /// The fault, and the number of calls that are spared from it.
    next: Mutex<Option<(Fault, usize)>>,
    /// The item's values before it was struck.
    before: Mutex<Vec<Vec<u8>>>,
    calls: AtomicUsize,
    under_way: AtomicUsize,
}

impl Struck {
    fn call<T>(&self, call: impl FnOnce(&MemoryKeychain) -> T) -> T {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        self.calls.fetch_add(1, Ordering::SeqCst);
        let mut next = self.next.lock().unwrap();
        match &mut *next {
            Some((fault, 0)) => {
                *self.before.lock().unwrap() = self.inner.history(&VAULT.to_string(), ItemKind::DataKey);
                fault.strike(&self.inner);
                *next = None;
            }
            Some((_, spared)) => *spared -= 1,
            None => {}
        }
        drop(next);
        let result = call(&self.inner);
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        result
    }
}

impl Keychain for Struck {
    fn name(&self) -> String {
        self.inner.name()
    }

    fn probe(&self) -> Result<Probe, KeychainError> {
        self.call(Keychain::probe)
    }

    fn get(&self, vault: &str, kind: ItemKind) -> Result<Vec<StoredItem>, KeychainError> {
        self.call(|inner| inner.get(vault, kind))
    }

    fn set(&self, vault: &str, kind: ItemKind, bytes: &[u8]) -> Result<(), KeychainError> {
        self.call(|inner| inner.set(vault, kind, bytes))
    }

    fn lock(&self, vault: &str, wait: Duration) -> Result<ItemLock, KeychainError> {
        self.inner.lock(vault, wait)
    }

    fn delete(&self, handle: &str) -> Result<(), KeychainError> {
        self.call(|inner| inner.delete(handle))
    }

    fn list(&self) -> Result<Vec<StoredItem>, KeychainError> {
        self.call(Keychain::list)
    }
}

/// A computer whose boots the test decides on.
pub struct TestHost(AtomicU64);

impl Host for TestHost {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(1_795_249_800)
    }

    fn boot(&self) -> String {
        format!("00000000-0000-4000-8000-{:012}", self.0.load(Ordering::SeqCst))
    }

    fn boot_seconds(&self) -> Option<u64> {
        Some(100)
    }

    fn sync_disks(&self) {}

    fn process(&self) -> ProcessName {
        ThisHost.process()
    }

    fn is_running(&self, process: &ProcessName) -> Option<bool> {
        ThisHost.is_running(process)
    }

    fn available_memory(&self) -> Option<u64> {
        Some(8 << 30)
    }
}

/// What lies on a computer's disk and in its keychain, every earlier value of the items included.
#[derive(Clone, Default, PartialEq)]
pub struct State {
    file: Option<Vec<u8>>,
    previous: Option<Vec<u8>>,
    items: Vec<Vec<u8>>,
    anchors: Vec<Vec<u8>>,
}

/// A computer that begins from a state.
pub struct Machine {
    store: Arc<MemoryStore>,
    struck: Arc<Struck>,
    keychain: Arc<WithDeadline>,
    host: Arc<TestHost>,
    armed: AtomicBool,
    fault: Option<(Fault, usize)>,
}

impl Machine {
    pub fn new(state: &State, fault: Option<(Fault, usize)>) -> Self {
        let (store, inner) = (Arc::new(MemoryStore::new()), MemoryKeychain::new());
        store.put(state.file.clone(), state.previous.clone());
        for (kind, values) in [(ItemKind::DataKey, &state.items), (ItemKind::Anchor, &state.anchors)] {
            values.iter().for_each(|value| inner.set(&VAULT.to_string(), kind, value).unwrap());
        }
        let struck = Arc::new(Struck {
            inner,
            next: Mutex::default(),
            before: Mutex::default(),
            calls: AtomicUsize::new(0),
            under_way: AtomicUsize::new(0),
        });
        let keychain = Arc::new(WithDeadline::new(Arc::clone(&struck) as Arc<dyn Keychain>, DEADLINE));
        Self {
            store,
            struck,
            keychain,
            host: Arc::new(TestHost(AtomicU64::new(1))),
            armed: AtomicBool::new(false),
            fault,
        }
    }

    /// From here on calls are counted and struck.
    pub fn arm(&self) {
        *self.struck.next.lock().unwrap() = self.fault;
        self.struck.calls.store(0, Ordering::SeqCst);
        self.armed.store(true, Ordering::SeqCst);
    }

    /// Returns how many calls were made since.
    pub fn calls(&self) -> usize {
        assert!(self.armed.load(Ordering::SeqCst), "the operation never began");
        self.struck.calls.load(Ordering::SeqCst)
    }

    pub fn edges(&self) -> Edges {
        Edges { store: self.store.clone(), keychain: self.keychain.clone(), host: self.host.clone() }
    }

    pub fn vault(&self) -> Result<Vault, Error> {
        Vault::open(self.store.clone())
    }

    pub fn unlock(&self, with: &str) -> Result<Unlocked, Error> {
        let mut unlocked = self.vault()?.unlock(&password(with), self.keychain.clone(), self.host.clone())?;
        unlocked.tend(&password(with))?;
        Ok(unlocked)
    }

    /// The computer starts anew.
    pub fn boot(&self) {
        self.host.0.fetch_add(1, Ordering::SeqCst);
    }

    /// Heals the keychain, lets what hung go on to its end, and goes on as another process would. An item that was
    /// deleted behind us is put back by its user.
    pub fn heal(&mut self) {
        *self.struck.next.lock().unwrap() = None;
        self.struck.inner.heal();
        let start = Instant::now();
        while self.struck.under_way.load(Ordering::SeqCst) > 0 {
            assert!(start.elapsed() < Duration::from_secs(30), "a call goes on for ever");
            thread::sleep(Duration::from_millis(1));
        }
        self.keychain = Arc::new(WithDeadline::new(Arc::clone(&self.struck) as Arc<dyn Keychain>, DEADLINE * 20));
        let vault = VAULT.to_string();
        let gone = self.stored(ItemKind::DataKey).is_empty();
        if let (Some((Fault::ForgetsKey, _)), true) = (self.fault, gone)
            && let Some(last) = self.struck.before.lock().unwrap().last()
        {
            self.struck.inner.set(&vault, ItemKind::DataKey, last).unwrap();
        }
        if self.fault.is_some_and(|(fault, _)| matches!(fault, Fault::TwinOfKey | Fault::TwinOfAnchor)) {
            // Its user takes away what the other program put there.
            for kind in [ItemKind::DataKey, ItemKind::Anchor] {
                for item in self.struck.inner.get(&vault, kind).unwrap() {
                    if item.bytes == GARBAGE {
                        self.struck.inner.delete(&item.handle).unwrap();
                    }
                }
            }
        }
    }

    pub fn stored(&self, kind: ItemKind) -> Vec<Vec<u8>> {
        let items = self.struck.inner.get(&VAULT.to_string(), kind).unwrap();
        items.into_iter().map(|item| item.bytes).collect()
    }

    /// Puts one more item there, as if something else had.
    pub fn add_twin(&self, kind: ItemKind, bytes: &[u8]) {
        self.struck.inner.add_twin(&VAULT.to_string(), kind, bytes);
    }

    pub fn state(&self) -> State {
        let history = |kind| self.struck.inner.history(&VAULT.to_string(), kind);
        State {
            file: self.store.load().unwrap(),
            previous: self.store.load_previous().unwrap(),
            items: history(ItemKind::DataKey),
            anchors: history(ItemKind::Anchor),
        }
    }
}

impl State {
    /// Tells whether a vault stands and nothing but values that went by differs from another state.
    pub fn opens_as(&self, other: &Self) -> bool {
        self.file.is_some()
            && self.file == other.file
            && self.items.last() == other.items.last()
            && self.anchors.last() == other.anchors.last()
    }

    pub fn first_item(&self) -> Vec<u8> {
        self.items.first().expect("an item").clone()
    }

    pub fn first_anchor(&self) -> Vec<u8> {
        self.anchors.first().expect("an anchor").clone()
    }

    pub fn has_vault(&self) -> bool {
        self.file.is_some()
    }

    /// Returns the data key that the vault file names.
    pub fn data_key(&self) -> Option<DataKeyId> {
        self.file.as_deref().map(|file| Document::parse(file).unwrap().header.data_key)
    }

    /// Returns the data keys of every wrap the item ever had.
    pub fn data_keys_ever(&self) -> Vec<DataKeyId> {
        let items = self.items.iter().filter_map(|item| DataKeyItem::parse(item).ok());
        items.flat_map(|item| item.wraps).map(|wrap| wrap.header.data_key).collect()
    }

    /// Returns the data keys of the wraps the item has.
    pub fn data_keys(&self) -> Vec<DataKeyId> {
        let item = self.items.last().and_then(|item| DataKeyItem::parse(item).ok());
        item.map(|item| item.wraps.into_iter().map(|wrap| wrap.header.data_key).collect()).unwrap_or_default()
    }
}

/// The vault all begin from, made once.
pub struct Life {
    /// With the project acme and a kit, its password changed to [`OLD`] once.
    pub settled: State,
    /// The same with a rotation under way.
    pub rotating: State,
    pub kit: NewKit,
    /// The file key of acme.
    pub key: [u8; 32],
}

pub fn life() -> &'static Life {
    static LIFE: OnceLock<Life> = OnceLock::new();
    LIFE.get_or_init(|| {
        let machine = Machine::new(&State::default(), None);
        let mut unlocked = create(machine.edges(), VAULT, &password(NEW), KdfCost::FLOOR).unwrap();
        unlocked.change_password(&password(NEW), &password(OLD), None).unwrap();
        unlocked.add_project(&named("acme")).unwrap();
        let kit = unlocked.make_kit().unwrap();
        unlocked.add_kit(&kit, &password(OLD)).unwrap();
        let key = *unlocked.file_key("acme", None).unwrap().key.expose();
        let settled = machine.state();
        unlocked.rotate_data_key(&password(OLD), NextKit::None).unwrap();
        Life { settled, rotating: machine.state(), kit, key }
    })
}
