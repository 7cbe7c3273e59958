//! All memory of another process: what lies in it, and which of it is locked.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use memchr::memmem::Finder;

use super::secrets::Secrets;

const PAGE: usize = 4096;

/// As large as no stack and no heap of the program is: beyond it there is only the memory that Argon2id fills.
const LARGE: u64 = 16 << 20;

/// Longer than any form of a secret is.
const OVERLAP: usize = 1024;

/// A copy of a process's memory, or of parts of it.
#[derive(Default)]
pub struct Memory {
    regions: Vec<Region>,
}

struct Region {
    start: u64,
    /// What /proc/PID/maps calls it.
    name: String,
    locked: bool,
    dumped: bool,
    /// Where the libc holds random bytes that nobody has asked for yet (vgetrandom, MAP_DROPPABLE): some of them become
    /// keys later on. The kernel drops such memory where it would swap out other memory.
    droppable: bool,
    bytes: Vec<u8>,
}

/// Where a secret was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    pub form: &'static str,
    /// Stack, heap, or whatever the system calls the place.
    pub place: String,
    /// In memory that is neither swapped out nor dumped.
    pub locked: bool,
}

impl Memory {
    /// Copies all memory of a process that can be read.
    pub fn of(pid: u32) -> Self {
        Self::copy(pid, |rights, _| rights.starts_with('r'))
    }

    /// Copies what a process writes to, stacks and heap, as long as that can be swapped out or dumped.
    pub fn unlocked(pid: u32) -> Self {
        let mut memory = Self::copy(pid, |rights, length| rights.starts_with("rw") && length <= LARGE);
        memory.regions.retain(|region| !region.is_safe());
        memory
    }

    fn copy(pid: u32, is_wanted: impl Fn(&str, u64) -> bool) -> Self {
        let smaps = fs::read_to_string(format!("/proc/{pid}/smaps")).expect("root looks into any process");
        let memory = File::open(format!("/proc/{pid}/mem")).expect("root looks into any process");
        let mut regions: Vec<Region> = Vec::new();
        let mut wanted = false;
        for line in smaps.lines() {
            if let Some(flags) = line.strip_prefix("VmFlags:") {
                let mut flags = flags.split_whitespace();
                let region = regions.last_mut().expect("flags follow their region");
                region.locked = flags.clone().any(|flag| flag == "lo");
                region.droppable = flags.clone().any(|flag| flag == "dp");
                region.dumped = flags.all(|flag| flag != "dd");
                if !wanted || region.name.starts_with("[v") {
                    regions.pop(); // what is the kernel's own, such as [vvar]
                }
            } else if let Some((from, to)) = line.split_once(' ').and_then(|(range, _)| range.split_once('-'))
                && let (Ok(from), Ok(to)) = (u64::from_str_radix(from, 16), u64::from_str_radix(to, 16))
            {
                let mut words = line.split_whitespace();
                wanted = words.nth(1).is_some_and(|rights| is_wanted(rights, to - from));
                let name = words.nth(3).unwrap_or("anonymous").to_owned();
                let bytes = if wanted { read(&memory, from, to) } else { Vec::new() };
                regions.push(Region { start: from, name, locked: false, dumped: true, droppable: false, bytes });
            }
        }
        Self { regions }
    }

    /// Adds what is not the same in `before`: the pages that were written to, and a little on either side of them, since
    /// a secret may cross into a page that was written earlier.
    pub fn add_changes(&mut self, before: &Self, now: &Self) {
        for region in &now.regions {
            let old = before.regions.iter().find(|old| old.start == region.start);
            let old = old.map_or(&[][..], |old| &old.bytes);
            let is_new = |page: usize| {
                let range = page * PAGE..(page + 1) * PAGE;
                old.get(range.clone()) != region.bytes.get(range)
            };
            let mut page = 0;
            while page < region.bytes.len() / PAGE {
                let first = page;
                while page < region.bytes.len() / PAGE && is_new(page) {
                    page += 1;
                }
                if first < page {
                    let from = (first * PAGE).saturating_sub(OVERLAP);
                    let bytes = &region.bytes[from..region.bytes.len().min(page * PAGE + OVERLAP)];
                    let start = region.start + from as u64;
                    self.regions.push(Region { start, name: region.name.clone(), bytes: bytes.to_vec(), ..*region });
                }
                page += 1;
            }
        }
    }

    /// Returns how many bytes there are.
    pub fn len(&self) -> usize {
        self.regions.iter().map(|region| region.bytes.len()).sum()
    }

    /// Returns where each secret lies, in whatever form, and nothing for those that are nowhere.
    pub fn search(&self, secrets: &Secrets) -> BTreeMap<String, Vec<Hit>> {
        let mut hits: BTreeMap<String, Vec<Hit>> = BTreeMap::new();
        for (name, forms) in secrets.forms() {
            for (form, needle) in forms {
                let finder = Finder::new(&needle);
                for region in &self.regions {
                    for at in finder.find_iter(&region.bytes) {
                        let place = format!("{} at {:x}", region.name, region.start + at as u64);
                        hits.entry(name.clone()).or_default().push(Hit { form, place, locked: region.is_safe() });
                    }
                }
            }
        }
        hits
    }
}

impl Region {
    /// Neither swapped out nor dumped.
    fn is_safe(&self) -> bool {
        (self.locked || self.droppable) && !self.dumped
    }
}

/// Reads a range page by page where it cannot be read at once: of a file that was cut short, only a part is there.
fn read(memory: &File, from: u64, to: u64) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
    if memory.read_exact_at(&mut bytes, from).is_err() {
        bytes.fill(0);
        for (page, number) in bytes.chunks_mut(PAGE).zip(0u64..) {
            let _ = memory.read_exact_at(page, from + number * PAGE as u64);
        }
    }
    bytes
}
