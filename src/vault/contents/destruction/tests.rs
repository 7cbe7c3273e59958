use proptest::prelude::*;

use super::*;
use crate::format::json::Others;
use crate::format::{DataKeyId, KitId, ProjectId};

fn project(record: DestructionRecord) -> Project {
    Project {
        id: ProjectId::from_bytes([1; 16]),
        name: "acme".into(),
        client: String::new(),
        created: Timestamp::from_unix(0),
        note: String::new(),
        keys: Vec::new(),
        hold: None,
        destroyed: None,
        engagement: None,
        destruction: Some(record),
        others: Others::default(),
    }
}

fn step(stage: Stage, at: i64, result: &str) -> DestructionStep {
    let at = Timestamp::from_unix(at);
    DestructionStep { step: stage.word().into(), at, result: result.into(), others: Others::default() }
}

fn stage() -> impl Strategy<Value = Stage> {
    prop_oneof![
        Just(Stage::Copies),
        Just(Stage::KeysRemoved),
        Just(Stage::Settled),
        Just(Stage::Proved),
        Just(Stage::FilesDeleted),
    ]
}

/// Records that were opened and went on apart, some closed, some never ordered.
fn record() -> impl Strategy<Value = DestructionRecord> {
    let steps = prop::collection::vec((stage(), 0..4i64, prop_oneof![Just("one"), Just("other")]), 0..7);
    let head = prop::option::of((0..3i64, 0..3u8));
    (head, steps, prop::option::of(0..9i64), prop::collection::vec(0..3u8, 0..3), prop::option::of(0..3u8)).prop_map(
        |(head, steps, closed, kits, data_key)| {
            let mut record = DestructionRecord {
                id: head.map(|(_, id)| RevisionId::from_bytes([id; 16])),
                opened: head.map(|(at, _)| Timestamp::from_unix(at)),
                number: head.map_or(0, |(at, id)| at as u32 * 3 + u32::from(id) + 1),
                by: head.map(|(at, id)| format!("{at}-{id}")).unwrap_or_default(),
                closed: closed.map(Timestamp::from_unix),
                kits: kits.into_iter().map(|kit| KitId::from_bytes([kit; 16])).collect(),
                data_key: data_key.map(|key| DataKeyId::from_bytes([key; 16])),
                ..DestructionRecord::default()
            };
            for (stage, at, result) in steps {
                record.steps.push(step(stage, at, result));
            }
            normal(record)
        },
    )
}

/// Lists as they are written: nothing twice, and in order.
fn normal(record: DestructionRecord) -> DestructionRecord {
    let mut empty = project(DestructionRecord::default());
    unite(&mut empty, &project(record), &mut Vec::new());
    empty.destruction.unwrap()
}

fn united(one: &DestructionRecord, other: &DestructionRecord) -> DestructionRecord {
    let mut own = project(one.clone());
    let mut differing = Vec::new();
    unite(&mut own, &project(other.clone()), &mut differing);
    assert_eq!(differing, [""; 0]);
    own.destruction.unwrap()
}

proptest! {
    #[test]
    fn who_joins_whom_and_how_often_does_not_matter((a, b, c) in (record(), record(), record())) {
        let ab = united(&a, &b);
        prop_assert_eq!(&ab, &united(&b, &a));
        prop_assert_eq!(&united(&ab, &b), &ab);
        prop_assert_eq!(united(&ab, &c), united(&a, &united(&b, &c)));
        // What is done in either is done, and nothing else is.
        for stage in Stage::NEEDED {
            prop_assert_eq!(ab.done(stage).is_some(), a.done(stage).is_some() || b.done(stage).is_some());
        }
        if ab.is_closed().is_some() {
            prop_assert!(ab.waits_for().is_none() && ab.is_begun());
        }
    }
}

#[test]
fn a_record_that_says_closed_too_early_is_open() {
    let at = Timestamp::from_unix(9);
    let mut record = DestructionRecord {
        id: Some(RevisionId::from_bytes([1; 16])),
        opened: Some(at),
        closed: Some(at),
        ..DestructionRecord::default()
    };
    for stage in Stage::NEEDED {
        assert_eq!((record.is_closed(), record.waits_for()), (None, Some(stage)));
        record.steps.push(step(stage, 9, ""));
    }
    assert_eq!(record.is_closed(), Some(at));
}
