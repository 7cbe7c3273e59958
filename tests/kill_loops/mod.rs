//! Commands that are killed at any moment, and the keychain's daemon with them: the vault opens afterwards, every time,
//! and what was acknowledged is there.
//!
//! The moments are drawn from a seed that is printed; STRONGROOM_TEST_SEED takes another run's.
#![cfg(all(unix, not(target_os = "macos"), feature = "cli"))]

mod moment;
mod world;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::support::{desktop, proof};
use moment::{Moment, Victim};
use world::{CHANGES, Course, World};

/// Draws a moment of a change: in one half of the cases any time until shortly after its end, in the other shortly
/// after something has been written.
fn draw(random: &mut fastrand::Rng, course: Course) -> Moment {
    if random.bool() {
        return Moment::After(course.duration.mul_f64(random.f64() * 1.05));
    }
    Moment::Written(random.usize(1..=course.writes.max(1)), Duration::from_micros(random.u64(..8000)))
}

fn survives(name: &str, loops: usize) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let seed = std::env::var("STRONGROOM_TEST_SEED").map_or(now, |seed| seed.parse().expect("a number"));
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut world = World::new();
    for number in 1..=loops {
        let change = CHANGES[random.usize(..CHANGES.len())];
        let choice = random.usize(..1 << 20);
        let victim = match random.u8(..12) {
            0 => Victim::Daemon,
            1 => Victim::DaemonThenCommand,
            2 => Victim::CommandThenDaemon,
            _ => Victim::Command,
        };
        let moment = draw(&mut random, world.course(change));
        println!("{number}: {change:?} {choice} {victim:?} {moment:?}");
        world.step(change, choice, victim, moment);
    }
    let tally = std::mem::take(&mut world.tally);
    world.all_is_there();
    let figure = format!(
        "{} loops, {} commands cut short ({} of them with their change there, {} with something to go on with), {} kills \
         of the daemon ({} commands refused, {} earlier passwords back), 0 vaults that do not open, 0 acknowledged \
         changes lost",
        tally.loops,
        tally.cut_short,
        tally.taken_effect,
        tally.warnings.values().sum::<usize>(),
        tally.daemon_kills,
        tally.refused,
        tally.fell_back
    );
    println!("{figure}\nwarnings afterwards: {:?}", tally.warnings);
    proof::record(name, "a vault with the OS keychain (gnome-keyring), killed again and again", &figure);
    // Kills that all came too late would show nothing.
    assert!(tally.cut_short * 3 > loops, "{figure}");
}

#[test]
#[ignore = "needs a real Secret Service: run ./test"]
fn a_vault_survives_kills_at_any_moment() {
    desktop::inside("--unlocked", concat!(module_path!(), "::a_vault_survives_kills_at_any_moment"), || {
        survives("kill-loops", 40)
    });
}

#[test]
#[ignore = "long: run ./test --long"]
fn long_mode_a_vault_survives_a_thousand_kills_at_any_moment() {
    let test = concat!(module_path!(), "::long_mode_a_vault_survives_a_thousand_kills_at_any_moment");
    desktop::inside("--unlocked", test, || survives("kill-loops-long", 1000));
}
