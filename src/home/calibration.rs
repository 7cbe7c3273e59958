//! How much a password guess may cost on this computer, measured.

use std::time::{Duration, Instant};

use crate::crypto::kdf::{KdfCost, KdfParams, derive_kek};
use crate::crypto::secret::Password;
use crate::error::Error;
use crate::host::{Host, ThisHost, total_memory};

/// What unlocking should take.
const TARGET: Duration = Duration::from_millis(750);
/// What it may take before the cost goes below the default. A computer that was busy for a moment must not end with a
/// weak vault.
const BEARABLE: Duration = Duration::from_secs(3);
const MIB: u32 = 1024;
/// The most memory that calibration chooses.
const CALIBRATION_LIMIT_MIB: u64 = 1024;

/// Measures what this computer can do in about three quarters of a second: memory first, in powers of two up to 1 GiB
/// and an eighth of its memory, then passes. Never below the default where the computer bears it.
///
/// # Errors
/// If not even the floor can be derived.
pub fn measure() -> Result<KdfCost, Error> {
    let password = Password::new(b"calibration")?;
    let time = |cost: KdfCost| -> Result<Duration, Error> {
        let params = KdfParams { cost, salt: vec![0; 32] };
        let start = Instant::now();
        derive_kek(&password, &[0; 32], &params, ThisHost.available_memory())?;
        Ok(start.elapsed())
    };
    choose(total_memory(), time)
}

fn choose(
    total_memory: Option<u64>,
    mut time: impl FnMut(KdfCost) -> Result<Duration, Error>,
) -> Result<KdfCost, Error> {
    let eighth = total_memory.map_or(CALIBRATION_LIMIT_MIB, |bytes| bytes / 8 / (1 << 20));
    let fits = |memory_kib: u32| u64::from(memory_kib / MIB) <= eighth.min(CALIBRATION_LIMIT_MIB);
    let floor = KdfCost::FLOOR.memory_kib;
    let mut cost = KdfCost::DEFAULT;
    while cost.memory_kib > floor && !fits(cost.memory_kib) {
        cost.memory_kib /= 2;
    }
    let mut took = time(cost)?;
    while cost.memory_kib > floor && took > BEARABLE {
        cost.memory_kib /= 2;
        took = time(cost)?;
    }
    while fits(cost.memory_kib * 2) && took * 2 <= TARGET {
        cost.memory_kib *= 2;
        took = time(cost)?;
    }
    // Memory is the guesser's greater cost, so passes grow only where memory cannot.
    let one_pass = took / cost.passes;
    while !fits(cost.memory_kib * 2) && took + one_pass <= TARGET {
        let more = KdfCost { passes: cost.passes + 1, ..cost };
        if more.check().is_err() {
            break;
        }
        cost = more;
        took += one_pass;
    }
    Ok(cost)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(total_mib: u64, ms_per_64_mib_pass: u64) -> (u32, u32, u32) {
        let time = |cost: KdfCost| {
            let work = u64::from(cost.memory_kib / (64 * MIB)) * u64::from(cost.passes);
            Ok(Duration::from_millis(work * ms_per_64_mib_pass))
        };
        let cost = choose(Some(total_mib << 20), time).unwrap();
        cost.check().unwrap();
        (cost.memory_kib / MIB, cost.passes, cost.lanes)
    }

    #[test]
    fn memory_grows_first_and_in_powers_of_two() {
        assert_eq!(chosen(24 * 1024, 40), (256, 3, 4));
        assert_eq!(chosen(24 * 1024, 30), (512, 3, 4));
        assert_eq!(chosen(64 * 1024, 10), (1024, 4, 4));
    }

    #[test]
    fn a_small_machine_takes_more_passes_and_a_slow_one_keeps_the_floor() {
        assert_eq!(chosen(1024, 40), (128, 9, 4));
        assert_eq!(chosen(256, 10), (64, 64, 4));
        assert_eq!(chosen(24 * 1024, 2000), (64, 3, 4));
    }

    #[test]
    fn a_busy_moment_does_not_make_a_weak_vault() {
        assert_eq!(chosen(24 * 1024, 150), (256, 3, 4));
    }
}
