//! Many files at once: small ones side by side, a thread each, and then each large one with all threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{FilesError, Observer};

/// Up to this length a file is not worth more than one thread, in bytes.
pub const SMALL: u64 = 4 << 20;

/// Does `work` for every job, and returns what came of each, in the order of the jobs.
///
/// `work` is told how many threads it may use. `len_of` gives a job's length in bytes.
pub fn for_each<J: Sync, R: Send>(
    jobs: &[J],
    threads: usize,
    len_of: impl Fn(&J) -> u64,
    work: impl Fn(&J, usize) -> R + Sync,
) -> Vec<R> {
    let (small, large): (Vec<usize>, Vec<usize>) = (0..jobs.len()).partition(|index| len_of(&jobs[*index]) <= SMALL);
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<R>>> = Mutex::new(jobs.iter().map(|_| None).collect());
    let keep = |index: usize, result: R| {
        results.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(result);
    };
    let run_worker = || {
        while let Some(index) = small.get(next.fetch_add(1, Ordering::Relaxed)) {
            keep(*index, work(&jobs[*index], 1));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(small.len()) {
            // Without this thread the others do its work.
            let _ = std::thread::Builder::new().name("files".into()).spawn_scoped(scope, run_worker);
        }
        run_worker();
    });
    for index in large {
        keep(index, work(&jobs[index], threads));
    }
    results.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().flatten().collect()
}

/// Does `work` for every file as [`for_each`] does, reports each that is done, and each failure when it
/// comes, unless there is no other file: that failure is the run's.
pub fn for_each_file<J: Sync, T: Send>(
    jobs: &[J],
    threads: usize,
    observer: &dyn Observer,
    len_of: impl Fn(&J) -> u64,
    work: impl Fn(&J, usize) -> Result<T, FilesError> + Sync,
) -> Vec<Result<T, FilesError>> {
    for_each(jobs, threads, len_of, |job, threads| {
        let outcome = work(job, threads);
        if let Err(error) = &outcome
            && jobs.len() > 1
        {
            observer.failed(error);
        }
        observer.file_done();
        outcome
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_is_done_once_and_results_keep_their_order() {
        let jobs: Vec<u64> = (0..1000).map(|i| if i % 97 == 0 { SMALL + i } else { i }).collect();
        for threads in [1, 2, 16] {
            let calls = AtomicUsize::new(0);
            let results = for_each(
                &jobs,
                threads,
                |len| *len,
                |len, granted| {
                    calls.fetch_add(1, Ordering::Relaxed);
                    assert_eq!(granted, if *len > SMALL { threads } else { 1 });
                    len * 2
                },
            );
            assert_eq!(results, jobs.iter().map(|len| len * 2).collect::<Vec<_>>());
            assert_eq!(calls.into_inner(), jobs.len());
        }
        assert_eq!(for_each(&[] as &[u64], 4, |len| *len, |_, _| ()), Vec::<()>::new());
    }
}
