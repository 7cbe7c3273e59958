//! What the agent costs: `cargo bench --bench agent [-- NUMBER [FOLDER]]`, with a vault of so many projects and as many
//! secrets, which stays if a folder is named. The agent is a process of its own, this program started again. Each figure is the median of rounds that take turns, so that a busy computer slows all of them alike.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use strongroom::agent::client::Client;
use strongroom::agent::limits::KEYS_AT_ONCE;
use strongroom::agent::place::Place;
use strongroom::agent::protocol::KeyToWrap;
use strongroom::agent::server::{Server, Terms};
use strongroom::crypto::kdf::KdfCost;
use strongroom::crypto::secret::{ContentKey, Password, SecretText};
use strongroom::format::VaultId;
use strongroom::format::scalar::FixedBase64;
use strongroom::format::vault::SIZE_LIMIT;
use strongroom::host::ThisHost;
use strongroom::keychain::FileKeychain;
use strongroom::keys::{FileKeys, WrappedKey};
use strongroom::store::FolderStore;
use strongroom::vault::{Before, Edges, NewProject, SecretEdit, Unlocked, Vault, create};

/// What this program is called with to be the agent.
const SERVE: &str = "--serve";
const ROUNDS: usize = 15;
const CALLS: u32 = 1000;

fn password() -> Password {
    Password::new(b"correct horse battery staple").expect("a password")
}

fn edges(folder: &Path) -> Edges {
    Edges {
        store: Arc::new(FolderStore::new(folder, SIZE_LIMIT).expect("a store")),
        keychain: Arc::new(FileKeychain::new(folder.join("keychain.json"))),
        host: Arc::new(ThisHost),
    }
}

fn unlock(folder: &Path) -> Unlocked {
    let Edges { store, keychain, host } = edges(folder);
    Vault::open(store).and_then(|vault| vault.unlock(&password(), keychain, host)).expect("it unlocks")
}

fn place(folder: &Path) -> Place {
    Place::all(&[folder.join("run")], &folder.join("vault.json")).expect("a place").remove(0)
}

fn serve(folder: &Path) {
    let server = Server::new(unlock(folder), Terms::default(), place(folder).take().expect("free")).expect("a server");
    println!("ready");
    server.run(None).expect("it runs");
}

/// The agent's process.
struct Agent(Child);

impl Agent {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .arg(SERVE)
            .arg(folder)
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        Self(child)
    }

    /// Returns a figure of its memory, in MiB.
    fn memory(&self, name: &str) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or(0.0) / 1024.0
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Returns the microseconds that each call takes.
fn timed(calls: u32, mut call: impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..calls).for_each(|_| call());
    start.elapsed().as_secs_f64() * 1e6 / f64::from(calls)
}

fn round_trips(folder: &Path, unlocked: &Unlocked) {
    let client = Client::at(&place(folder)).expect("an agent");
    let (prelude, key) = ([7; 32], ContentKey::generate().expect("a key"));
    let stanza = client.wrap_content_key("project-0", 1, &prelude, &key).expect("wrapped");
    let wrapped = WrappedKey { prelude: &prelude, stanza: &stanza };
    let batch = |count: usize| {
        (0..count)
            .map(|_| KeyToWrap { prelude: FixedBase64(prelude), content_key: ContentKey::generate().expect("a key") })
    };
    type Call<'a> = Box<dyn FnMut() + 'a>;
    let mut work: Vec<(&str, f64, Call<'_>)> = vec![
        ("unwrap in this process", 1.0, Box::new(|| drop(unlocked.unwrap_content_key(wrapped).expect("unwrapped")))),
        ("question without a key", 1.0, Box::new(|| client.check_writable().expect("writable"))),
        ("unwrap", 1.0, Box::new(|| drop(client.unwrap_content_key(wrapped).expect("unwrapped")))),
        ("wrap", 1.0, Box::new(|| drop(client.wrap_all("project-0", 1, batch(1)).expect("wrapped")))),
        (
            "wrap, each of 64",
            KEYS_AT_ONCE as f64,
            Box::new(|| drop(client.wrap_all("project-0", 1, batch(KEYS_AT_ONCE)).expect("wrapped"))),
        ),
        ("show a secret", 1.0, Box::new(|| drop(client.secret_value("secret-0", None).expect("a secret")))),
        ("show a file key", 1.0, Box::new(|| drop(client.file_key("project-0", None).expect("a key")))),
        (
            "connect, and show one",
            1.0,
            Box::new(|| {
                let client = Client::at(&place(folder)).expect("an agent");
                drop(client.file_key("project-0", None).expect("a key"));
            }),
        ),
    ];
    let mut figures = vec![Vec::new(); work.len()];
    for _ in 0..ROUNDS {
        for (index, (_, each, call)) in work.iter_mut().enumerate() {
            figures[index].push(timed(if *each > 1.0 { CALLS / 10 } else { CALLS }, call) / *each);
        }
    }
    for ((name, ..), figures) in work.iter().zip(figures) {
        println!("  {name:<26} {:>8.1} us", median(figures));
    }
}

fn throughput(folder: &Path, clients: usize) {
    let (stop, count) = (AtomicBool::new(false), AtomicU64::new(0));
    let place = place(folder);
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| {
                let client = Client::at(&place).expect("an agent");
                let (prelude, key) = ([7; 32], ContentKey::generate().expect("a key"));
                let stanza = client.wrap_content_key("project-0", 1, &prelude, &key).expect("wrapped");
                while !stop.load(Ordering::Relaxed) {
                    let wrapped = WrappedKey { prelude: &prelude, stanza: &stanza };
                    client.unwrap_content_key(wrapped).expect("unwrapped").expect("it fits");
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        std::thread::sleep(Duration::from_secs(3));
        stop.store(true, Ordering::Relaxed);
    });
    let each_second = count.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64();
    println!("  {clients:>2} clients                 {each_second:>8.0} unwraps/s");
}

/// Measures a client that behaves beside many that do not.
fn beside_abuse(folder: &Path) {
    let place = place(folder);
    let stop = AtomicBool::new(false);
    let mut waits: Vec<Option<f64>> = std::thread::scope(|scope| {
        for part in [&b"{\"v\":1"[..], b""] {
            let (stop, place) = (&stop, &place);
            scope.spawn(move || {
                let open = || UnixStream::connect(place.socket()).expect("it listens");
                let mut held: Vec<UnixStream> = (0..64).map(|_| open()).collect();
                while !stop.load(Ordering::Relaxed) {
                    for stream in &mut held {
                        // Half a line at once, or a line that never ends.
                        let dripped: &[u8] = if part.is_empty() { b"x" } else { b"" };
                        if stream.write_all(part).and_then(|()| stream.write_all(dripped)).is_err() {
                            *stream = open();
                        }
                    }
                    std::thread::sleep(Duration::from_millis(20));
                }
            });
        }
        std::thread::sleep(Duration::from_millis(300));
        let waits = (0..1000).map(|_| {
            let start = Instant::now();
            let is_answered = Client::at(&place).is_ok_and(|client| client.file_key("project-0", None).is_ok());
            is_answered.then(|| start.elapsed().as_secs_f64() * 1e3)
        });
        let waits = waits.collect();
        stop.store(true, Ordering::Relaxed);
        waits
    });
    let failed = waits.iter().filter(|wait| wait.is_none()).count();
    let mut waits: Vec<f64> = waits.drain(..).flatten().collect();
    waits.sort_by(f64::total_cmp);
    let at = |part: usize| {
        waits.get((waits.len() * part / 1000).min(waits.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
    };
    println!("  connect, and show one, beside 64 half-sent and 64 dripping clients that come again at once:");
    println!("    median {:.2} ms, 99 of 100 {:.2} ms, longest {:.2} ms, {failed} failed", at(500), at(990), at(1000));
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [serves, folder] = &arguments[..]
        && serves == SERVE
    {
        return serve(&PathBuf::from(folder));
    }
    let number: u32 = arguments.first().and_then(|number| number.parse().ok()).unwrap_or(100);
    let temporary = tempfile::tempdir().expect("a folder");
    let folder = arguments.get(1).map_or(temporary.path(), Path::new);
    let mut unlocked =
        create(edges(folder), VaultId::generate().expect("an id"), &password(), KdfCost::FLOOR).expect("a vault");
    let new =
        |number| NewProject { name: format!("project-{number}"), client: "A client".into(), ..NewProject::default() };
    unlocked.add_projects(&(0..number).map(new).collect::<Vec<_>>()).expect("projects");
    let secret = |number: u32| {
        let edit = SecretEdit {
            project: Some(Some(format!("project-{number}"))),
            user: Some("somebody".into()),
            urls: Some(vec![format!("https://portal-{number}.example/login")]),
            password: Some(SecretText::new("as long as a password is".into())),
            ..SecretEdit::default()
        };
        (format!("secret-{number}"), edit)
    };
    let start = Instant::now();
    unlocked.add_secrets(&(0..number).map(secret).collect::<Vec<_>>()).expect("secrets");
    println!("{number} secrets added in {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
    let start = Instant::now();
    unlocked.edit_secret("secret-0", &secret(1).1, Before::Some).expect("edited");
    println!("one edited in {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
    let agent = Agent::start(folder);
    println!("{number} projects and secrets, a vault file of {} kB", {
        std::fs::metadata(folder.join("vault.json")).map_or(0, |metadata| metadata.len() / 1000)
    });
    println!("  resident at the start      {:>8.1} MiB (at most {:.1})", agent.memory("VmRSS"), agent.memory("VmHWM"));
    // So long the times of a vault file do not tell it from one that is written at once after it.
    std::thread::sleep(Duration::from_millis(2300));
    round_trips(folder, &unlocked);
    for clients in [1, 4, 16] {
        throughput(folder, clients);
    }
    beside_abuse(folder);
    Client::at(&place(folder)).map(|client| client.projects().ok()).expect("a list");
    println!("  resident at the end        {:>8.1} MiB (at most {:.1})", agent.memory("VmRSS"), agent.memory("VmHWM"));
}
