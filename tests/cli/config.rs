//! `strongroom config`, and the defaults that it sets.

use std::fs;

use crate::support::home::Home;

const CONFIG: &str = ".config/strongroom/config.toml";

#[test]
fn a_key_is_set_shown_and_unset_and_the_rest_of_the_file_stays() {
    let home = Home::empty();
    home.run_alone("config get threads")
        .fails(4, "error: threads is not set\nhint: the default is: one for each core\n");
    home.run_alone("config set threads 4").does("threads is now 4\n");
    home.run_alone("config set threads 4").shows("threads was 4 already\n");
    home.run_alone("config get threads").shows("4\n");
    home.write(CONFIG, "# Mine.\nthreads = 4 # cores\n");
    home.run_alone("config set progress none -q").does("");
    assert_eq!(home.read(CONFIG), b"# Mine.\nthreads = 4 # cores\nprogress = \"none\"\n");
    home.run_alone("config list").shows(
        "\
KEY               VALUE  DEFAULT                        WHAT IT IS
keychain-timeout  -      60 at a terminal, 3 elsewhere  how long the OS keychain may take, in seconds
progress          none   auto                           how the progress of long work is shown
threads           4      one for each core              how many threads work on many or large files
",
    );
    let list = home.run_alone("config list --json").succeeds().json();
    assert_eq!((&list[0]["value"], &list[2]["value"]), (&serde_json::Value::Null, &"4".into()));
    home.run_alone("config unset progress").does("progress is no longer set; the default is: auto\n");
    home.run_alone("config unset progress").shows("progress was not set; the default is: auto\n");
    assert_eq!(home.read(CONFIG), b"# Mine.\nthreads = 4 # cores\n");
}

#[test]
fn what_is_set_is_the_default_of_the_flag() {
    let home = Home::with_project();
    home.write("a", "a");
    home.run_alone("config set progress json").does("progress is now json\n");
    let outcome = home.run("encrypt -p acme a");
    assert!(outcome.code() == 0 && outcome.stderr().starts_with("{\"progress\":"), "{}", outcome.stderr());
    home.run("encrypt -p acme a --force --progress none -q").does("");
    let help = home.run_alone("encrypt --help").succeeds().text();
    assert!(help.contains("[default: json]"), "{help}");
    // What is given is no longer the default's: the range is checked all the same.
    assert_eq!(home.run("encrypt -p acme a --threads 17").code(), 2);
}

#[test]
fn what_cannot_be_set_is_refused_and_a_wrong_file_can_be_mended() {
    let home = Home::with_project();
    let known = "see the keys with `strongroom config list`\n";
    home.run_alone("config set thread 4")
        .fails(2, &format!("error: there is no key \"thread\"\nhint: did you mean threads? {known}"));
    home.run_alone("config get vault").fails(2, &format!("error: there is no key \"vault\"\nhint: {known}"));
    home.run_alone("config set threads 17")
        .fails(2, &format!("error: threads takes a whole number from 1 to 16\nhint: {known}"));
    home.run_alone("config set progress loud --json").fails_in_json(2, "usage");
    home.write(CONFIG, "threads = \"many\"\n");
    home.run("project list").fails(
        1,
        "error: cannot use {home}/.config/strongroom/config.toml\ncause: threads takes a whole number from 1 to 16\n\
         hint: set it to such a value, or go back to the default: `strongroom config unset threads`\n",
    );
    home.run("project list --json").fails_in_json(1, "config");
    home.run_alone("config unset threads -q").does("");
    home.write(CONFIG, "trheads = 4\n");
    home.run("project list").fails(
        1,
        &format!(
            "error: cannot use {{home}}/.config/strongroom/config.toml\ncause: there is no key \"trheads\"\n\
             hint: did you mean threads? correct it in the file; {known}"
        ),
    );
    // The hint leads on: the list of the keys is shown, whatever the file says.
    let list = home.run_alone("config list");
    assert!(list.code() == 0 && list.text().contains("\nthreads           -      "), "{}", list.text());
    let warning = "warning: cannot use {home}/.config/strongroom/config.toml: there is no key \"trheads\"; until this \
                   is corrected, other commands are refused\n";
    assert_eq!(list.stderr(), warning.replace("{home}", home.folder().to_str().unwrap()));
    home.write(CONFIG, "threads = \n");
    let outcome = home.run_alone("config set threads 4").changed_nothing();
    assert!(outcome.code() == 1 && outcome.stderr().contains("it is not valid TOML: line 1"), "{}", outcome.stderr());
    home.run_alone("config unset threads -q").fails(1, "error: [..]\ncause: [..]\nhint: [..]\n");
    home.write(CONFIG, "threads = 4\n");
    let status = home.run_alone("status --json").succeeds().json();
    assert_eq!(status["config_file"], home.path(CONFIG).display().to_string());
    fs::remove_file(home.path(CONFIG)).unwrap();
    assert!(home.run_alone("status --json").succeeds().json().get("config_file").is_none());
    home.run("project list -q").succeeds();
}
