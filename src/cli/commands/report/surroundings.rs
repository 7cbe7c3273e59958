//! What is around the files: the computer that holds them, and the readable copies that were made of them.

use std::path::{Path, PathBuf};

use crate::cli::commands::sweep::usual_places;
use crate::cli::context::Context;
use crate::cli::ledger;
use crate::cli::open_vault::OpenVault;
use crate::cli::progress::Effort;
use crate::evidence::bundle::{Check, CheckState, Copies, CopyPart, How};
use crate::evidence::facts::Known;
use crate::failure::Failure;
use crate::files::keys::Keys;
use crate::files::sweep::{Entry, State, Swept, sweep};
use crate::format::Timestamp;
use crate::home::session_desktop;
use crate::host::{Host, ThisHost};
use crate::machine::{self, Machine};
use crate::store::Store;
use crate::vault::{ProjectInfo, Unlocked};

/// Looks at the computer: at the drives of the data and of the keys, at swap, screen and synchronised folders.
///
/// # Errors
/// If it is not known where the vault's keychain entry is.
pub fn checks(context: &Context, vault: &OpenVault, data: &[PathBuf]) -> Result<Vec<Check>, Failure> {
    let data: Vec<PathBuf> = data.iter().map(|path| path.canonicalize().unwrap_or_else(|_| path.clone())).collect();
    let store = context.store()?;
    let mut keys = vec![PathBuf::from(store.place())];
    let kind = context.home.kind_of(vault.id())?;
    keys.extend(kind.to_string().strip_prefix("file:").map(PathBuf::from));
    let now = ThisHost.now();
    let found = Machine::this(session_desktop()).checks(&data, &keys);
    Ok(found.into_iter().map(|check| taken(check, now)).collect())
}

fn taken(check: machine::Check, at: Timestamp) -> Check {
    Check {
        id: check.id.into(),
        state: match check.state {
            machine::State::Met => CheckState::Met,
            machine::State::NotMet => CheckState::NotMet,
            machine::State::NotKnown => CheckState::NotKnown,
        },
        says: check.says,
        how: match check.how {
            machine::How::Probed => How::Probed,
            machine::How::Declared => How::Declared,
        },
        at,
    }
}

/// Looks for the readable copies of a project that are on record, where they were put and in the usual places.
///
/// # Errors
/// If there is no such project.
pub fn copies(
    context: &Context,
    vault: &Unlocked,
    project: &ProjectInfo,
    effort: &Effort,
) -> Result<Known<Copies>, Failure> {
    let ledger = match ledger::of(vault, Some(&project.name)) {
        Ok(ledger) => ledger,
        Err(failure) => {
            let why = failure.cause.unwrap_or(failure.message);
            return Ok(Known::Not(format!("what was opened is not on record: {why}")));
        }
    };
    let mut doubts = ledger.doubts;
    let all = ledger.entries.len();
    // What names no project may be another client's.
    let entries: Vec<Entry> = ledger.entries.into_iter().filter(|entry| entry.project == Some(project.id)).collect();
    if entries.len() < all {
        doubts.push(format!("{} on record without a project, which may be of this one", all - entries.len()));
    }
    let keys = Keys::of(vault, None).map_err(|error| Failure::of("look for copies", error))?;
    // Where nothing was opened there is nothing to look for.
    let (places, swept) = if entries.is_empty() {
        (Vec::new(), Swept::default())
    } else {
        let (places, _) = usual_places(&entries);
        let progress = effort.search(&context.output);
        let swept = sweep(&entries, &places, &keys, effort.threads(), &progress);
        (places.roots, swept)
    };
    let mut files: Vec<CopyPart> =
        entries.iter().zip(&swept.states).map(|(entry, state)| at_path(entry, state)).collect();
    files.extend(
        swept
            .copies
            .iter()
            .filter(|copy| !copy.is_at_path)
            .map(|copy| CopyPart { state: "stands-elsewhere".into(), ..part(&entries[copy.entry], &copy.path, "") }),
    );
    let roots = places.iter().map(|root| root.display().to_string()).collect();
    Ok(Known::Is(Copies { at: ThisHost.now(), roots, searched: swept.files, files, doubts }))
}

fn at_path(entry: &Entry, state: &State) -> CopyPart {
    let state = match state {
        State::Stands(_) => "stands",
        State::Changed(_) => "changed",
        State::Gone => "gone",
        State::NotReachable(_) => "not-reachable",
    };
    part(entry, &entry.path, state)
}

fn part(entry: &Entry, path: &Path, state: &str) -> CopyPart {
    CopyPart { path: path.display().to_string(), size: entry.size, made: entry.at, state: state.into() }
}
