//! The body engine.
//!
//! `cargo bench --bench engine --features bench` times sealing, opening, proving and the bare copy of 256 MiB.
//! `cargo bench --bench engine --features bench -- ratios` runs them in turns on 1 GiB with `cp` and prints medians
//! of 9 rounds and their ratios: the target is to take at most 1.1 times as long as the same copy without the cipher.
//!
//! The files are in memory where /dev/shm is, so that no disk is measured.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use divan::Bencher;
use divan::counter::BytesCount;
use strongroom::body::{Input, Metadata, Opener, Output, Run, bench, default_threads, seal};
use strongroom::crypto::secret::{FileKey, ProjectFileKey};
use tempfile::TempDir;

fn main() {
    if std::env::args().any(|argument| argument == "ratios") { ratios() } else { divan::main() }
}

const LENGTH: u64 = 256 << 20;
const THREADS: [usize; 3] = [1, 2, 4];

#[divan::bench(args = THREADS, sample_count = 9)]
fn copy_without_cipher(bencher: Bencher<'_, '_>, threads: usize) {
    let files = Files::new(LENGTH);
    bencher.counter(BytesCount::new(LENGTH)).bench(|| files.copy(threads));
}

#[divan::bench(args = THREADS, sample_count = 9)]
fn seal_a_file(bencher: Bencher<'_, '_>, threads: usize) {
    let files = Files::new(LENGTH);
    bencher.counter(BytesCount::new(LENGTH)).bench(|| files.seal(threads));
}

#[divan::bench(args = THREADS, sample_count = 9)]
fn open_a_file(bencher: Bencher<'_, '_>, threads: usize) {
    let files = Files::new(LENGTH);
    files.seal(threads);
    bencher.counter(BytesCount::new(LENGTH)).bench(|| files.open(threads));
}

#[divan::bench(args = THREADS, sample_count = 9)]
fn prove_a_file(bencher: Bencher<'_, '_>, threads: usize) {
    let files = Files::new(LENGTH);
    files.seal(threads);
    bencher.counter(BytesCount::new(LENGTH)).bench(|| files.prove(threads));
}

#[divan::bench(args = [64 << 10, 1 << 20, 4 << 20], sample_count = 9)]
fn read_pieces(bencher: Bencher<'_, '_>, length: usize) {
    read(bencher, length, 1);
}

#[divan::bench(args = [4 << 20, 256 << 20], sample_count = 9)]
fn read_pieces_with_all_cores(bencher: Bencher<'_, '_>, length: usize) {
    read(bencher, length, default_threads());
}

/// Reads a file from its start to its end, so many bytes a call.
fn read(bencher: Bencher<'_, '_>, length: usize, threads: usize) {
    let files = Files::new(LENGTH);
    files.seal(default_threads());
    let (opener, mut bytes) = (files.opener(), vec![0; length]);
    bencher.counter(BytesCount::new(LENGTH)).bench_local(|| {
        for at in (0..LENGTH).step_by(length) {
            let read = opener.read_at_with(&mut bytes, at, threads).expect("the plaintext");
            assert_eq!(read, length);
        }
    });
}

struct Files {
    folder: TempDir,
    key: ProjectFileKey,
}

impl Files {
    fn new(length: u64) -> Self {
        let folder = if Path::new("/dev/shm").is_dir() { TempDir::new_in("/dev/shm") } else { TempDir::new() };
        let folder = folder.expect("a temporary folder");
        // Not zeros, of which some file systems keep nothing.
        let mut piece = vec![0; 1 << 20];
        strongroom::crypto::random(&mut piece).expect("random bytes");
        let mut file = File::create(folder.path().join("plain")).expect("a file");
        for _ in 0..length >> 20 {
            std::io::Write::write_all(&mut file, &piece).expect("room for the file");
        }
        let key = FileKey::generate().expect("random bytes");
        Self { folder, key: ProjectFileKey { project: "bench".into(), version: 1, key } }
    }

    fn input(&self, name: &str) -> File {
        File::open(self.folder.path().join(name)).expect("the input")
    }

    /// Begins an output anew, as the program does: nothing stands there before.
    fn output(&self, name: &str) -> File {
        let path = self.folder.path().join(name);
        let _ = std::fs::remove_file(&path);
        OpenOptions::new().read(true).write(true).create_new(true).open(path).expect("the output")
    }

    fn copy(&self, threads: usize) {
        bench::copy(&self.input("plain"), &self.output("copy"), threads).expect("a copy");
    }

    fn seal(&self, threads: usize) {
        let (input, output) = (self.input("plain"), self.output("sealed"));
        let run = Run { threads, progress: &|_| {} };
        let (from, to) = (Input::At(&input), Output::At(&output));
        seal(&self.key, &Metadata::default(), from, to, run).expect("a sealed file");
    }

    fn opener(&self) -> Opener<File> {
        Opener::new(self.input("sealed"), &self.key).expect("an opened file")
    }

    fn open(&self, threads: usize) {
        let output = self.output("opened");
        self.opener().copy_to(Output::At(&output), Run { threads, progress: &|_| {} }).expect("the plaintext");
    }

    fn prove(&self, threads: usize) {
        self.opener().verify(Run { threads, progress: &|_| {} }).expect("a proof");
    }

    fn cp(&self) {
        let path = |name| self.folder.path().join(name);
        assert!(Command::new("cp").args([path("plain"), path("cp")]).status().expect("cp").success());
    }
}

fn ratios() {
    const ROUNDS: usize = 9;
    let files = Files::new(1 << 30);
    let threads = default_threads();
    files.seal(threads);
    // Each with its output, which is removed before the clock starts: freeing a gibibyte takes a while too.
    let work: [(&str, &str, &dyn Fn()); 5] = [
        ("copy without the cipher", "copy", &|| files.copy(threads)),
        ("cp", "cp", &|| files.cp()),
        ("open", "opened", &|| files.open(threads)),
        ("prove", "", &|| files.prove(threads)),
        ("seal", "sealed", &|| files.seal(threads)),
    ];
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); work.len()];
    for _ in 0..ROUNDS {
        for ((_, output, work), times) in work.iter().zip(&mut times) {
            let _ = std::fs::remove_file(files.folder.path().join(output));
            let start = Instant::now();
            work();
            times.push(start.elapsed().as_secs_f64());
            if *output != "sealed" {
                let _ = std::fs::remove_file(files.folder.path().join(output));
            }
        }
    }
    let medians: Vec<f64> = times.into_iter().map(median).collect();
    println!("1 GiB in memory, {threads} threads, medians of {ROUNDS} interleaved rounds");
    for ((name, ..), seconds) in work.iter().zip(&medians) {
        let (to_copy, to_cp) = (seconds / medians[0], seconds / medians[1]);
        println!("{name:<24} {seconds:6.3} s   {to_copy:4.2} of the copy   {to_cp:4.2} of cp");
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
