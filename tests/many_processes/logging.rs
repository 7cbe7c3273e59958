//! Processes that write one access log at once: one chain, every entry once, and the anchor names its last one.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use strongroom::Error;
use strongroom::crypto::kdf::KdfCost;
use strongroom::crypto::secret::Password;
use strongroom::format::VaultId;
use strongroom::format::log::{Action, LogEnd, NewEntry, Outcome, Phase, What, Who};
use strongroom::vault::{LogState, Unlocked, create};

use crate::support::proof;
use crate::worker::{self, Report, Worker};
use crate::{PASSWORD, Place, in_memory};

/// Begins and ends entries, as one opening after the other does.
fn open(unlocked: &mut Unlocked, _number: usize, openings: usize, report: &mut Report) -> Result<(), Error> {
    for _ in 0..openings {
        let start = Instant::now();
        let begun = unlocked.log_begin(&NewEntry::new(Action::FileOpen, Who::default()))?;
        unlocked.log_end(begun, &LogEnd::done(What::default()))?;
        report.waits.push(start.elapsed());
        report.begun.push(begun);
    }
    Ok(())
}

fn one_chain(test: &str, name: &str, processes: usize, openings: usize) {
    if worker::is_one() {
        return worker::run(open);
    }
    let (folder, whereabouts) = in_memory();
    let place = Place::new(folder.path());
    let password = Password::new(PASSWORD.as_bytes()).unwrap();
    let unlocked = create(place.edges(), VaultId::generate().unwrap(), &password, KdfCost::FLOOR).unwrap();
    let workers: Vec<_> = (0..processes).map(|number| Worker::start(test, folder.path(), number, openings)).collect();
    let mut workers: Vec<_> = workers.into_iter().map(Worker::unlocked).collect();
    let start = Instant::now();
    workers.iter_mut().for_each(Worker::go);
    let reports: Vec<_> = workers.into_iter().map(Worker::report).collect();
    let took = start.elapsed();
    let failed: Vec<_> = reports.iter().filter_map(|report| report.failure.as_deref()).collect();
    assert!(failed.is_empty(), "{} of {processes} processes failed: {failed:#?}", failed.len());

    let own = || unlocked.read_logs().unwrap().into_iter().find(|log| log.is_own).unwrap();
    // The end of what was begun last is written, and the next entry takes it into the anchor.
    assert!(matches!(own().state, LogState::Ahead { .. }), "{:?}", own().state);
    unlocked.log_note(&NewEntry::new(Action::ReportMade, Who::default())).unwrap();
    let log = own();
    assert_eq!((log.state, log.torn, log.gaps.len()), (LogState::Current, 0, 0));
    let all = processes * openings;
    // And two more: that the log began, and the note.
    assert_eq!((log.recorded, log.records.len()), (2 * all as u64 + 2, 2 * all + 2));
    let (mut begun, mut ended, mut previous) = (BTreeSet::new(), BTreeSet::new(), [0; 32]);
    for (record, number) in log.records.iter().zip(1..) {
        assert_eq!((record.number, record.previous), (number, previous));
        previous = record.hash;
        let entry = record.entry.as_ref().unwrap();
        match entry.phase {
            Phase::Begin => assert!(begun.insert(entry.seq)),
            Phase::End => {
                assert_eq!(entry.outcome, Some(Outcome::Done), "{entry:?}");
                assert!(ended.insert(entry.of.unwrap()));
            }
            _ => {}
        }
    }
    let told: Vec<u64> = reports.iter().flat_map(|report| report.begun.iter().copied()).collect();
    assert_eq!((begun.len(), told.len()), (all, all));
    assert_eq!((&begun, &begun), (&ended, &told.into_iter().collect()));
    let mut waits: Vec<Duration> = reports.iter().flat_map(|report| report.waits.iter().copied()).collect();
    waits.sort_unstable();
    let figure = format!(
        "{all} begun and ended, 0 lost, one chain, the anchor at its end; {:.0} a second, one took {:.0} ms in the middle \
         and {:.0} ms at most",
        all as f64 / took.as_secs_f64(),
        waits[all / 2].as_secs_f64() * 1000.0,
        waits[all - 1].as_secs_f64() * 1000.0
    );
    println!("{figure}");
    proof::record(name, &format!("{processes} processes write one access log at once ({whereabouts})"), &figure);
}

#[test]
fn four_processes_write_one_log() {
    one_chain("logging::four_processes_write_one_log", "log-processes", 4, 25);
}

#[test]
#[ignore = "long: run ./test --long"]
fn long_mode_sixteen_processes_write_one_log() {
    one_chain("logging::long_mode_sixteen_processes_write_one_log", "log-processes-long", 16, 200);
}
