//! Making a recovery kit: its code is handed over, seen to have arrived, and proven to open before it counts.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueHint};
use zeroize::Zeroizing;

use super::context::Context;
use super::interrupt::{self, Said};
use super::own_files::refuse_own_output;
use super::password;
use super::terminal::Terminal;
use crate::crypto::secret::{KitSecret, Password};
use crate::failure::{Exit, Failure, without_flags};
use crate::files::publish::{OutputFile, check_free};
use crate::format::kit::{self, KitName};
use crate::home::synced_by;
use crate::pages::kit::{KitPage, numbered};
use crate::secrets::generator::random_below;
use crate::store::{FolderStore, Store};
use crate::vault::{NewKit, Unlocked, Vault};
use crate::words::{Command, Words, command, words};

/// How many times the type-back may go wrong before the kit is given up.
const TRIES: usize = 5;
/// A code's length with any spacing, and a page's: more than this is no kit file.
const FILE_LIMIT: usize = 64 << 10;
const OFFER: &str = "\nA recovery kit is a code on paper that opens this vault without the password and\n\
                     without this computer. If there is no kit, everything is lost when the keychain\n\
                     is lost or the password is forgotten.";

/// What an interruption of the questions about a new vault's kit says, besides that the vault exists without one.
pub struct Later {
    /// What else was not done, as the end of that sentence.
    pub so: &'static str,
    /// What to do.
    pub hint: Words,
}

impl Later {
    /// If nothing but the kit is left to be made.
    pub fn kit(context: &Context) -> Self {
        Self { so: "", hint: words!["make the kit with ", of_vault(context, "kit new")] }
    }
}

/// What tells whether a kit was made.
pub fn see_kits(context: &Context) -> Words {
    words!["see the kits with ", of_vault(context, "kit list")]
}

/// Names a command for this context's vault, which may be another one than the program was started for.
fn of_vault(context: &Context, words: &'static str) -> Command {
    command(words).under(&context.output.flags)
}

/// What becomes of the recovery kit where a vault is made or its data key rotates.
#[derive(Debug, Clone, Default, Args)]
pub struct KitFlags {
    /// Make a recovery kit, that is, a code that opens the vault without password and keychain entry, and write the code
    /// to a new file. The code also opens every copy of the vault file that is made after the code was created
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "no_recovery")]
    pub recovery_file: Option<PathBuf>,
    /// Make no recovery kit
    #[arg(long)]
    pub no_recovery: bool,
    /// Allow --recovery-file to write into a folder that a sync service copies elsewhere
    #[arg(long)]
    pub allow_synced: bool,
}

/// A kit that is being made, with its code.
pub struct Making {
    /// The kit.
    pub kit: NewKit,
    /// Its code, in groups.
    pub code: Zeroizing<String>,
}

impl Making {
    /// Makes the secret of the vault's next kit.
    ///
    /// # Errors
    /// Where the vault must not be changed.
    pub fn begin(vault: &Unlocked) -> Result<Self, Failure> {
        let kit = vault.make_kit().map_err(|error| Failure::of("make a recovery kit", error))?;
        let code = kit::write(kit.secret());
        Ok(Self { kit, code })
    }

    /// Returns the page of this kit.
    pub fn page<'a>(&'a self, vault: &Unlocked, place: &'a str) -> KitPage<'a> {
        KitPage { name: self.kit.name(), created: self.kit.created(), vault: vault.id(), place, code: &self.code }
    }

    /// Shows the page at the terminal and, unless told not to, has two groups typed back.
    ///
    /// # Errors
    /// Where the groups do not come back right, or the terminal is gone. The kit is not in the vault then.
    pub fn show(&self, terminal: &mut Terminal, page: &KitPage<'_>, confirm: bool) -> Result<(), Failure> {
        terminal.say(&page.text())?;
        if confirm { self.type_back(terminal) } else { Ok(()) }
    }

    fn type_back(&self, terminal: &mut Terminal) -> Result<(), Failure> {
        // Again, and not on the page alone: that is longer than many a terminal.
        let shown = Zeroizing::new(format!(
            "Write it down or print it now: it is shown only once.\n\
             Then type two of its groups. Until that is done, this code opens nothing.\n\n{}",
            *numbered(&self.code)
        ));
        let _words = interrupt::say("the code above opens nothing", "throw away what you wrote down or printed");
        terminal.say(&shown)?;
        let groups: Vec<&str> = kit::groups(&self.code).collect();
        let draw =
            |limit| random_below(limit).map_err(|error| Failure::of("choose the groups to type back", error.into()));
        let first = draw(groups.len() - 1)?;
        let second = first + 1 + draw(groups.len() - 1 - first)?;
        let mut tries = 0;
        for wanted in [first, second] {
            loop {
                let typed = terminal.ask_hidden(&format!("group {}", wanted + 1))?;
                if kit::is_group(&typed, groups[wanted]) {
                    break;
                }
                tries += 1;
                if tries == TRIES {
                    return Err(Failure::new(Exit::Failed, "kit-not-confirmed", "the recovery kit is not made")
                        .cause("the groups that were typed are not those of its code")
                        .hint("nothing was changed; run it again, and throw away what you wrote down"));
                }
                terminal.say("not correct, try again")?;
            }
        }
        Ok(())
    }

    /// Proves that the code opens the vault as it stands on disk.
    ///
    /// # Errors
    /// Where it does not.
    pub fn prove(&self, store: &FolderStore) -> Result<(), Failure> {
        let doing = "prove the recovery kit";
        let secret = kit::read(&self.code).map_err(|error| refused(&error.to_string()))?;
        let opened = Vault::open(Arc::new(store.clone())).and_then(|vault| vault.open_with_kit(&secret));
        let opened = opened.map_err(|error| Failure::of(doing, error))?;
        if opened.kit() == self.kit.name() {
            Ok(())
        } else {
            Err(Failure::new(Exit::Damaged, "damaged", format!("cannot {doing}"))
                .cause(format!("its code opens the vault as kit {}", opened.kit())))
        }
    }
}

/// Refuses a kit file that could not be written, before anything is made.
///
/// # Errors
/// Where something stands there, or the folder is copied elsewhere and that was not allowed.
pub fn check(context: &Context, flags: &KitFlags) -> Result<(), Failure> {
    let Some(path) = &flags.recovery_file else { return Ok(()) };
    refuse_own_output(context, path)?;
    refuse_synced(path, flags.allow_synced)?;
    check_free(path, false).map_err(without_flags)
}

/// Makes a kit for a vault that has just been made, or says that there is none. `later` is what is said if the user
/// interrupts the questions; a blank line may be above them already.
///
/// # Errors
/// Where the kit cannot be handed over. The vault stands then, without it, and the next command offers one again.
pub fn for_new_vault(
    context: &Context,
    vault: &mut Unlocked,
    store: &FolderStore,
    password: &Password,
    flags: &KitFlags,
    later: Later,
    is_below_blank: bool,
) -> Result<Option<KitName>, Failure> {
    let so = format!("the vault now exists at {}, without a recovery kit{}", store.place(), later.so);
    let words = interrupt::say(so, later.hint);
    if !flags.no_recovery {
        // Best effort: where it is not remembered, nobody is asked again.
        let _ = context.home.settings.offer_kit(vault.id(), true);
    }
    let offer = if is_below_blank { OFFER.trim_start() } else { OFFER };
    ask_and_add(context, vault, store, password, flags, offer, &words)
}

/// Makes the kit that was not made with the vault, since nobody answered whether it should be; `flags` are those of a
/// command that would have made the vault. A vault that has, or had, a kit needs no offer.
///
/// # Errors
/// As [`for_new_vault`].
pub fn offer_again(
    context: &Context,
    vault: &mut Unlocked,
    password: &Password,
    flags: Option<&KitFlags>,
) -> Result<(), Failure> {
    let is_unanswered =
        || context.home.settings.of(vault.id()).is_ok_and(|known| known.is_some_and(|known| known.offer_kit));
    // Somebody is there to answer if the password was typed, or if the command is one that asks.
    let is_attended = || {
        let asks = flags.is_some() || !password::has_source(context);
        asks && !context.output.json && context.terminal().is_some()
    };
    let has_file = flags.is_some_and(|flags| flags.recovery_file.is_some());
    let is_wanted = has_file || flags.is_some_and(|flags| flags.no_recovery) || is_attended();
    if !vault.kits().is_empty() || !(has_file || is_unanswered()) || !is_wanted || vault.check_writable().is_err() {
        return Ok(());
    }
    let store = context.store()?;
    let words = interrupt::say(
        format!("the vault at {} has no recovery kit yet; nothing else was done", store.place()),
        "run the command again; if you do not want a kit, answer n",
    );
    ask_and_add(context, vault, &store, password, flags.unwrap_or(&KitFlags::default()), OFFER, &words).map(drop)
}

fn ask_and_add(
    context: &Context,
    vault: &mut Unlocked,
    store: &FolderStore,
    password: &Password,
    flags: &KitFlags,
    offer: &str,
    words: &Said,
) -> Result<Option<KitName>, Failure> {
    let hint =
        |failure: Failure| failure.hint(words!["the vault exists; make a kit with ", of_vault(context, "kit new")]);
    let making = match choose(context, vault, store, flags, Some(offer)) {
        Ok(making) => making,
        Err(failure) if failure.exit == Exit::Interrupted => return Err(failure),
        Err(failure) => return Err(hint(failure)),
    };
    let name = making.as_ref().map(|making| making.kit.name());
    if let Some(making) = &making {
        let so =
            format!("the vault exists at {}, and kit {} may have been made or not", store.place(), making.kit.name());
        words.replace(so, see_kits(context));
        add(vault, making, store, password, flags.recovery_file.as_deref()).map_err(hint)?;
    }
    if making.is_some() || flags.no_recovery || context.terminal().is_some() {
        // Answered. Best effort, as above.
        let _ = context.home.settings.offer_kit(vault.id(), false);
    }
    Ok(name)
}

/// Makes a kit as the flags and the terminal have it, and hands its code over; `None` where there is to be none, which
/// is said. `offer` is what leads to the question whether there is to be one, if that is asked. The vault does not know
/// the kit yet.
///
/// # Errors
/// Where its file cannot be written, or the groups do not come back.
pub fn choose(
    context: &Context,
    vault: &Unlocked,
    store: &FolderStore,
    flags: &KitFlags,
    offer: Option<&str>,
) -> Result<Option<Making>, Failure> {
    if let Some(path) = &flags.recovery_file {
        let making = Making::begin(vault)?;
        save_code(path, &making.code, flags.allow_synced)?;
        return Ok(Some(making));
    }
    if flags.no_recovery {
        return Ok(None);
    }
    let Some(mut terminal) = context.terminal() else {
        if offer.is_some() {
            say_none(context);
        } else {
            context.output.warn(
                "no-kit",
                words![
                    "no recovery kit opens the vault once this rotation is finished: make one then with ",
                    command("kit new")
                ],
            );
        }
        return Ok(None);
    };
    if let Some(offer) = offer {
        terminal.say(offer)?;
        if terminal.ask("Make one now? [Y/n]")?.to_lowercase().starts_with('n') {
            say_none(context);
            return Ok(None);
        }
    }
    if offer.is_none() && vault.kits().iter().any(|kit| kit.valid) {
        terminal.say(
            "\nAfter this rotation, the existing recovery kits open only older vault files.\n\
             The new kit replaces them.",
        )?;
    }
    let making = Making::begin(vault)?;
    let place = store.place();
    making.show(&mut terminal, &making.page(vault, &place), true)?;
    Ok(Some(making))
}

fn say_none(context: &Context) {
    context.output.warn(
        "no-kit",
        words![
            "this vault has no recovery kit: if the keychain or the password is lost, so is everything in it. Make one \
             with ",
            command("kit new")
        ],
    );
}

/// Makes a kit valid whose code has been handed over, and proves that it opens the vault. Where it does not, it is
/// ended, and `file`, which holds its code, goes.
///
/// # Errors
/// Those of a vault write; where the code does not open the vault.
pub fn add(
    vault: &mut Unlocked,
    making: &Making,
    store: &FolderStore,
    password: &Password,
    file: Option<&Path>,
) -> Result<(), Failure> {
    let added = vault.add_kit(&making.kit, password);
    let proven = making.prove(store);
    let name = making.kit.name();
    match (added, proven) {
        (Ok(()), Ok(())) => Ok(()),
        // A write that was reported as failed may have been done: then the kit is as good as any.
        (Err(error), Ok(())) => {
            let hint = words![format!("kit {name} opens the vault anyway: keep its code, and run "), command("doctor")];
            Err(Failure::of("add the recovery kit", error).hint(hint))
        }
        (added, Err(unproven)) => {
            if added.is_ok() {
                // Best effort: nobody is to rely on a kit that opens nothing.
                let _ = vault.revoke_kit(name.id, false);
            }
            withdraw(file);
            Err(added.err().map_or(unproven, |error| Failure::of("add the recovery kit", error)))
        }
    }
}

/// Takes back the file of a kit that did not come to be. Best effort: its code opens nothing.
pub fn withdraw(file: Option<&Path>) {
    if let Some(path) = file {
        let _ = std::fs::remove_file(path);
    }
}

/// Writes a code to a new file of its own, for its owner alone.
///
/// # Errors
/// Where something stands there, or the folder is copied elsewhere and that was not allowed.
pub fn save_code(path: &Path, code: &str, allow_synced: bool) -> Result<(), Failure> {
    let line = Zeroizing::new(format!("{code}\n"));
    save(path, line.as_bytes(), allow_synced)
}

/// Writes what holds a code to a new file, for its owner alone.
///
/// # Errors
/// As [`save_code`].
pub fn save(path: &Path, bytes: &[u8], allow_synced: bool) -> Result<(), Failure> {
    refuse_synced(path, allow_synced)?;
    let output = OutputFile::create(path, false).map_err(without_flags)?;
    let written = {
        let mut file: &File = output.file();
        file.write_all(bytes)
    };
    written.map_err(|error| Failure::io(format!("write {}", path.display()), &error))?;
    output.publish().map_err(without_flags)
}

fn refuse_synced(path: &Path, allow_synced: bool) -> Result<(), Failure> {
    if let (Some(service), false) = (synced_by(path), allow_synced) {
        return Err(Failure::new(Exit::Failed, "synced-folder", format!("cannot write the kit to {}", path.display()))
            .cause(format!("its folder belongs to {service}, which copies it to other computers"))
            .hint("name another folder, or accept that with --allow-synced"));
    }
    Ok(())
}

/// Returns a kit's secret from its file, else from the terminal.
///
/// # Errors
/// Where neither is there, or what is there is no code.
pub fn read_secret(context: &Context, file: Option<&Path>) -> Result<KitSecret, Failure> {
    if let Some(path) = file {
        let doing = || format!("read the kit file {}", path.display());
        let failed = |error| Failure::io(doing(), &error);
        let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_LIMIT));
        let opened = File::open(path).map_err(failed)?;
        std::io::Read::read_to_end(&mut std::io::Read::take(opened, FILE_LIMIT as u64), &mut bytes).map_err(failed)?;
        let secret = match std::str::from_utf8(&bytes) {
            Ok(text) => kit::read(text).map_err(|error| refused(&error.to_string())),
            Err(_) => Err(refused("the kit file is not UTF-8 text")),
        };
        return secret.map_err(|failure| {
            failure.hint(
                "the kit file holds the code alone, on one line or several; copy its groups into a file of their own",
            )
        });
    }
    let mut terminal = context.terminal().ok_or_else(|| {
        Failure::usage("the recovery code is needed, and there is no terminal to ask for it").hint("give --kit-file")
    })?;
    loop {
        let typed = terminal.ask_hidden("recovery code (14 groups; it is not shown)")?;
        match kit::read(&typed) {
            Ok(secret) => return Ok(secret),
            Err(error) => terminal.say(&format!("not a recovery code: {error}; try again"))?,
        }
    }
}

fn refused(cause: &str) -> Failure {
    Failure::new(Exit::WrongPassword, "bad-code", "this is no recovery code").cause(cause)
}
