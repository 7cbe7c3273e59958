//! Keys of projects that have been in use for long.

use super::finding::Finding;
use crate::format::Date;
use crate::format::name::printable;
use crate::vault::{KeyAge, Unlocked};
use crate::words::{command, words};

const CHECK: &str = "key periods";

/// Looks at the age of each current key.
pub fn check(vault: &Unlocked, today: Date) -> Vec<Finding> {
    let projects = vault.projects();
    let aged = projects.iter().filter_map(|project| Some((project, project.current_key_age(today)?)));
    let found = aged.filter_map(|(project, (key, age))| {
        let rotate = command("key rotate").arg(&project.name);
        let of_months =
            |months| format!("version {} of {}'s key is {months} months old", key.version, printable(&project.name));
        match age {
            KeyAge::Young => None,
            KeyAge::Ageing(months) => {
                let ageing = format!("{}; NIST SP 800-57 recommends 24 at most: ", of_months(months));
                Some(Finding::note(CHECK, words![ageing, rotate]))
            }
            KeyAge::Past(months) => {
                let past = format!("{}, past the 24 that NIST SP 800-57 recommends at most", of_months(months));
                Some(Finding::problem(CHECK, past, words!["make a new key: ", rotate]))
            }
        }
    });
    let found: Vec<Finding> = found.collect();
    if found.is_empty() && !projects.is_empty() {
        return vec![Finding::good(CHECK, "every project's current key is younger than 22 months")];
    }
    found
}
