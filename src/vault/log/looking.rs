//! Looking at logs: how this computer's is, what each says, and what may be shown to somebody who has no key.

use std::collections::BTreeSet;

use super::chain::{Whose, from_store};
use super::judging::{Judgement, Recorded, judge};
use super::seal::{LogKeys, hash};
use super::{DisclosedRecord, LogState, ReadLog, ReadRecord, reading};
use crate::error::{Error, LogTrouble, Subject};
use crate::format::EnrolmentId;
use crate::format::item::Anchor;
use crate::format::log::{frame, segment_name, segment_of};
use crate::store::LogAccess;
use crate::vault::Unlocked;

impl Unlocked {
    /// Tells how this computer's log compares with what was recorded of it.
    ///
    /// # Errors
    /// Those of reading it and the anchor.
    pub fn log_state(&self) -> Result<LogState, Error> {
        let anchor = self.remembered()?;
        let keys = LogKeys::of(&self.payload, self.id(), &self.data_key)?;
        Ok(self.read_log(&keys, self.enrolment(), anchor.as_ref())?.state)
    }

    /// Reads and verifies every log in the vault's folder, and says of which that the vault knows there is none.
    ///
    /// # Errors
    /// Those of reading them and the anchor.
    pub fn read_logs(&self) -> Result<Vec<ReadLog>, Error> {
        // Before the logs: they only grow, so what is read later is not less than what was recorded.
        let anchor = self.remembered()?;
        let keys = LogKeys::of(&self.payload, self.id(), &self.data_key)?;
        let store = &*self.edges.store;
        let names = store.log_names().map_err(|error| from_store(store, error))?;
        let mut all: BTreeSet<EnrolmentId> =
            names.iter().filter_map(|name| segment_of(name)).map(|(enrolment, _)| enrolment).collect();
        all.extend(self.payload.logs.iter().map(|seen| seen.enrolment));
        all.extend(anchor.iter().filter_map(|anchor| anchor.log.as_ref()).map(|log| log.enrolment));
        all.into_iter().map(|enrolment| self.read_log(&keys, enrolment, anchor.as_ref())).collect()
    }

    fn read_log(&self, keys: &LogKeys, enrolment: EnrolmentId, anchor: Option<&Anchor>) -> Result<ReadLog, Error> {
        let recorded = self.recorded_of(enrolment, anchor);
        let whose = Whose { vault: self.id(), enrolment };
        let mut segments = reading::read(&*self.edges.store, keys, whose)?;
        let Judgement { state, gaps, forgotten, torn, .. } = judge(&mut segments, &recorded);
        let own_log = anchor.and_then(|anchor| anchor.log.as_ref()).filter(|log| log.enrolment == enrolment);
        let anchored = own_log.map_or(0, |log| log.gaps);
        let records = segments.into_iter().flat_map(|segment| segment.records);
        Ok(ReadLog {
            enrolment,
            is_own: enrolment == self.enrolment(),
            state,
            recorded: recorded.count(),
            accepted: anchored.max(gaps.len() as u64),
            gaps,
            forgotten,
            torn,
            records: records.map(|record| record.read).collect(),
        })
    }

    /// Returns what the anchor and the vault have recorded of a log.
    pub(super) fn recorded_of(&self, enrolment: EnrolmentId, anchor: Option<&Anchor>) -> Recorded {
        let log = anchor.and_then(|anchor| anchor.log.as_ref()).filter(|log| log.enrolment == enrolment);
        let seen = self.payload.logs.iter().filter(|seen| seen.enrolment == enrolment);
        Recorded {
            anchor: log.map(|log| (log.count, log.tip.0)),
            witnesses: seen.map(|seen| (seen.count, seen.tip.0)).collect(),
        }
    }

    /// Returns a record with what opens it alone, for somebody who has no key.
    ///
    /// # Errors
    /// [`Error::Changed`] if it is not as it was read; those of reading it.
    pub fn disclose_record(&self, log: &ReadLog, record: &ReadRecord) -> Result<DisclosedRecord, Error> {
        let store = &*self.edges.store;
        let failed = |error| from_store(store, error);
        let changed = || Error::Changed { what: Subject::Content("the access log") };
        let (segment, at, length) = record.place;
        let opened = store.open_log(&segment_name(log.enrolment, segment), LogAccess::Read).map_err(failed)?;
        let mut bytes = vec![0; length as usize];
        opened.ok_or_else(changed)?.read_at(at, &mut bytes).map_err(failed)?;
        if hash(&bytes) != record.hash {
            return Err(changed());
        }
        let keys = LogKeys::of(&self.payload, self.id(), &self.data_key)?;
        let context = Whose { vault: self.id(), enrolment: log.enrolment }.context(record.number, record.previous);
        let opens = frame(&bytes).ok().and_then(|frame| keys.disclose(&context, &frame));
        let opens = opens.ok_or(Error::LogUnavailable(LogTrouble::NoKey))?;
        Ok(DisclosedRecord { number: record.number, previous: record.previous, record: bytes, opens })
    }
}
