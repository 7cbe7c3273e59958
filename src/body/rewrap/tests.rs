use std::io::Write;
use std::sync::Mutex;

use super::*;
use crate::body::{Metadata, Opener, Sealer};
use crate::crypto::secret::{FileKey, ProjectFileKey};

const BLOCK: usize = 4096;
const TEXT: &[u8] = b"id,name\n1,Ada Example\n";

fn key(version: u32) -> ProjectFileKey {
    let key = FileKey::from_slice(&[version as u8; 32]).unwrap();
    ProjectFileKey { project: "acme".into(), version, key }
}

fn sealed(version: u32) -> Vec<u8> {
    let mut sealer = Sealer::new(&key(version), &Metadata::default(), Vec::new()).unwrap();
    sealer.write_all(TEXT).unwrap();
    sealer.finish().unwrap()
}

fn all_keys() -> Vec<ProjectFileKey> {
    [3, 2, 1].map(key).into()
}

fn opened_by(bytes: &[u8]) -> Result<(u32, bool), BodyError> {
    let opener = Opener::new(bytes, &all_keys())?;
    let mut text = vec![0; TEXT.len()];
    assert_eq!(opener.read_at(&mut text, 0)?, TEXT.len());
    assert_eq!(text, TEXT);
    Ok((opener.header().opened_by.version, opener.header().one_block_only))
}

/// A disk that may lose power: what was written and not synced may be there in part or not at all.
struct Disk {
    state: Mutex<State>,
    /// After so many bytes written in all, the power is gone.
    power: usize,
}

struct State {
    /// What reads see.
    bytes: Vec<u8>,
    /// What is certain to be there after a crash.
    synced: Vec<u8>,
    written: usize,
}

impl Disk {
    fn new(bytes: Vec<u8>, power: usize) -> Self {
        Self { state: Mutex::new(State { synced: bytes.clone(), bytes, written: 0 }), power }
    }

    fn into_state(self) -> State {
        self.state.into_inner().unwrap()
    }
}

impl ReadAt for Disk {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.state.lock().unwrap().bytes.read_at(bytes, offset)
    }

    fn size(&self) -> io::Result<u64> {
        self.state.lock().unwrap().bytes.size()
    }
}

impl WriteAt for Disk {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut state = self.state.lock().unwrap();
        let left = self.power.saturating_sub(state.written).min(bytes.len());
        if left == 0 {
            return Err(io::Error::other("no power"));
        }
        let at = offset as usize;
        state.bytes[at..at + left].copy_from_slice(&bytes[..left]);
        state.written += left;
        Ok(left)
    }
}

impl Device for Disk {
    fn sync(&self) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        if state.written >= self.power {
            return Err(io::Error::other("no power"));
        }
        state.synced = state.bytes.clone();
        Ok(())
    }
}

fn run(disk: &Disk, to: u32) -> Result<Rewrapped, BodyError> {
    rewrap_device(disk, &all_keys(), (&key(to)).into())
}

#[test]
fn a_file_moves_to_the_new_key_and_keeps_its_body_and_metadata() {
    let before = sealed(1);
    let disk = Disk::new(before.clone(), usize::MAX);
    assert_eq!(run(&disk, 2).unwrap(), Rewrapped::From(1));
    assert_eq!(run(&disk, 2).unwrap(), Rewrapped::Current);
    assert_eq!(run(&disk, 3).unwrap(), Rewrapped::From(2));
    let after = disk.into_state().synced;
    assert_eq!(opened_by(&after).unwrap(), (3, false));
    assert_eq!(after[2 * BLOCK..], before[2 * BLOCK..]);
    let (old, new) = (Block::parse(&before[..BLOCK]).unwrap(), Block::parse(&after[..BLOCK]).unwrap());
    assert_eq!((old.prelude, old.metadata()), (new.prelude, new.metadata()));
    assert_eq!((old.sequence, new.sequence), (0, 2));
    // The old key alone opens it no more.
    assert!(matches!(Opener::new(&after, &key(1)), Err(BodyError::WrongKey { .. })));
}

/// Cuts the power after every `step`th byte that is written.
fn assert_power_cuts_leave_a_file(step: usize) {
    let before = sealed(1);
    // Both blocks as they are at first, and one of them damaged.
    let mut damaged_a = before.clone();
    damaged_a[100] ^= 1;
    let mut damaged_b = before.clone();
    damaged_b[BLOCK + 100] ^= 1;
    for start in [before, damaged_a, damaged_b] {
        let whole = Disk::new(start.clone(), usize::MAX);
        run(&whole, 2).unwrap();
        let total = whole.into_state().written;
        assert!(total >= 2 * BLOCK);
        for power in (0..=total).step_by(step) {
            let disk = Disk::new(start.clone(), power);
            let result = run(&disk, 2);
            assert!(result.is_err() || power > total, "power {power}");
            let state = disk.into_state();
            // After the crash: nothing, all, or any half of what was not synced has reached the disk.
            for crashed in survivors(&state) {
                let (version, _) = opened_by(&crashed).unwrap_or_else(|error| panic!("power {power}: {error}"));
                assert!([1, 2].contains(&version));
                let again = Disk::new(crashed, usize::MAX);
                run(&again, 2).unwrap();
                assert_eq!(opened_by(&again.into_state().synced).unwrap(), (2, false));
            }
        }
    }
}

#[test]
fn a_power_cut_leaves_a_file_that_opens_and_can_be_moved_again() {
    // Shares no factor with a block's length, so that it strikes each block elsewhere.
    assert_power_cuts_leave_a_file(7);
}

#[test]
#[ignore = "long: run ./test --long"]
fn long_mode_a_power_cut_at_any_byte_leaves_a_file_that_opens_and_can_be_moved_again() {
    assert_power_cuts_leave_a_file(1);
}

#[test]
fn a_power_cut_in_the_run_after_a_killed_one_leaves_a_file_that_opens() {
    let before = sealed(1);
    for killed in [1, 600, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK - 1, 2 * BLOCK] {
        for to in [2, 3] {
            for power in (0..=3 * BLOCK + 1).step_by(61) {
                let first = Disk::new(before.clone(), killed);
                run(&first, 2).unwrap_err();
                // What the killed process wrote and did not sync is what the next one reads.
                let left = first.into_state();
                let second = Disk { state: Mutex::new(State { written: 0, ..left }), power };
                let _ = run(&second, to);
                for crashed in survivors(&second.into_state()) {
                    opened_by(&crashed).unwrap_or_else(|error| panic!("{killed}, {to}, {power}: {error}"));
                    let again = Disk::new(crashed, usize::MAX);
                    run(&again, 3).unwrap();
                    assert_eq!(opened_by(&again.into_state().synced).unwrap(), (3, false));
                }
            }
        }
    }
}

#[test]
fn a_newer_block_whose_key_is_not_at_hand_is_never_written_over() {
    let before = sealed(1);
    let disk = Disk::new(before.clone(), usize::MAX);
    run(&disk, 3).unwrap();
    let mut half = disk.into_state().bytes;
    half[..BLOCK].copy_from_slice(&before[..BLOCK]);
    let disk = Disk::new(half.clone(), usize::MAX);
    let keys = vec![key(2), key(1)];
    assert!(matches!(rewrap_device(&disk, &keys, (&key(2)).into()), Err(BodyError::WrongKey { .. })));
    assert_eq!(disk.into_state().bytes, half);
}

/// Returns what may be on the disk: of each sector that differs from what was synced, the old or the new.
fn survivors(state: &State) -> Vec<Vec<u8>> {
    const SECTOR: usize = 512;
    let differs = |sector: &usize| {
        let range = sector * SECTOR..((sector + 1) * SECTOR).min(state.bytes.len());
        state.bytes[range.clone()] != state.synced[range]
    };
    let sectors: Vec<usize> = (0..state.bytes.len().div_ceil(SECTOR)).filter(differs).collect();
    let mixed = |keep: &dyn Fn(usize) -> bool| {
        let mut bytes = state.synced.clone();
        for (index, sector) in sectors.iter().enumerate().filter(|(index, _)| keep(*index)) {
            let _ = index;
            let range = sector * SECTOR..((sector + 1) * SECTOR).min(bytes.len());
            bytes[range.clone()].copy_from_slice(&state.bytes[range]);
        }
        bytes
    };
    let mut all = vec![mixed(&|_| false), mixed(&|_| true)];
    if sectors.len() > 1 {
        all.extend([mixed(&|index| index % 2 == 0), mixed(&|index| index % 2 == 1), mixed(&|index| index == 0)]);
    }
    all
}

#[test]
fn a_damaged_block_is_made_good_without_a_new_key() {
    for at in [100, BLOCK + 100, 0, BLOCK] {
        let mut bytes = sealed(2);
        bytes[at] ^= 1;
        let disk = Disk::new(bytes, usize::MAX);
        assert_eq!(run(&disk, 2).unwrap(), Rewrapped::Repaired, "byte {at}");
        assert_eq!(opened_by(&disk.into_state().synced).unwrap(), (2, false));
    }
}

#[test]
fn another_files_authentic_header_is_never_written_over_the_true_one() {
    let (mut bytes, other) = (sealed(1), sealed(1));
    bytes[..BLOCK].copy_from_slice(&other[..BLOCK]);
    let disk = Disk::new(bytes.clone(), usize::MAX);
    assert!(matches!(run(&disk, 2), Err(BodyError::Damaged { .. })));
    assert_eq!(disk.into_state().bytes, bytes);
}

#[test]
fn what_does_not_open_is_left_as_it_is() {
    let mut both = sealed(1);
    both[100] ^= 1;
    both[BLOCK + 100] ^= 1;
    let foreign = {
        let mut sealer = Sealer::new(&key(9), &Metadata::default(), Vec::new()).unwrap();
        sealer.write_all(TEXT).unwrap();
        sealer.finish().unwrap()
    };
    for bytes in [both, foreign, sealed(1)[..5000].to_vec(), b"a text file".to_vec(), Vec::new()] {
        let disk = Disk::new(bytes.clone(), usize::MAX);
        run(&disk, 2).unwrap_err();
        assert_eq!(disk.into_state().bytes, bytes);
    }
}

#[test]
fn the_last_sequence_number_is_not_passed() {
    let bytes = sealed(1);
    let last = block_with(&bytes, u32::MAX, |_| {});
    let bytes = [&last, &last, &bytes[2 * BLOCK..]].concat();
    let disk = Disk::new(bytes.clone(), usize::MAX);
    assert!(matches!(run(&disk, 2), Err(BodyError::Exhausted)));
    assert_eq!(disk.into_state().bytes, bytes);
}

/// Returns the first header block of a file under version 1 with other stanzas.
fn block_with(bytes: &[u8], sequence: u32, change: impl FnOnce(&mut Vec<Stanza>)) -> Vec<u8> {
    let read = BlockRead::parse(bytes[..BLOCK].to_vec()).unwrap();
    let (content, _) = read.content_key(&key(1)).unwrap().unwrap();
    let mut block = Block::parse(&bytes[..BLOCK]).unwrap();
    block.sequence = sequence;
    change(&mut block.stanzas);
    let mac_key = MacKey::derive(content.expose(), label::HEADER_MAC);
    block.to_bytes(|message| mac_key.tag(message)).unwrap()
}

fn recipient(byte: u8) -> Stanza {
    Stanza { kind: stanza::RECIPIENT, body: vec![byte; 232] }
}

#[test]
fn recipients_and_unknown_stanzas_are_kept_byte_for_byte() {
    let bytes = sealed(1);
    // In any order, and none of them an age file: what is in them is nobody's business here.
    let block = block_with(&bytes, 0, |stanzas| {
        stanzas.insert(1, recipient(1));
        stanzas.extend([Stanza { kind: 0x80, body: Vec::new() }, recipient(2)]);
    });
    let disk = Disk::new([&block, &block, &bytes[2 * BLOCK..]].concat(), usize::MAX);
    assert_eq!(run(&disk, 2).unwrap(), Rewrapped::From(1));
    let after = disk.into_state().synced;
    assert_eq!(opened_by(&after).unwrap(), (2, false));
    let (before, after) = (Block::parse(&block).unwrap(), Block::parse(&after[..BLOCK]).unwrap());
    assert_eq!(after.stanzas[1..], before.stanzas[1..]);
    assert_ne!(after.stanzas[0], before.stanzas[0]);
}

#[test]
fn a_delivery_is_left_as_it_is() {
    let bytes = sealed(1);
    let block = block_with(&bytes, 0, |stanzas| stanzas[0] = recipient(1));
    let bytes = [&block, &block, &bytes[2 * BLOCK..]].concat();
    let disk = Disk::new(bytes.clone(), usize::MAX);
    assert!(matches!(run(&disk, 2), Err(BodyError::WrongKey { is_delivery: true, .. })));
    assert_eq!(disk.into_state().bytes, bytes);
}

#[test]
fn a_delivery_that_has_a_project_in_its_newer_block_is_finished() {
    let bytes = sealed(1);
    let old = block_with(&bytes, 0, |stanzas| stanzas[0] = recipient(1));
    let new = block_with(&bytes, 1, |_| {});
    let disk = Disk::new([&old, &new, &bytes[2 * BLOCK..]].concat(), usize::MAX);
    assert_eq!(run(&disk, 1).unwrap(), Rewrapped::Repaired);
    let after = disk.into_state().synced;
    assert!(after[..BLOCK] == new && after[BLOCK..2 * BLOCK] == new);
}

#[test]
fn a_newer_block_that_only_a_recipient_opens_is_never_written_over() {
    let bytes = sealed(1);
    let newer = block_with(&bytes, 1, |stanzas| stanzas[0] = recipient(1));
    let bytes = [&bytes[..BLOCK], &newer, &bytes[2 * BLOCK..]].concat();
    let disk = Disk::new(bytes.clone(), usize::MAX);
    assert!(matches!(run(&disk, 2), Err(BodyError::WrongKey { .. })));
    assert_eq!(disk.into_state().bytes, bytes);
}

#[test]
fn a_file_that_is_locked_elsewhere_is_busy() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&sealed(1)).unwrap();
    let other = File::open(file.path()).unwrap();
    other.lock().unwrap();
    let wait = Duration::from_millis(30);
    let result = rewrap(file.as_file(), &all_keys(), &key(2), wait);
    assert!(matches!(result, Err(BodyError::Busy { .. })));
    other.unlock().unwrap();
    assert_eq!(rewrap(file.as_file(), &all_keys(), &key(2), wait).unwrap(), Rewrapped::From(1));
}
