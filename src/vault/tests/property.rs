//! Random sequences of changes, through two handles and with writes that fail, against a model in memory.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::crypto::secret::FileKey;
use crate::keychain::{KeychainError, MemoryFault};
use crate::store::StoreFault;

/// Few names, so that they meet; two of them are one name in two forms.
const NAMES: [&str; 4] = ["acme", "bistro", "caf\u{e9}", "cafe\u{301}"];

#[derive(Debug, Clone)]
enum Change {
    Add(usize),
    Rename(usize, usize),
    Rotate(usize),
    Import(usize, u8),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Trouble {
    None,
    WriteFails,
    WriteSeemsToFail,
    AnchorFails,
}

#[derive(Debug, Clone)]
struct Step {
    second_handle: bool,
    change: Change,
    trouble: Trouble,
}

fn step() -> impl Strategy<Value = Step> {
    let name = || 0..NAMES.len();
    let change = prop_oneof![
        name().prop_map(Change::Add),
        (name(), name()).prop_map(|(old, new)| Change::Rename(old, new)),
        name().prop_map(Change::Rotate),
        (name(), 1..4u8).prop_map(|(project, key)| Change::Import(project, key)),
    ];
    let trouble = prop_oneof![
        5 => Just(Trouble::None),
        1 => Just(Trouble::WriteFails),
        1 => Just(Trouble::WriteSeemsToFail),
        1 => Just(Trouble::AnchorFails),
    ];
    (any::<bool>(), change, trouble).prop_map(|(second_handle, change, trouble)| Step {
        second_handle,
        change,
        trouble,
    })
}

/// The vault as it should be: each project's keys by version. `None` is one nobody has seen yet.
type Model = BTreeMap<String, Vec<Option<[u8; KEY_LEN]>>>;

fn model_name(index: usize) -> String {
    if index == 3 { NAMES[2].into() } else { NAMES[index].into() }
}

/// Makes the change in the model; tells whether it is one that is allowed.
fn apply(model: &mut Model, change: &Change) -> bool {
    match *change {
        Change::Add(name) => {
            let free = !model.contains_key(&model_name(name));
            if free {
                model.insert(model_name(name), vec![None]);
            }
            free
        }
        Change::Rename(old, new) => {
            let (old, new) = (model_name(old), model_name(new));
            if !model.contains_key(&old) || (old != new && model.contains_key(&new)) {
                return false;
            }
            if let Some(keys) = model.remove(&old) {
                model.insert(new, keys);
            }
            true
        }
        Change::Rotate(name) => model.get_mut(&model_name(name)).map(|keys| keys.push(None)).is_some(),
        Change::Import(name, key) => {
            let key = Some([key; KEY_LEN]);
            match model.get_mut(&model_name(name)) {
                Some(keys) if !keys.contains(&key) => {
                    keys.push(key);
                    true
                }
                _ => false,
            }
        }
    }
}

fn perform(unlocked: &mut Unlocked, change: &Change) -> Result<(), Error> {
    match *change {
        Change::Add(name) => unlocked.add_project(&named(NAMES[name])).map(|_| ()),
        Change::Rename(old, new) => unlocked.rename_project(NAMES[old], NAMES[new]).map(drop),
        Change::Rotate(name) => unlocked.rotate_file_key(NAMES[name]).map(|_| ()),
        Change::Import(name, key) => {
            let key = FileKey::from_slice(&[key; KEY_LEN]).unwrap();
            unlocked.import_file_key(NAMES[name], &key, SharedKeys::Allowed).map(|_| ())
        }
    }
}

/// Asserts that the vault is the model, and lets the model learn the keys it had not seen.
fn compare(unlocked: &Unlocked, model: &mut Model) {
    let found: Vec<(String, usize)> =
        unlocked.projects().into_iter().map(|project| (project.name, project.keys.len())).collect();
    let expected: Vec<(String, usize)> = model.iter().map(|(name, keys)| (name.clone(), keys.len())).collect();
    assert_eq!(found, expected);
    for (name, keys) in model {
        assert_eq!(unlocked.file_key(name, None).unwrap().version as usize, keys.len());
        for (version, key) in (1..).zip(keys) {
            let found = exposed(unlocked, name, version);
            assert_eq!(*key.get_or_insert(found), found, "{name} version {version}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_changes_leaves_the_vault_the_model_says(steps in prop::collection::vec(step(), 1..40)) {
        let machine = Machine::at(1);
        let mut handles = [machine.unlocked(), machine.unlocked()];
        let mut model = Model::new();
        let mut generation = 1;
        for Step { second_handle, change, trouble } in steps {
            let handle = &mut handles[usize::from(second_handle)];
            match trouble {
                Trouble::None => {}
                Trouble::WriteFails => machine.store.fail_next(StoreFault::WriteFails),
                Trouble::WriteSeemsToFail => machine.store.fail_next(StoreFault::WriteSeemsToFail),
                Trouble::AnchorFails => machine.keychain.inject(MemoryFault::FailWrites(|| {
                    KeychainError::Locked { provider: "memory".into() }
                })),
            }
            let mut after = model.clone();
            let allowed = apply(&mut after, &change);
            let result = perform(handle, &change);
            // A change that is refused never reaches the store.
            machine.store.fail_next(StoreFault::None);
            machine.keychain.heal();
            // What changes nothing is not written, so that nothing of it fails.
            let is_so = matches!(change, Change::Rename(old, new) if model_name(old) == model_name(new));
            let made = allowed && !is_so && trouble != Trouble::WriteFails;
            let acknowledged = allowed && (is_so || made && trouble != Trouble::WriteSeemsToFail);
            prop_assert_eq!(result.is_ok(), acknowledged, "{:?} {:?}: {:?}", change, trouble, result);
            if made {
                model = after;
                generation += 1;
            }
            if acknowledged {
                compare(handle, &mut model);
            }
            prop_assert_eq!(machine.document().header.generation, generation);
        }
        let mut reopened = machine.unlocked();
        prop_assert_eq!(reopened.take_notices(), []);
        compare(&reopened, &mut model);
    }
}
