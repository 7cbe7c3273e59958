//! `strongroom run`: the program takes its place, and gets the key alone.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use crate::support::home::Home;

/// Returns a home, and the key of its project as it is printed, without the line end.
fn with_key() -> (Home, String) {
    let home = Home::with_project();
    let key = home.run("key show acme").succeeds().text().trim_end().to_owned();
    (home, key)
}

const RUN: &str = "strongroom --password-file pw run --project acme";

#[test]
fn the_exit_code_is_that_of_the_program() {
    let home = Home::with_project();
    home.shell(&format!("{RUN} --key-fd 9 -- sh -c 'exit 42'")).ends(42, "", "").changed_nothing();
    home.shell(&format!("{RUN} --key-fd 9 -- sh -c 'kill -TERM $$'; echo $?")).ends(0, "143\n", "[..]\n");
    home.run_alone("--password-file pw run -p acme --key-env KEY -- nosuch").fails(
        127,
        "error: cannot run nosuch\ncause: no such file or directory\nhint: check the program's name, or give its \
         whole path\n",
    );
    home.write("plain", "text");
    let not_executable =
        "error: cannot run ./plain\ncause: permission denied\nhint: name a program that you may execute\n";
    home.run_alone("--password-file pw run -p acme --key-env KEY -- ./plain").fails(126, not_executable);
    home.run_alone("--password-file pw run -p acme --key-env KEY --json -- ./plain")
        .fails_in_json(126, "command-not-run");
    home.run_alone("--password-file pw run -p acme --key-env KEY --json -- nosuch")
        .fails_in_json(127, "command-not-found");
}

#[test]
fn the_key_is_read_once_from_its_descriptor_also_by_a_grandchild() {
    let (home, key) = with_key();
    home.shell(&format!("{RUN} --key-fd 9 -- sh -c 'cat <&9; echo then; cat <&9; echo end'"))
        .does(&format!("{key}\nthen\nend\n"));
    home.shell(&format!("{RUN} --key-fd 3 -- sh -c 'sh -c \"cat <&3\"; cat <&3'")).does(&format!("{key}\n"));
    home.shell(&format!("echo data | {RUN} --key-fd 0 -- cat")).does(&format!("{key}\n"));
    home.shell(&format!("echo data | {RUN} --key-fd 7 -- cat")).does("data\n");
    home.shell(&format!("{RUN} --key-env MY_KEY1 -- sh -c 'sh -c \"echo \\$MY_KEY1\"'")).does(&format!("{key}\n"));
    home.shell(&format!("MY_KEY1=old {RUN} --key-env MY_KEY1 -- printenv MY_KEY1"))
        .warns(&format!("{key}\n"), "MY_KEY1 was set already: the program gets the new value\n");
}

#[test]
fn nothing_else_is_passed_on() {
    let home = Home::with_project();
    // `ls` itself opens the folder that it lists.
    let line = format!("{RUN} --key-fd 9 -- ls /proc/self/fd 5<pw 7<pw");
    home.shell(&line).does("0\n1\n2\n3\n9\n");
    let line = "strongroom --password-fd 5 run -p acme --key-env K -- ls /proc/self/fd 5<pw";
    home.shell(line).does("0\n1\n2\n3\n");
    let env = format!("STRONGROOM_VAULT=$HOME/.local/share/strongroom OTHER=x {RUN} --key-fd 9 -- env | grep -E");
    home.shell(&format!("{env} 'STRONG|OTHER'")).does("OTHER=x\n");
    let args = format!("{RUN} --key-env K -- sh -c 'tr \"\\0\" \" \" </proc/$$/cmdline' one two");
    home.shell(&args).does("sh -c tr \"\\0\" \" \" </proc/$$/cmdline one two ");
}

#[test]
fn the_program_is_as_it_would_be_without_strongroom() {
    let home = Home::with_project();
    let signals = "grep -E ^Sig(Blk|Ign) /proc/self/status";
    for trap in ["true", "trap '' HUP INT"] {
        let plain = home.shell(&format!("{trap}; grep -E '^Sig(Blk|Ign)' /proc/self/status")).succeeds().text();
        let quoted = signals.replace("^Sig(Blk|Ign)", "'^Sig(Blk|Ign)'");
        home.shell(&format!("{trap}; {RUN} --key-env K -- {quoted}")).does(&plain);
    }
    // PR_GET_DUMPABLE
    let dumpable = "python3 -c 'import ctypes; print(ctypes.CDLL(None).prctl(3))'";
    home.shell(&format!("{RUN} --key-fd 3 -- {dumpable}")).does("1\n");
    home.shell(&format!("{RUN} --key-fd 3 -- sh -c 'echo $$ >pid; cat pid' & wait $!; test $! = $(cat pid)"))
        .ends(0, "[..]\n", "");
}

#[test]
fn the_key_is_there_when_whoever_started_it_is_gone() {
    let (home, key) = with_key();
    let program = "sleep 1; cat <&9 >part; mv part got";
    home.shell(&format!("({RUN} --key-fd 9 -- sh -c '{program}' >/dev/null 2>&1 &)")).does("");
    for _ in 0..600 {
        if home.path("got").exists() {
            break;
        }
        sleep(Duration::from_millis(100));
    }
    assert_eq!(fs::read_to_string(home.path("got")).unwrap(), format!("{key}\n"));
}

#[test]
fn what_cannot_be_meant_is_refused_before_a_password_is_asked_for() {
    let home = Home::with_project();
    for (words, said) in [
        ("--key-fd 3 true", "unexpected argument 'true'"),
        ("--key-fd 3", "<COMMAND>"),
        ("--key-fd 3 --", "<COMMAND>"),
        ("-- true", "--key-fd <N>|--key-env <VAR>"),
        ("--key-fd 3 --key-env K -- true", "cannot be used with"),
        ("--key-fd 1 -- true", "standard output and standard error are not read"),
        ("--key-fd 2 -- true", "standard output and standard error are not read"),
        ("--key-fd=-1 -- true", "the number of a file descriptor"),
        ("--key-fd x -- true", "the number of a file descriptor"),
        ("--key-env 1K -- true", "does not begin with a digit"),
        ("--key-env A=B -- true", "letters, digits and underscores"),
        ("--key-env= -- true", "letters, digits and underscores"),
        ("--key-env STRONGROOM_KEY -- true", "are not passed on"),
    ] {
        let outcome = home.run_alone(&format!("run -p acme {words}")).changed_nothing();
        assert!(outcome.code() == 2 && outcome.stderr().contains(said), "{words}: {}", outcome.stderr());
    }
    let line = "strongroom --password-fd 0 run -p acme --key-fd 3 -- cat <pw";
    home.shell(line).fails(
        2,
        "error: the password cannot come through standard input, where the data comes from\nhint: use another \
         descriptor, as in --password-fd 3 3< FILE\n",
    );
    home.shell(&format!("ulimit -n 256; {RUN} --key-fd 400 -- true")).fails(
        2,
        "error: cannot give the program anything on descriptor 400\ncause: the number is above the limit of open files \
         (ulimit -n)\nhint: use a smaller number, such as 3\n",
    );
    home.run_alone("--password-file pw run -p acmee --key-fd 3 -- true")
        .ends(4, "", "[..]\n[..]\n[..]\n")
        .changed_nothing();
}
