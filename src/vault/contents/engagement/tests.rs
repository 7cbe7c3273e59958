use super::*;
use crate::format::ProjectId;

fn project() -> Project {
    Project {
        id: ProjectId::from_bytes([1; 16]),
        name: "acme".into(),
        client: "Acme".into(),
        created: at(0),
        note: String::new(),
        keys: Vec::new(),
        hold: None,
        destroyed: None,
        engagement: None,
        destruction: None,
        others: Default::default(),
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(1_795_249_800 + seconds)
}

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

fn purpose(text: &str) -> Terms {
    Terms { purpose: Setting::Given(text.into()), ..Terms::default() }
}

fn revisions(project: &Project) -> usize {
    project.engagement.as_ref().map_or(0, |engagement| engagement.revisions.len())
}

fn now(project: &Project) -> Terms {
    terms_now(project.engagement.as_ref().unwrap(), &project.client)
}

fn changes(project: &Project) -> Vec<(String, Option<String>, Option<String>, String)> {
    let changes = term_changes(project.engagement.as_ref().unwrap(), &project.client);
    changes.into_iter().map(|change| (change.term.to_string(), change.was, change.now, change.by)).collect()
}

#[test]
fn the_newest_revision_that_names_a_term_counts_and_what_it_was_is_known() {
    let mut project = project();
    let ends = |text| Terms { ends: Setting::Given(date(text)), ..purpose("a survey") };
    set(&mut project, &ends("2027-06-30"), "Ada", at(0)).unwrap();
    set(&mut project, &ends("2027-09-30"), "Bo", at(60)).unwrap();
    let client = Terms { client: Setting::Given("Acme Ltd".into()), ..Terms::default() };
    set(&mut project, &client, "", at(120)).unwrap();
    set(&mut project, &Terms { purpose: Setting::Given("  ".into()), ..Terms::default() }, "", at(180)).unwrap();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        changes(&project),
        [
            ("purpose".into(), None, text("a survey"), "Ada".into()),
            ("ends".into(), None, text("2027-06-30"), "Ada".into()),
            ("ends".into(), text("2027-06-30"), text("2027-09-30"), "Bo".into()),
            ("client".into(), text("Acme"), text("Acme Ltd"), String::new()),
            ("purpose".into(), text("a survey"), None, String::new()),
        ]
    );
    let terms = now(&project);
    assert_eq!((terms.client.given(), terms.purpose.given()), (Some(&"Acme Ltd".into()), None));
    assert_eq!(terms.ends.given(), Some(&date("2027-09-30")));
}

#[test]
fn what_is_so_already_makes_no_revision() {
    let mut project = project();
    let declared = |text: &str| {
        let declared = Declared([("backups".to_owned(), Setting::Given(text.to_owned()))].into());
        Terms { declared, client: Setting::Given("Acme".into()), ..Terms::default() }
    };
    set(&mut project, &declared("none"), "", at(0)).unwrap();
    set(&mut project, &declared("none"), "", at(1)).unwrap();
    set(&mut project, &purpose(""), "", at(2)).unwrap();
    assert_eq!(revisions(&project), 1);
    assert_eq!(changes(&project), [("declared.backups".into(), None, Some("none".into()), String::new())]);
    set(&mut project, &declared(""), "", at(3)).unwrap();
    assert!(now(&project).declared.is_empty());
}

#[test]
fn a_later_change_counts_although_the_clock_was_set_back() {
    let mut project = project();
    for (text, seconds) in [("one", 0), ("two", 0), ("three", -1_000_000), ("four", -1_000_001)] {
        set(&mut project, &purpose(text), "", at(seconds)).unwrap();
        assert_eq!(now(&project).purpose.given(), Some(&text.to_owned()));
    }
    let times = in_order(project.engagement.as_ref().unwrap()).into_iter().map(|revision| revision.at);
    assert_eq!(times.collect::<Vec<_>>(), [at(0), at(1), at(2), at(3)]);
}

#[test]
fn holds_and_their_releases_leave_a_trace_and_a_release_needs_a_reason() {
    let mut project = project();
    note_hold(&mut project, "", "Ada", at(0)).unwrap();
    assert!(matches!(
        note_release(&mut project, " ", "", at(1)),
        Err(Error::Refused(Refused::Text { what: "the reason", reason: NameError::Empty }))
    ));
    note_release(&mut project, "settled", "Bo", at(1)).unwrap();
    let traces = [
        ("hold".into(), None, Some(String::new()), "Ada".into()),
        ("released".into(), None, Some("settled".into()), "Bo".into()),
    ];
    assert_eq!(changes(&project), traces);
    // Neither is a value that is so from then on, nor can be set as one.
    assert_eq!(now(&project), Terms { client: Setting::Given("Acme".into()), ..Terms::default() });
    let forged = Terms { released: Setting::Given("x".into()), hold: Setting::Withdrawn, ..Terms::default() };
    set(&mut project, &forged, "", at(2)).unwrap();
    assert_eq!(revisions(&project), 2);
}

#[test]
fn texts_that_cannot_be_seen_are_refused() {
    let hostile = ["a\u{1b}[2J", "a\u{202e}b", "a\nb", "\u{feff}a"];
    for text in hostile {
        let text = || Setting::Given(text.to_owned());
        let declared = |about: &str, text| Declared([(about.to_owned(), text)].into());
        let all = [
            Terms { client: text(), ..Terms::default() },
            Terms { purpose: text(), ..Terms::default() },
            Terms { role: text(), ..Terms::default() },
            Terms { basis: text(), ..Terms::default() },
            Terms { basis_sha256: text(), ..Terms::default() },
            Terms { custodian: text(), ..Terms::default() },
            Terms { contact: text(), ..Terms::default() },
            Terms { at_end: text(), ..Terms::default() },
            Terms { log: text(), ..Terms::default() },
            Terms { reason: text(), ..Terms::default() },
            Terms { declared: declared("backups", text()), ..Terms::default() },
            Terms { declared: declared(text().given().unwrap(), Setting::Given("none".into())), ..Terms::default() },
            Terms { declared: declared("", Setting::Given("none".into())), ..Terms::default() },
        ];
        for terms in all {
            let mut project = project();
            assert!(
                matches!(set(&mut project, &terms, "", at(0)), Err(Error::Refused(Refused::Text { .. }))),
                "{terms:?}"
            );
            assert_eq!(project.engagement, None);
        }
        let by = text().given().unwrap().clone();
        assert!(set(&mut project(), &purpose("a survey"), &by, at(0)).is_err());
    }
}

#[test]
fn the_state_follows_from_the_facts_and_a_hold_goes_before_all() {
    let none = EngagementFacts { is_held: false, destruction: Destruction::None, has_sealed: false, due: None };
    let due = Some(date("2027-03-31"));
    for (facts, today, state) in [
        (none, "2030-01-01", EngagementState::Intake),
        (EngagementFacts { has_sealed: true, ..none }, "2030-01-01", EngagementState::Active),
        (EngagementFacts { due, has_sealed: true, ..none }, "2027-03-31", EngagementState::Active),
        (EngagementFacts { due, ..none }, "2027-03-31", EngagementState::Intake),
        (EngagementFacts { due, has_sealed: true, ..none }, "2027-04-01", EngagementState::Due),
        (EngagementFacts { due, ..none }, "2027-04-01", EngagementState::Due),
        (
            EngagementFacts { due, destruction: Destruction::UnderWay, ..none },
            "2027-04-01",
            EngagementState::Destroying,
        ),
        (EngagementFacts { due, destruction: Destruction::Done, ..none }, "2027-04-01", EngagementState::Destroyed),
        (EngagementFacts { due, is_held: true, ..none }, "2027-04-01", EngagementState::Held),
        (
            EngagementFacts { is_held: true, destruction: Destruction::Done, ..none },
            "2027-04-01",
            EngagementState::Held,
        ),
    ] {
        assert_eq!(facts.state(date(today)), state, "{facts:?} {today}");
    }
}

#[test]
fn of_two_revisions_of_one_time_the_greater_id_counts_wherever_it_stands() {
    let revision = |id: u8, text: &str| Revision {
        id: RevisionId::from_bytes([id; 16]),
        at: at(0),
        by: String::new(),
        set: purpose(text),
        others: Default::default(),
    };
    let all = [revision(2, "two"), revision(1, "one")];
    for revisions in [all.to_vec(), all.iter().rev().cloned().collect()] {
        let engagement = Engagement { revisions, others: Default::default() };
        assert_eq!(terms_now(&engagement, "").purpose.given(), Some(&"two".to_owned()));
    }
}

#[test]
fn one_revision_that_two_files_have_otherwise_is_named() {
    let mut own = project();
    set(&mut own, &purpose("a survey"), "", at(0)).unwrap();
    let mut other = own.clone();
    other.engagement.as_mut().unwrap().revisions[0].set = purpose("another");
    let (before, mut differing) = (own.clone(), Vec::new());
    assert_eq!(unite(&mut own, &other, &mut differing), 0);
    assert_eq!(differing.len(), 1, "{differing:?}");
    assert_eq!(own, before);
    // A file without an engagement has nothing to say.
    assert_eq!(unite(&mut own, &project(), &mut differing), 0);
    assert_eq!(own, before);
}
