//! What holds of every join: done again it changes nothing, it does not matter who joins whom but for names and
//! numbers, and no key is lost.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::crypto::kdf::KdfCost;
use crate::crypto::secret::{FileKey, KEY_LEN, SecretText};
use crate::format::vault::{Policy, Setting, Terms};
use crate::format::{DataKeyId, RevisionId, Timestamp};
use crate::vault::contents::change::{Change, apply};
use crate::vault::contents::keys::{SharedKeys, new_anchor_key};
use crate::vault::contents::kits::NewKit;
use crate::vault::contents::project::NewProject;
use crate::vault::{Before, SecretEdit, SecretsOfProject};

const VAULT: VaultId = VaultId::from_bytes([7; 16]);

/// A vault's keys and time.
struct Fixed {
    data_key: DataKey,
}

impl Fixed {
    fn new() -> Self {
        Self { data_key: DataKey::from_slice(&[9; KEY_LEN]).unwrap() }
    }

    fn editing(&self) -> Editing<'_> {
        Editing {
            vault: VAULT,
            data_key: &self.data_key,
            data_key_id: DataKeyId::from_bytes([3; 16]),
            now: Timestamp::from_unix(1_795_249_800),
        }
    }

    /// Two projects, and a kit.
    fn base(&self) -> Contents {
        let payload = Payload {
            needs: Vec::new(),
            policy: Policy::new(KdfCost::FLOOR),
            anchor_key: new_anchor_key(VAULT, &self.data_key).unwrap(),
            ancestors: Vec::new(),
            rotation: None,
            projects: Vec::new(),
            secrets: Vec::new(),
            kits: Vec::new(),
            signing: Vec::new(),
            reports: Vec::new(),
            log_keys: Vec::new(),
            logs: Vec::new(),
            logging: Vec::new(),
            others: Default::default(),
        };
        let mut contents = Contents { payload, slots: Vec::new() };
        let steps = [Step::Add(0), Step::Add(1), Step::MakeKit];
        steps.iter().for_each(|step| self.take(&mut contents, step));
        contents
    }

    /// Takes a step, unless something stands in its way.
    fn take(&self, contents: &mut Contents, step: &Step) {
        let editing = self.editing();
        let name = |project: &u8| format!("p{project}");
        let mut changed = contents.clone();
        let mut apply = |change: &Change<'_>| apply(&mut changed, change, &editing);
        let done = match step {
            Step::Add(project) => {
                apply(&Change::ProjectsAdded(&[NewProject { name: name(project), ..NewProject::default() }]))
            }
            Step::Rename(project, to) => apply(&Change::ProjectRenamed { project: &name(project), name: &name(to) }),
            Step::Rotate(project) => apply(&Change::KeyRotated { project: &name(project) }),
            Step::Import(project, key) => {
                let key = FileKey::from_slice(&[*key; KEY_LEN]).unwrap();
                apply(&Change::KeyImported { project: &name(project), key: &key, shared: SharedKeys::Allowed })
            }
            Step::Retire(project, version) => {
                apply(&Change::KeyRetired { project: &name(project), version: u32::from(*version) })
            }
            Step::Hold(project) => apply(&Change::ProjectHeld { project: &name(project), reason: "", by: "" }),
            Step::Set(project, value) => apply(&Change::EngagementSet {
                project: &name(project),
                terms: &Terms { purpose: Setting::Given(value.to_string()), ..Terms::default() },
                by: "",
            }),
            Step::Release(project) => {
                apply(&Change::ProjectReleased { project: &name(project), reason: "settled", by: "" })
            }
            Step::Destroy(project) => apply(&Change::ProjectDestroyed {
                project: &name(project),
                shared: SharedKeys::Allowed,
                secrets: SecretsOfProject::Deleted,
            }),
            Step::Store(secret, text, project) => {
                let edit = SecretEdit {
                    password: Some(SecretText::new(text.to_string())),
                    project: project.as_ref().map(|project| Some(name(project))),
                    ..SecretEdit::default()
                };
                apply(&Change::SecretEdited { name: &format!("s{secret}"), edit: &edit, before: Before::Any })
            }
            Step::RemoveSecret(secret) => apply(&Change::SecretRemoved { name: &format!("s{secret}") }),
            Step::MakeKit => {
                let number = u32::try_from(contents.payload.kits.len()).unwrap() + 1;
                let kit = NewKit::generate(number, editing.now).unwrap();
                apply(&Change::KitMade { kit: &kit, next: None })
            }
            Step::RevokeKit(kit, paper_destroyed) => {
                let kits = &contents.payload.kits;
                let kit = kits[usize::from(*kit) % kits.len()].id;
                apply(&Change::KitRevoked { kit, paper_destroyed: *paper_destroyed })
            }
        };
        if done.is_ok() {
            *contents = changed;
        }
    }

    fn joined(&self, mine: &Contents, other: &Contents, take: Take) -> Contents {
        let mut joined = mine.clone();
        join(&mut joined, other, take, &self.editing()).unwrap();
        joined
    }

    /// Returns every key of a project that opens files, and whether it is retired.
    fn keys(&self, project: &Project) -> BTreeMap<[u8; KEY_LEN], bool> {
        let usable = project.keys.iter().filter(|key| key.state != KeyState::Destroyed);
        let open = |key| *unwrap(VAULT, &self.data_key, project, key).unwrap().expose();
        usable.map(|key| (open(key), key.state == KeyState::Retired)).collect()
    }

    /// Returns what two files have in common that differ in names, version numbers and times alone.
    fn known(&self, contents: &Contents) -> Known {
        let projects = contents.payload.projects.iter().map(|project| {
            let known = (self.keys(project), project.destroyed.is_some(), project.hold.is_some(), agreed(project));
            (project.id.to_string(), known)
        });
        let kits = contents
            .payload
            .kits
            .iter()
            .map(|kit| (kit.id.to_string(), (kit.ended.is_some(), kit.destroyed.is_some())));
        let slots = contents.slots.iter().filter_map(Slot::as_kit).map(|kit| kit.id.to_string());
        let secrets = self.secrets(contents);
        Known { projects: projects.collect(), kits: kits.collect(), slots: slots.collect(), secrets }
    }

    /// Returns what each secret holds, with all its versions, and the project that it belongs to.
    fn secrets(&self, contents: &Contents) -> BTreeMap<String, (Vec<String>, Option<String>)> {
        let known = secrets::list(&contents.payload).into_iter().map(|secret| {
            let key = (VAULT, &self.data_key);
            let text = |version| {
                let value = secrets::value(&contents.payload, key, &secret.name, Some(version)).unwrap();
                value.password.expose().to_owned()
            };
            // By its id: the two files may call it otherwise.
            let project =
                contents.payload.projects.iter().find(|project| Some(&project.name) == secret.project.as_ref());
            let project = project.map(|project| project.id.to_string());
            (secret.id.to_string(), ((1..=secret.versions.len()).map(text).collect(), project))
        });
        known.collect()
    }
}

/// Returns the ids of the revisions of a project's engagement, in the order in which they count.
fn agreed(project: &Project) -> Vec<RevisionId> {
    let engagement = project.engagement.iter();
    engagement.flat_map(|all| engagement::in_order(all)).map(|revision| revision.id).collect()
}

/// The keys of a project that are there, each with whether it is retired; whether it was destroyed, and is on hold; the
/// changes of what was agreed.
type KnownProject = (BTreeMap<[u8; KEY_LEN], bool>, bool, bool, Vec<RevisionId>);

#[derive(Debug, PartialEq)]
struct Known {
    projects: BTreeMap<String, KnownProject>,
    kits: BTreeMap<String, (bool, bool)>,
    slots: BTreeSet<String>,
    secrets: BTreeMap<String, (Vec<String>, Option<String>)>,
}

/// What somebody does to one of the two files.
#[derive(Debug, Clone)]
enum Step {
    Add(u8),
    Rename(u8, u8),
    Rotate(u8),
    Import(u8, u8),
    Retire(u8, u8),
    Hold(u8),
    Set(u8, u8),
    Release(u8),
    Destroy(u8),
    Store(u8, u8, Option<u8>),
    RemoveSecret(u8),
    MakeKit,
    RevokeKit(u8, bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let project = || 0..4_u8;
    let step = prop_oneof![
        project().prop_map(Step::Add),
        (project(), project()).prop_map(|(project, to)| Step::Rename(project, to)),
        project().prop_map(Step::Rotate),
        (project(), 1..4_u8).prop_map(|(project, key)| Step::Import(project, key)),
        (project(), 1..4_u8).prop_map(|(project, version)| Step::Retire(project, version)),
        project().prop_map(Step::Hold),
        (project(), 0..3_u8).prop_map(|(project, value)| Step::Set(project, value)),
        project().prop_map(Step::Release),
        project().prop_map(Step::Destroy),
        (0..3_u8, any::<u8>(), prop::option::of(project()))
            .prop_map(|(secret, text, project)| Step::Store(secret, text, project)),
        (0..3_u8).prop_map(Step::RemoveSecret),
        Just(Step::MakeKit),
        (0..3_u8, any::<bool>()).prop_map(|(kit, destroyed)| Step::RevokeKit(kit, destroyed)),
    ];
    prop::collection::vec(step, 0..12)
}

/// Returns two files of one vault that were changed apart.
fn apart(fixed: &Fixed, here: &[Step], there: &[Step]) -> (Contents, Contents) {
    let base = fixed.base();
    let taken = |steps: &[Step]| {
        let mut contents = base.clone();
        steps.iter().for_each(|step| fixed.take(&mut contents, step));
        contents
    };
    (taken(here), taken(there))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn joining_again_changes_nothing(here in steps(), there in steps()) {
        let fixed = Fixed::new();
        let (here, there) = apart(&fixed, &here, &there);
        for take in [Take::All, Take::Orders] {
            let once = fixed.joined(&here, &there, take);
            let twice = fixed.joined(&once, &there, take);
            prop_assert!(once.payload == twice.payload && once.slots == twice.slots, "{take:?}");
            let itself = fixed.joined(&here, &here, take);
            prop_assert!(itself.payload == here.payload && itself.slots == here.slots, "{take:?}");
        }
    }

    #[test]
    fn who_joins_whom_matters_to_names_and_numbers_alone(here in steps(), there in steps()) {
        let fixed = Fixed::new();
        let (here, there) = apart(&fixed, &here, &there);
        let ways = [fixed.joined(&here, &there, Take::All), fixed.joined(&there, &here, Take::All)];
        prop_assert_eq!(fixed.known(&ways[0]), fixed.known(&ways[1]));
    }

    #[test]
    fn no_secret_is_lost_but_one_that_was_removed_or_of_a_project_that_was_destroyed(here in steps(), there in steps()) {
        let fixed = Fixed::new();
        let (here, there) = apart(&fixed, &here, &there);
        let joined = fixed.joined(&here, &there, Take::All);
        let kept = fixed.secrets(&joined);
        let is_removed = |id: &str| {
            let all = here.payload.secrets.iter().chain(&there.payload.secrets);
            all.clone().any(|version| version.removed && version.of.to_string() == id)
        };
        let destroyed: BTreeSet<_> = joined.payload.projects.iter().filter(|p| p.destroyed.is_some()).map(|p| p.id).collect();
        for contents in [&here, &there] {
            for (id, (texts, _)) in fixed.secrets(contents) {
                let last = joined.payload.secrets.iter().rfind(|version| version.of.to_string() == id);
                let is_gone = is_removed(&id) || last.is_some_and(|last| last.project.is_some_and(|p| destroyed.contains(&p)));
                let held = kept.get(&id).map(|(texts, _)| texts.clone()).unwrap_or_default();
                prop_assert!(is_gone || texts.iter().all(|text| held.contains(text)), "{texts:?} {held:?}");
            }
        }
        // What was removed where nobody knew of the hold waits for its end.
        let held: BTreeSet<_> = joined.payload.projects.iter().filter(|p| p.hold.is_some()).map(|p| p.id).collect();
        for version in joined.payload.secrets.iter().filter(|version| !version.removed) {
            let waits = version.project.is_some_and(|project| held.contains(&project));
            prop_assert!(waits || kept.contains_key(&version.of.to_string()));
        }
    }

    #[test]
    fn no_key_is_lost_but_of_a_project_that_was_destroyed(here in steps(), there in steps()) {
        let fixed = Fixed::new();
        let (here, there) = apart(&fixed, &here, &there);
        for (take, sources) in [(Take::All, &[&here, &there][..]), (Take::Orders, &[&here][..])] {
            let joined = fixed.joined(&here, &there, take);
            for project in sources.iter().flat_map(|contents| &contents.payload.projects) {
                let ended = [&here, &there].iter().any(|contents| {
                    contents.payload.projects.iter().any(|other| other.id == project.id && other.destroyed.is_some())
                });
                let held = joined.payload.projects.iter().find(|held| held.id == project.id);
                let held = held.expect("every project is there");
                prop_assert_eq!(held.destroyed.is_some(), ended);
                let kept = fixed.keys(held);
                prop_assert!(ended || fixed.keys(project).keys().all(|key| kept.contains_key(key)));
            }
            let names: BTreeSet<&str> = joined.payload.projects.iter().map(|project| &*project.name).collect();
            prop_assert_eq!(names.len(), joined.payload.projects.len());
            for project in &joined.payload.projects {
                let versions: BTreeSet<u32> = project.keys.iter().map(|key| key.version).collect();
                prop_assert_eq!(versions.len(), project.keys.len());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn of_three_files_it_does_not_matter_which_are_joined_first(a in steps(), b in steps(), c in steps()) {
        let fixed = Fixed::new();
        let (a, b) = apart(&fixed, &a, &b);
        let (_, c) = (a.clone(), {
            let mut contents = a.clone();
            c.iter().for_each(|step| fixed.take(&mut contents, step));
            contents
        });
        let agreed = |contents: &Contents| -> BTreeMap<String, Vec<RevisionId>> {
            contents.payload.projects.iter().map(|project| (project.id.to_string(), agreed(project))).collect()
        };
        let left = fixed.joined(&fixed.joined(&a, &b, Take::All), &c, Take::All);
        let right = fixed.joined(&a, &fixed.joined(&b, &c, Take::All), Take::All);
        prop_assert_eq!(agreed(&left), agreed(&right));
    }

    #[test]
    fn no_revision_of_an_engagement_is_lost_and_orders_bring_them(here in steps(), there in steps()) {
        let fixed = Fixed::new();
        let (here, there) = apart(&fixed, &here, &there);
        for take in [Take::All, Take::Orders] {
            let joined = fixed.joined(&here, &there, take);
            for project in &joined.payload.projects {
                let all = agreed(project);
                for contents in [&here, &there] {
                    let had = contents.payload.projects.iter().find(|had| had.id == project.id);
                    prop_assert!(had.into_iter().flat_map(agreed).all(|revision| all.contains(&revision)), "{take:?}");
                }
            }
        }
    }
}
