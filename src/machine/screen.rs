//! Whether the screen locks by itself when nobody uses the computer.

use super::{Found, Kind, Machine, State, not_known};

/// Desktops whose settings gsettings has: a word of the desktop's name, the schema that says whether the screen locks,
/// and the schema and key of the seconds until it is idle.
const GSETTINGS: [(&str, &str, &str, &str); 4] = [
    ("gnome", "org.gnome.desktop.screensaver", "org.gnome.desktop.session", "idle-delay"),
    ("unity", "org.gnome.desktop.screensaver", "org.gnome.desktop.session", "idle-delay"),
    ("cinnamon", "org.cinnamon.desktop.screensaver", "org.cinnamon.desktop.session", "idle-delay"),
    ("mate", "org.mate.screensaver", "org.mate.session", "idle-delay"),
];

/// Says whether the screen locks by itself.
pub fn locks(machine: &Machine) -> Found {
    match machine.kind {
        Kind::Linux | Kind::Other => on_desktop(machine),
        Kind::MacOs => on_macos(machine),
        Kind::Windows => on_windows(machine),
    }
}

fn on_desktop(machine: &Machine) -> Found {
    let Some(desktop) = &machine.desktop else { return not_known("this session names no desktop") };
    let names: Vec<String> = desktop.split(':').map(str::to_lowercase).collect();
    let is = |word: &str| names.iter().any(|name| name == word || name.ends_with(&format!("-{word}")));
    if is("kde") {
        return on_kde(machine);
    }
    match GSETTINGS.iter().find(|(word, ..)| is(word)) {
        Some((_, lock, session, idle)) => by_gsettings(machine, lock, (session, idle)),
        None => not_known(format!("nothing is known of the desktop {desktop}")),
    }
}

fn by_gsettings(machine: &Machine, lock: &str, (session, idle): (&str, &str)) -> Found {
    let get = |schema: &str, key: &str| {
        let ran = machine.run("gsettings", &["get", schema, key]).filter(|ran| ran.succeeded)?;
        Some(ran.out.trim().to_owned())
    };
    let is_on = match get(lock, "lock-enabled").as_deref() {
        Some("true") => true,
        Some("false") => false,
        _ => return not_known("gsettings does not say"),
    };
    // A whole number has its type before it: `uint32 300`.
    let seconds = get(session, idle).and_then(|text| text.rsplit(' ').next()?.parse::<u64>().ok());
    match seconds {
        None => not_known("gsettings does not say"),
        Some(seconds) => locks_after(is_on, seconds),
    }
}

fn on_kde(machine: &Machine) -> Found {
    let read = |key: &str, default: &str| {
        let args = ["--file", "kscreenlockerrc", "--group", "Daemon", "--key", key, "--default", default];
        let read = |program| machine.run(program, &args).filter(|ran| ran.succeeded);
        Some(read("kreadconfig6").or_else(|| read("kreadconfig5"))?.out.trim().to_owned())
    };
    let is_on = match read("Autolock", "true").as_deref() {
        Some("true") => true,
        Some("false") => false,
        _ => return not_known("the desktop does not say"),
    };
    match read("Timeout", "5").and_then(|minutes| minutes.parse::<u64>().ok()) {
        None => not_known("the desktop does not say"),
        Some(minutes) => locks_after(is_on, minutes.saturating_mul(60)),
    }
}

fn on_macos(machine: &Machine) -> Found {
    let Some(ran) = machine.run("/usr/sbin/sysadminctl", &["-screenLock", "status"]) else {
        return not_known("sysadminctl does not say");
    };
    // It answers on standard error.
    let said = ran.out + &ran.err;
    if said.contains("screenLock is off") {
        return (State::NotMet, "the screen does not ask for the password".into());
    }
    match said.contains("screenLock delay is") {
        true => (State::Met, "the screen asks for the password".into()),
        false => not_known("sysadminctl does not say"),
    }
}

fn on_windows(machine: &Machine) -> Found {
    let ask = |value: &str| {
        let ran = machine.run("reg.exe", &["query", r"HKCU\Control Panel\Desktop", "/v", value])?;
        ran.out.split_whitespace().last().filter(|_| ran.succeeded).map(str::to_owned)
    };
    match (ask("ScreenSaveActive").as_deref(), ask("ScreenSaverIsSecure").as_deref(), ask("ScreenSaveTimeOut")) {
        (Some("1"), Some("1"), Some(seconds)) => seconds
            .parse()
            .map_or_else(|_| not_known("the registry does not say"), |seconds| locks_after(true, seconds)),
        // Another setting may lock it all the same.
        _ => not_known("the screen saver does not lock, and nothing is known of what else may"),
    }
}

fn locks_after(is_on: bool, seconds: u64) -> Found {
    /// Nobody calls a screen locked that anybody can use for half an hour.
    const LONGEST: u64 = 30 * 60;
    match seconds {
        _ if !is_on => (State::NotMet, "the screen does not lock".into()),
        0 => (State::NotMet, "the screen never gets idle, and so does not lock".into()),
        seconds if seconds > LONGEST => (State::NotMet, format!("the screen locks only after {} min", seconds / 60)),
        seconds => (State::Met, format!("the screen locks after {}", in_words(seconds))),
    }
}

fn in_words(seconds: u64) -> String {
    if seconds.is_multiple_of(60) { format!("{} min", seconds / 60) } else { format!("{seconds} s") }
}
