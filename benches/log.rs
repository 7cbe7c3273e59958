//! What reading an access log costs, and what adding an entry to a long one does.
//!
//! `cargo bench --bench log` prints medians of 11 rounds in milliseconds. The targets are 500 ms for 100,000 entries,
//! and for an entry with its end 15 ms, however long the log is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use strongroom::crypto::kdf::KdfCost;
use strongroom::crypto::secret::Password;
use strongroom::format::VaultId;
use strongroom::format::log::{Action, LogEnd, NewEntry, What, Who};
use strongroom::format::vault::SIZE_LIMIT;
use strongroom::host::ThisHost;
use strongroom::keychain::{FileKeychain, MemoryKeychain};
use strongroom::store::{FolderStore, MemoryStore, Store};
use strongroom::vault::{Edges, LogState, Unlocked, Vault, create};

const ROUNDS: usize = 11;
const ENTRIES: usize = 100_000;

fn main() {
    let home = tempfile::tempdir().expect("a temporary folder");
    // In memory, where no sync takes its time.
    let keychain = Arc::new(MemoryKeychain::new());
    let store = Arc::new(MemoryStore::new());
    let edges = Edges { store: store.clone(), keychain: keychain.clone(), host: Arc::new(ThisHost) };
    let memory = vault(edges);
    let start = Instant::now();
    (0..ENTRIES / 2).for_each(|_| opening(&memory));
    println!("{ENTRIES} entries in memory: {:.1} us each", start.elapsed().as_secs_f64() * 1e6 / ENTRIES as f64);
    let folder = Arc::new(FolderStore::new(home.path(), SIZE_LIMIT).expect("a store"));
    for (name, bytes) in store.logs().files() {
        println!("{name}: {} bytes", bytes.len());
        folder.make_log(&name, &bytes).expect("the log");
    }
    // The same vault, with its log on the disk.
    drop(memory);
    std::fs::write(folder.file(), store.load().expect("the vault").expect("the vault")).expect("the vault");
    let vault_there = Vault::open(folder).expect("the vault");
    let on_disk = vault_there.unlock(&password(), keychain, Arc::new(ThisHost)).expect("the vault");
    let times = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        let logs = on_disk.read_logs().expect("the logs");
        let took = start.elapsed();
        assert!(logs[0].records.len() > ENTRIES && matches!(logs[0].state, LogState::Ahead { .. }));
        took
    });
    println!("reading {ENTRIES} entries: {:.0} ms (target 500)", median(times.collect()));
    let long = (0..ROUNDS).map(|_| timed(|| opening(&on_disk)));
    println!(
        "an entry and its end behind them: {:.1} ms (target 15, with the keychain in memory)",
        median(long.collect())
    );
    let short = tempfile::tempdir().expect("a temporary folder");
    let edges = Edges {
        store: Arc::new(FolderStore::new(&short.path().join("vault"), SIZE_LIMIT).expect("a store")),
        keychain: Arc::new(FileKeychain::new(short.path().join("key"))),
        host: Arc::new(ThisHost),
    };
    let short = vault(edges);
    let times = (0..ROUNDS).map(|_| timed(|| opening(&short)));
    println!("an entry and its end in a new log, with a keychain file: {:.1} ms", median(times.collect()));
}

fn password() -> Password {
    Password::new(b"a password for the benchmark").expect("a password")
}

fn vault(edges: Edges) -> Unlocked {
    create(edges, VaultId::generate().expect("an id"), &password(), KdfCost::FLOOR).expect("a vault")
}

fn opening(vault: &Unlocked) {
    let who = Who { account: "ada".into(), name: "laptop-x1".into(), pid: 4242, ..Who::default() };
    let entry = NewEntry { reason: "monthly tables".into(), ..NewEntry::new(Action::FileOpen, who) };
    let begun = vault.log_begin(&entry).expect("an entry");
    vault.log_end(begun, &LogEnd::done(What { files: Some(12), ..What::default() })).expect("its end");
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1000.0
}
