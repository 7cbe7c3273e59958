//! What unlocking costs beyond Argon2id: the whole program against the bare derivation, run in turns.
//!
//! `cargo bench --bench unlock` prints medians of 21 rounds in milliseconds. The targets are `project list` within
//! 60 ms of the bare derivation, and with 10,000 projects `key show` within 100 ms of it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use strongroom::crypto::kdf::{KdfCost, KdfParams, derive_kek};
use strongroom::crypto::secret::Password;
use strongroom::format::VaultId;
use strongroom::format::vault::SIZE_LIMIT;
use strongroom::host::ThisHost;
use strongroom::keychain::FileKeychain;
use strongroom::store::FolderStore;
use strongroom::vault::{Edges, NewProject, create};

const ROUNDS: usize = 21;
const PASSWORD: &str = "a password for the benchmark";

fn main() {
    let home = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(home.path().join("password"), PASSWORD).expect("the password file");
    println!("medians of {ROUNDS} interleaved rounds, ms; Argon2id at the floor (64 MiB, 3 passes, 4 lanes)");
    for (projects, command, target) in
        [(1, &["project", "list"][..], 60.0), (10_000, &["key", "show", "project 5000"][..], 100.0)]
    {
        let folder = home.path().join(projects.to_string());
        seed(&folder, projects);
        let (mut bare, mut whole) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            bare.push(derive());
            whole.push(run(home.path(), &folder, command));
        }
        let (bare, whole) = (median(bare), median(whole));
        println!(
            "{projects:>6} projects  bare derivation {bare:7.1}  `{}` {whole:7.1}  beyond it {:6.1}  (target {target})",
            command.join(" "),
            whole - bare
        );
    }
}

fn password() -> Password {
    Password::new(PASSWORD.as_bytes()).expect("a password")
}

fn seed(folder: &Path, projects: usize) {
    std::fs::create_dir(folder).expect("the vault's folder");
    let store = Arc::new(FolderStore::new(&folder.join("vault"), SIZE_LIMIT).expect("a store"));
    let keychain = Arc::new(FileKeychain::new(folder.join("key")));
    let edges = Edges { store: store.clone(), keychain: keychain.clone(), host: Arc::new(ThisHost) };
    let id = VaultId::generate().expect("an id");
    let mut vault = create(edges, id, &password(), KdfCost::FLOOR).expect("a vault");
    let new: Vec<NewProject> = (0..projects)
        .map(|number| NewProject {
            name: format!("project {number}"),
            client: format!("Client {number} Ltd"),
            ..NewProject::default()
        })
        .collect();
    vault.add_projects(&new).expect("the projects");
}

fn derive() -> Duration {
    let params = KdfParams::generate(KdfCost::FLOOR).expect("a salt");
    let password = password();
    let start = Instant::now();
    derive_kek(&password, &[7; 32], &params, None).expect("a key");
    start.elapsed()
}

fn run(home: &Path, folder: &Path, command: &[&str]) -> Duration {
    let mut program = Command::new(env!("CARGO_BIN_EXE_strongroom"));
    program
        .env("HOME", home)
        .arg("--vault")
        .arg(folder.join("vault"))
        .arg(format!("--keychain=file:{}", folder.join("key").display()))
        .arg("--password-file")
        .arg(home.join("password"))
        .args(["--quiet", "--no-input"])
        .args(command)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let start = Instant::now();
    let status = program.status().expect("the program");
    let took = start.elapsed();
    assert!(status.success(), "the program failed: {status}");
    took
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1000.0
}
