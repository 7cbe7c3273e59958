//! Whether a log that was read is as it was recorded. Pure: from records and what was recorded to a judgement.

use std::cmp::Ordering;

use super::reading::{Record, Segment};
use super::{Gap, LogState};
use crate::error::{LogAlarm, LogDifference};
use crate::format::log::{Action, Entry};

/// A record that somebody vouches for: its number and its hash.
pub type Point = (u64, [u8; 32]);

/// What was recorded of a log.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// By the anchor.
    pub anchor: Option<Point>,
    /// By vault files.
    pub witnesses: Vec<Point>,
}

impl Recorded {
    fn points(&self) -> impl Iterator<Item = &Point> {
        self.anchor.iter().chain(&self.witnesses)
    }

    /// Returns the last record that was recorded.
    pub fn last(&self) -> Option<Point> {
        self.points().copied().max_by_key(|(count, _)| *count)
    }

    pub fn count(&self) -> u64 {
        self.last().map_or(0, |(count, _)| count)
    }
}

/// What a log is, and where it goes on.
pub struct Judgement {
    pub state: LogState,
    pub gaps: Vec<Gap>,
    /// The number before its first record.
    pub forgotten: u64,
    /// How many bytes behind the last record are none.
    pub torn: u64,
    /// The last record that counts, and where it ends in the last segment; zeros if there is none.
    pub count: u64,
    pub tip: [u8; 32],
    pub end: u64,
    /// The last entry.
    pub last: Option<Entry>,
    /// The last entry is of a later program.
    pub ends_newer: bool,
}

/// Something that is not as it should be, from a number on.
#[derive(Debug, Clone, Copy)]
struct Finding {
    from: u64,
    difference: LogDifference,
}

/// Judges a log, and marks the records in its gaps.
pub fn judge(segments: &mut [Segment], recorded: &Recorded) -> Judgement {
    let torn = cut_tail(segments, recorded.count());
    let mut walk = Walk::default();
    for index in 0..segments.len() {
        walk.enter(segments, index);
        walk.through(&segments[index], index + 1 == segments.len());
    }
    let first = segments.first().and_then(|segment| segment.head).map_or(1, |head| head.number);
    if first > 1 && !is_forgotten(segments, first) {
        walk.find(1, LogDifference::Cut);
        walk.apply_gaps();
    }
    let matched = walk.compare(segments, recorded, first);
    let last = segments.iter().rev().flat_map(|segment| segment.records.last()).next();
    let entry = last.and_then(|record| record.read.entry.as_ref());
    let state = walk.state(segments, recorded, matched);
    Judgement {
        state,
        gaps: walk.gaps,
        forgotten: first - 1,
        torn,
        count: walk.next.saturating_sub(1),
        tip: walk.previous,
        end: segments.last().map_or(0, |segment| segment.end),
        ends_newer: last.is_some() && entry.is_none(),
        last: entry.cloned(),
    }
}

/// Takes off what is at the end of the last segment behind all that was recorded, from the first record on that is not
/// authentic: the write of it was cut short. Returns how many bytes are behind what is left.
fn cut_tail(segments: &mut [Segment], recorded: u64) -> u64 {
    let Some(last) = segments.last_mut().filter(|segment| segment.head.is_some()) else { return 0 };
    let bad = last.records.iter().position(|record| !record.is_authentic && record.read.number > recorded);
    if let Some(bad) = bad {
        last.end = last.records[bad].read.place.1;
        last.records.truncate(bad);
    }
    last.length.saturating_sub(last.end)
}

#[derive(Default)]
struct Walk {
    /// The number that comes next; 0 before the first segment.
    next: u64,
    previous: [u8; 32],
    findings: Vec<Finding>,
    gaps: Vec<Gap>,
}

impl Walk {
    fn find(&mut self, from: u64, difference: LogDifference) {
        self.findings.push(Finding { from: from.max(1), difference });
    }

    /// Takes out what somebody has accepted.
    fn apply_gaps(&mut self) {
        let gaps = &self.gaps;
        self.findings.retain(|finding| gaps.iter().all(|gap| finding.from < gap.from || finding.from > gap.to));
    }

    /// Goes from one segment into the next.
    fn enter(&mut self, segments: &mut [Segment], index: usize) {
        let Some(head) = segments[index].head else {
            self.next = self.next.max(1);
            self.find(self.next, LogDifference::Damaged);
            return;
        };
        let is_next = (head.number, head.previous) == (self.next.max(1), self.previous);
        // Also where the head follows: what is wrong before it may be no more than a record in the middle.
        if let Some((gap, before)) = gap_in(segments[index].records.first(), head.number) {
            self.begin_gap(&mut segments[..index], gap, before);
        } else if index == 0 && head.number > 1 {
            // Whether what is missing before it was deleted on request shows later.
        } else if !is_next && head.number > self.next {
            self.find(self.next, LogDifference::Cut);
        } else if !is_next {
            self.find(head.number.saturating_sub(1), LogDifference::Rewritten);
        }
        (self.next, self.previous) = (head.number, head.previous);
    }

    /// Accepts what is before a segment, if what is before the gap is as it was when that was accepted.
    fn begin_gap(&mut self, earlier: &mut [Segment], gap: Gap, before: [u8; 32]) {
        let first = earlier.first().and_then(|segment| segment.head);
        let mut last = first.map_or((0, [0; 32]), |head| (head.number - 1, head.previous));
        for record in earlier.iter_mut().flat_map(|segment| &mut segment.records) {
            if record.read.number >= gap.from {
                record.read.is_disputed = true;
            } else if !record.read.is_disputed {
                last = (record.read.number, record.read.hash);
            }
        }
        // What a later gap takes in, an earlier one need not.
        self.findings.retain(|finding| finding.from < gap.from);
        match (last.0 + 1).cmp(&gap.from) {
            _ if earlier.is_empty() => {}
            Ordering::Less => self.find(last.0 + 1, LogDifference::Cut),
            Ordering::Equal if last.1 != before => self.find(last.0, LogDifference::Rewritten),
            Ordering::Equal | Ordering::Greater => {}
        }
        self.gaps.push(gap);
    }

    fn through(&mut self, segment: &Segment, is_last: bool) {
        for record in &segment.records {
            if !record.is_authentic {
                self.find(record.read.number, LogDifference::Damaged);
            }
            (self.next, self.previous) = (record.read.number.saturating_add(1), record.read.hash);
        }
        if !is_last && segment.head.is_some() && segment.end < segment.length {
            self.find(self.next, LogDifference::Damaged);
        }
    }

    /// Compares the log with what was recorded, and returns the highest number that is as it was recorded.
    fn compare(&mut self, segments: &[Segment], recorded: &Recorded, first: u64) -> u64 {
        let mut matched = 0;
        let mut differing = Vec::new();
        let mut missing = Vec::new();
        for (count, tip) in recorded.points().filter(|(count, _)| *count > 0) {
            let is_accepted = self.gaps.iter().any(|gap| (gap.from..=gap.to).contains(count));
            if is_accepted || *count + 1 < first {
                continue;
            }
            let before_first = segments.first().and_then(|segment| segment.head).map(|head| head.previous);
            let records = segments.iter().flat_map(|segment| &segment.records);
            let found = records.rev_find(*count).or(before_first.filter(|_| *count + 1 == first && first > 1));
            match found {
                Some(hash) if hash == *tip => matched = matched.max(*count),
                Some(_) => differing.push(*count),
                None => missing.push(*count),
            }
        }
        if !differing.is_empty() {
            let below = differing.iter().copied().min().unwrap_or(1);
            let known = if matched < below { matched } else { 0 };
            self.find(known + 1, LogDifference::Rewritten);
        }
        if !missing.is_empty() {
            let from = self.next.max(1);
            let is_torn = segments.last().is_some_and(|segment| segment.end < segment.length);
            self.find(from, if is_torn { LogDifference::Damaged } else { LogDifference::Cut });
        }
        matched
    }

    fn state(&self, segments: &[Segment], recorded: &Recorded, matched: u64) -> LogState {
        // Of several, the first entry that is concerned; of one entry, what explains most.
        let worst = self.findings.iter().min_by_key(|finding| {
            let rank = match finding.difference {
                LogDifference::Damaged => 0,
                LogDifference::Rewritten => 1,
                LogDifference::Cut => 2,
            };
            (finding.from, rank)
        });
        if let Some(Finding { from, difference }) = worst {
            let (from, difference) = (*from, *difference);
            return LogState::Altered(LogAlarm { difference, from, recorded: recorded.count() });
        }
        let count = self.next.saturating_sub(1);
        match recorded.anchor {
            Some((anchored, _)) if count > anchored => LogState::Ahead { by: count - anchored },
            Some(_) => LogState::Current,
            None if segments.is_empty() => LogState::Absent,
            None => LogState::Unrecorded { witnessed: matched },
        }
    }
}

trait FindRecord {
    fn rev_find(self, number: u64) -> Option<[u8; 32]>;
}

impl<'a, I: Iterator<Item = &'a Record>> FindRecord for I {
    /// Returns the hash of the record of a number that nothing disputes.
    fn rev_find(self, number: u64) -> Option<[u8; 32]> {
        let is_it = |record: &&Record| record.read.number == number && !record.read.is_disputed;
        self.filter(is_it).last().map(|record| record.read.hash)
    }
}

/// Reads the gap that a record accepts, and the hash of the record before it.
fn gap_in(record: Option<&Record>, number: u64) -> Option<(Gap, [u8; 32])> {
    let entry = record.filter(|record| record.is_authentic)?.read.entry.as_ref()?;
    let fact = entry.log.as_ref().filter(|_| is(entry, Action::LogGap))?;
    let (from, to) = (fact.from.filter(|from| *from > 0)?, fact.to?);
    let gap = Gap { from, to, found: fact.found.clone(), at: entry.at, reason: entry.reason.clone() };
    (to.checked_add(1) == Some(number) && from <= to).then(|| (gap, fact.tip.map_or([0; 32], |tip| tip.0)))
}

/// Tells whether the log says that what is before `first` was deleted on request.
fn is_forgotten(segments: &[Segment], first: u64) -> bool {
    let begins = |number: u64, previous: [u8; 32]| {
        let mut heads = segments.iter().filter_map(|segment| segment.head);
        heads.any(|head| head.number.checked_sub(1) == Some(number) && head.previous == previous)
    };
    let records = segments.iter().flat_map(|segment| &segment.records);
    let undisputed = records.filter(|record| record.is_authentic && !record.read.is_disputed);
    undisputed.filter_map(|record| record.read.entry.as_ref()).any(|entry| {
        let fact = entry.log.as_ref().filter(|_| is(entry, Action::LogForgotten));
        let end = fact.and_then(|fact| Some((fact.to?, fact.tip?.0)));
        end.is_some_and(|(to, tip)| to.checked_add(1) >= Some(first) && begins(to, tip))
    })
}

fn is(entry: &Entry, action: Action) -> bool {
    entry.action == action.word()
}
