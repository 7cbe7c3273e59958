//! What the user orders of this computer's log: to go on though it is not as it was recorded, and to forget its
//! beginning. Both stay in the log.

use super::append::unavailable;
use super::chain::from_store;
use super::judging::Judgement;
use super::reading::Segment;
use super::writer::{Adding, Fact, Writer};
use super::{Forgotten, LogState};
use crate::error::{Error, LogAlarm};
use crate::format::Timestamp;
use crate::format::log::{Action, Head, LogFact, Who, segment_name};
use crate::format::scalar::FixedBase64;
use crate::vault::Unlocked;

impl Unlocked {
    /// Goes on with this computer's log though it is not as it was recorded. The gap stays in the log for good. Returns
    /// what was accepted; `None` if nothing had to be.
    ///
    /// # Errors
    /// [`Error::LogUnavailable`].
    pub fn accept_log(&mut self, who: &Who, reason: &str) -> Result<Option<LogAlarm>, Error> {
        self.try_accept_log(who, reason).map_err(unavailable)
    }

    fn try_accept_log(&self, who: &Who, reason: &str) -> Result<Option<LogAlarm>, Error> {
        let (mut writer, recorded) = Writer::begin(self)?;
        let (segments, Judgement { state, .. }) = writer.read()?;
        let LogState::Altered(alarm) = state else { return Ok(None) };
        // Behind what was recorded; if what is wrong comes later, behind all that is there.
        let last = segments.iter().rev().find_map(|segment| segment.records.last());
        let last = last.map(|record| (record.read.number, record.read.hash));
        let last = [recorded.last(), last].into_iter().flatten().find(|(number, _)| *number >= alarm.from);
        let last = last.unwrap_or((alarm.from, [0; 32]));
        writer.go_on_from(last, Vec::new());
        writer.accept_gap();
        let fact = LogFact {
            from: Some(alarm.from),
            to: Some(last.0),
            tip: hash_before(&segments, alarm.from).map(FixedBase64),
            found: alarm.difference.kind().into(),
            ..LogFact::default()
        };
        writer.add(&Adding::Fact(Fact {
            action: Action::LogGap,
            fact,
            subject: String::new(),
            ordered: Some((who, reason)),
        }))?;
        writer.write()?;
        writer.sync()?;
        writer.record()?;
        Ok(Some(alarm))
    }

    /// Deletes the files of this computer's log whose last entries are older than a time, but never the one that is
    /// written to. That they were deleted stays in the log.
    ///
    /// # Errors
    /// As [`Unlocked::log_begin`].
    pub fn forget_log(&mut self, before: Timestamp, who: &Who, reason: &str) -> Result<Forgotten, Error> {
        self.try_forget_log(before, who, reason).map_err(unavailable)
    }

    fn try_forget_log(&self, before: Timestamp, who: &Who, reason: &str) -> Result<Forgotten, Error> {
        let (mut writer, recorded) = Writer::begin(self)?;
        let (segments, judged) = writer.read()?;
        let old =
            segments.iter().take(segments.len().saturating_sub(1)).take_while(|segment| is_older(segment, before));
        let old: Vec<(u32, usize)> = old.map(|segment| (segment.number, segment.records.len())).collect();
        let next: Option<Head> = segments.get(old.len()).and_then(|segment| segment.head);
        let (Some(next), false) = (next, old.is_empty()) else {
            return match judged.state {
                LogState::Altered(alarm) => Err(Error::LogAltered(alarm)),
                _ => Ok(Forgotten { entries: 0, segments: 0 }),
            };
        };
        writer.go_on_with((segments, judged), &recorded)?;
        let fact = LogFact { to: Some(next.number - 1), tip: Some(FixedBase64(next.previous)), ..LogFact::default() };
        let subject = format!("{} files", old.len());
        let ordered = Some((who, reason));
        writer.add(&Adding::Fact(Fact { action: Action::LogForgotten, fact, subject, ordered }))?;
        writer.write()?;
        writer.sync()?;
        // Before anything is deleted: what is missing must not look like a cut.
        writer.record()?;
        let store = &*self.edges.store;
        // The first one first, so that what is left has no hole.
        for (number, _) in &old {
            store.remove_log(&segment_name(self.enrolment(), *number)).map_err(|error| from_store(store, error))?;
        }
        Ok(Forgotten { entries: old.iter().map(|(_, entries)| *entries as u64).sum(), segments: old.len() })
    }
}

/// Tells whether all of a segment was written before a time.
fn is_older(segment: &Segment, before: Timestamp) -> bool {
    let mut entries = segment.records.iter().map(|record| record.read.entry.as_ref());
    segment.head.is_some()
        && !segment.records.is_empty()
        && entries.all(|entry| entry.is_some_and(|entry| entry.at < before))
}

/// Returns the hash of the record before a number, as the log has it.
fn hash_before(segments: &[Segment], number: u64) -> Option<[u8; 32]> {
    let records = segments.iter().flat_map(|segment| &segment.records).filter(|record| !record.read.is_disputed);
    let before = number.checked_sub(1).filter(|before| *before > 0)?;
    let found = records.rev().find(|record| record.read.number == before).map(|record| record.read.hash);
    let first = segments.first().and_then(|segment| segment.head).filter(|head| head.number == number);
    found.or(first.map(|head| head.previous))
}
