//! Standard input and output as data: pipelines, readers that leave, streams that were altered, parts of a file.

use std::fs;

use crate::support::home::Home;

const CHUNK: usize = 16384;
const SEALED_CHUNK: usize = CHUNK + 16;
/// How many chunks are worked on at once.
const BATCH: usize = 32;
/// Where the chunks begin: after two header blocks, salt and commitment.
const BODY: usize = 2 * 4096 + 56;

/// Bytes of which no two chunks are the same.
fn data(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

/// A home with `data` of this length and its sealed copy.
fn home_with(length: usize) -> (Home, Vec<u8>, Vec<u8>) {
    let home = Home::with_project();
    let plain = data(length);
    home.write("data", &plain);
    home.run("encrypt -p acme data").succeeds();
    let sealed = home.read("data.sealed");
    (home, plain, sealed)
}

#[test]
fn what_goes_through_pipes_comes_back_at_every_telling_length() {
    let (home, ..) = home_with(1);
    for length in [0, 1, CHUNK, BATCH * CHUNK - 1, BATCH * CHUNK, 3 * BATCH * CHUNK + 1] {
        home.write("data", data(length));
        let line = "
            cat data | strongroom encrypt -p acme - --password-file pw | cat |
                strongroom decrypt - --password-file pw | cmp - data && echo same";
        home.shell(line).shows("same\n");
    }
}

#[test]
fn a_stream_and_a_file_are_sealed_alike() {
    let home = Home::with_project();
    let plain = data(3 * CHUNK);
    home.write("data", &plain);
    home.shell("cat data | strongroom encrypt -p acme - -o s.sealed --password-file pw")
        .does("standard input -> s.sealed (project acme, key version 1)\n");
    assert_eq!((home.mode("s.sealed"), home.read("s.sealed").len()), (0o600, BODY + 4 * 16 + plain.len()));
    assert!(home.run("decrypt s.sealed -o -").succeeds().changed_nothing().bytes() == plain);
    home.shell("cat s.sealed | strongroom decrypt - -o opened --password-file pw")
        .does("standard input -> opened (project acme, key version 1)\n");
    assert!(home.read("opened") == plain && home.mode("opened") == 0o600);
    let sealed = home.run("encrypt -p acme data -o -").succeeds().changed_nothing();
    home.write("t.sealed", sealed.bytes());
    assert!(home.run("decrypt t.sealed -o -").succeeds().bytes() == plain);
    // What came without a name has none to go back to.
    home.run("decrypt s.sealed --original-name").fails(
        1,
        "\
error: cannot decrypt s.sealed
cause: no name is sealed in it
hint: leave out --original-name, or name the output with -o
",
    );
}

#[test]
fn results_of_streams_are_told_in_json_where_they_go_to_a_file() {
    let home = Home::with_project();
    home.write("data", "forty-two");
    let sealed = home.shell("strongroom encrypt -p acme - -o s --json --password-file pw < data").succeeds().json();
    assert_eq!((sealed[0]["input"].as_str(), sealed[0]["bytes"].as_u64()), (Some("-"), Some(9)));
    let opened = home.shell("strongroom decrypt - -o opened --json --password-file pw < s").succeeds().json();
    assert_eq!((opened[0]["output"].as_str(), opened[0]["bytes"].as_u64()), (Some("opened"), Some(9)));
    for words in ["encrypt -p acme data -o -", "encrypt -p acme -", "decrypt s -o -", "decrypt -"] {
        let (message, _) = home.run_alone(&format!("{words} --json")).fails_in_json(2, "usage");
        assert_eq!(message, "--json prints on standard output, where the data goes", "{words}");
    }
}

#[test]
fn the_password_has_a_descriptor_of_its_own_beside_the_data() {
    let (home, ..) = home_with(1);
    home.write("data", "from the pipe");
    let line = "
        cat data | strongroom encrypt -p acme - --password-fd 3 3< pw |
            strongroom decrypt - --password-fd 3 3< pw";
    home.shell(line).shows("from the pipe");
    for words in ["encrypt -p acme -", "encrypt -p acme - -o s", "decrypt -"] {
        home.typed(words).args(["--password-fd", "0"]).input(b"which is it?\n").run().fails(
            2,
            "\
error: the password cannot come through standard input, where the data comes from
hint: use another descriptor, as in --password-fd 3 3< FILE
",
        );
    }
}

#[test]
fn the_source_of_the_password_is_never_read_as_data_or_as_a_list() {
    let home = Home::with_project();
    home.write("a", "data");
    home.run("encrypt -p acme a").succeeds();
    std::os::unix::fs::symlink("pw", home.path("link")).unwrap();
    // Standard input by each of its names, as a file and as a pipe; and one file by two names.
    let mut lines = Vec::new();
    for from in ["--password-fd 0", "--password-file /dev/stdin", "--password-file /proc/self/fd/0"] {
        for (before, after) in [("", " < pw"), ("cat pw | ", "")] {
            lines.push((before, format!("{from} {{}}{after}")));
        }
    }
    lines.push(("", "--password-file pw {} < pw".into()));
    let refusal = |what: &str| {
        format!(
            "\
error: the password cannot come {what}
hint: use another descriptor, as in --password-fd 3 3< FILE
"
        )
    };
    for (before, line) in &lines {
        let run = |words: &str| home.shell(&format!("{before}strongroom {}", line.replace("{}", words)));
        for words in ["encrypt -p acme", "decrypt", "verify", "rewrap -p acme", "reencrypt -p acme"] {
            let list = run(&format!("{words} --files-from -"));
            list.fails(2, &refusal("from where the list of files comes from"));
        }
        for words in ["encrypt -p acme - -o s", "decrypt - -o s"] {
            run(words).fails(2, &refusal("through standard input, where the data comes from"));
        }
    }
    for list in ["pw", "link"] {
        let list = home.run(&format!("verify --files-from {list}"));
        list.fails(2, &refusal("from where the list of files comes from"));
    }
}

#[test]
fn no_line_of_a_list_that_names_nothing_is_shown() {
    let home = Home::with_project();
    home.write("a", "data");
    home.write("list", "a\r\n\nmy-other-password\n");
    for words in ["encrypt -p acme", "decrypt", "verify", "rewrap -p acme", "reencrypt -p acme"] {
        home.run(&format!("{words} --files-from list")).fails(
            4,
            "\
error: cannot read the file that line 3 of list names
cause: no such file or directory
hint: check that line of the list; nothing was written
",
        );
    }
    let line = "printf 'a\\0my-other-password' | strongroom verify --files-from - --json --password-file pw";
    let (message, _) = home.shell(line).fails_in_json(4, "input-not-found");
    assert_eq!(message, "cannot read the file that line 2 of standard input names: no such file or directory");
}

/// Every way a stream can be altered late, with how many bytes at most may come out before that is noticed.
fn altered(sealed: &[u8], length: usize) -> Vec<(&'static str, Vec<u8>, usize)> {
    let chunk = |number: usize| BODY + number * SEALED_CHUNK;
    let mut altered = Vec::new();
    let mut flipped = sealed.to_vec();
    flipped[chunk(100) + 7] ^= 1;
    altered.push(("flipped", flipped, 100 * CHUNK));
    let mut last = sealed.to_vec();
    *last.last_mut().unwrap() ^= 0x80;
    altered.push(("its last byte flipped", last, length / CHUNK * CHUNK));
    let mut swapped = sealed.to_vec();
    let (from, to) = (chunk(70)..chunk(71), chunk(71)..chunk(72));
    swapped[from.clone()].copy_from_slice(&sealed[to.clone()]);
    swapped[to].copy_from_slice(&sealed[from]);
    altered.push(("swapped", swapped, 70 * CHUNK));
    altered.push(("cut at a chunk's end", sealed[..chunk(90)].to_vec(), 90 * CHUNK));
    altered.push(("cut at a batch's end", sealed[..chunk(2 * BATCH)].to_vec(), 2 * BATCH * CHUNK));
    altered.push(("cut in a chunk", sealed[..chunk(90) + 5000].to_vec(), 90 * CHUNK));
    altered.push(("cut in a tag", sealed[..chunk(90) + 15].to_vec(), 90 * CHUNK));
    altered.push(("extended", [sealed, &[0]].concat(), length / CHUNK * CHUNK));
    altered.push(("extended by a chunk", [sealed, &sealed[chunk(3)..chunk(4)]].concat(), length / CHUNK * CHUNK));
    altered
}

#[test]
fn of_an_altered_stream_nothing_comes_out_but_an_authentic_beginning() {
    let (home, plain, sealed) = home_with(150 * CHUNK + 1000);
    for (how, altered, most) in altered(&sealed, plain.len()) {
        home.write("altered", altered);
        let outcome = home.shell("cat altered | strongroom decrypt - --password-file pw > got; echo $?");
        let (code, stderr) = (outcome.text(), outcome.stderr());
        assert_eq!(code, "5\n", "{how}: {stderr}");
        let mut lines = stderr.lines();
        assert_eq!(lines.next(), Some("error: cannot decrypt standard input"), "{how}");
        let cause = lines.next().unwrap();
        assert!(cause.ends_with("; what was written before that is authentic, but not whole"), "{how}: {cause}");
        let got = home.read("got");
        assert!(plain.starts_with(&got) && got.len() <= most, "{how}: {} bytes", got.len());
        fs::remove_file(home.path("got")).unwrap();
        // A file stands only once the whole is proven.
        let outcome = home.shell("exec strongroom decrypt - -o none --password-file pw < altered");
        assert_eq!(outcome.code(), 5, "{how}");
        outcome.changed_nothing();
    }
}

#[test]
fn what_is_no_sealed_stream_is_refused_without_a_byte() {
    let (home, _, sealed) = home_with(100);
    for length in [0, 1, 4096, 2 * 4096, BODY - 1, BODY, BODY + 15] {
        let outcome = home.typed("decrypt - --password-file pw").input(&sealed[..length]).run();
        assert_eq!((outcome.code(), outcome.bytes().len()), (5, 0), "{length}: {}", outcome.stderr());
    }
    let outcome = home.typed("decrypt - --password-file pw").input(b"just text").run();
    assert_eq!((outcome.code(), outcome.bytes().len()), (4, 0), "{}", outcome.stderr());
}

#[test]
fn a_reader_that_leaves_early_ends_it_without_a_word() {
    let (home, _, _) = home_with(8 << 20);
    for words in ["decrypt data.sealed -o -", "decrypt - < data.sealed", "cat data.sealed"] {
        let line = format!("{{ strongroom --password-file pw {words}; echo $? > code; }} | head -c 1 | wc -c");
        home.shell(&line).does("1\n");
        assert_eq!(home.read("code"), b"0\n", "{words}");
    }
}

const CUT_SHORT: &str = "\
error: cannot write standard output
cause: the program that reads it ended before all of it was written
hint: it has read only a part: run both again
";

#[test]
fn sealed_data_and_secrets_that_nobody_read_to_the_end_are_a_failure() {
    let (home, _, _) = home_with(8 << 20);
    home.write("folder/data", home.read("data"));
    for words in ["encrypt -p acme data -o -", "encrypt -p acme - < data", "encrypt -p acme --archive folder -o -"] {
        let line = format!("{{ strongroom --password-file pw {words}; echo $? > code; }} | head -c 1 | wc -c");
        home.shell(&line).warns("1\n", CUT_SHORT);
        assert_eq!(home.read("code"), b"1\n", "{words}");
    }
    for words in ["key show acme", "key show acme --json", "key show acme --format raw", "kit new --json"] {
        let line = format!("exec bash -c 'exec 9> >(:); wait $!; strongroom --password-file pw {words} >&9'");
        let outcome = home.shell(&line);
        assert_eq!(outcome.code(), 1, "{words}: {}", outcome.stderr());
    }
}

#[test]
fn what_a_command_prints_is_kept_only_if_the_command_ends_well() {
    let home = Home::with_project();
    home.typed("encrypt -p acme -o dump.sealed --password-file pw --from-command")
        .arg("printf 'a dump'")
        .run()
        .does("the command's output -> dump.sealed (project acme, key version 1)\n");
    home.run("cat dump.sealed").shows("a dump");
    // The password may come through standard input, which the command does not get.
    let empty = home
        .typed("encrypt -p acme -o empty.sealed --json --password-fd 0 --from-command cat")
        .input(&home.read("pw"))
        .run()
        .succeeds()
        .json();
    assert_eq!((empty[0]["input"].as_str(), empty[0]["bytes"].as_u64()), (Some("-"), Some(0)));
    for (command, how) in [
        ("printf part; exit 3", "ended with exit code 3"),
        ("printf part; kill -9 $$", "was ended by signal 9"),
        ("head -c 300000 /dev/zero; no-such-program 2> /dev/null", "ended with exit code 127"),
    ] {
        home.typed("encrypt -p acme -o none.sealed --password-file pw --from-command").arg(command).run().fails(
            1,
            &format!(
                "\
error: cannot encrypt the command's output
cause: the command {how}; nothing was kept
hint: run the command by itself to see why
"
            ),
        );
    }
    let (message, _) = home
        .typed("encrypt -p acme -o none.sealed --password-file pw --json --from-command false")
        .run()
        .fails_in_json(1, "command-failed");
    assert_eq!(message, "cannot encrypt the command's output: the command ended with exit code 1; nothing was kept");
    home.write("data", "data");
    for words in ["--from-command true", "--from-command true -o -", "--from-command true -o s data"] {
        let outcome = home.run_alone(&format!("encrypt -p acme {words}"));
        assert_eq!(outcome.code(), 2, "{words}: {}", outcome.stderr());
        outcome.changed_nothing();
    }
}

#[test]
fn an_interruption_ends_the_command_too() {
    let home = Home::with_project();
    let before = home.contents();
    let child = home
        .typed("encrypt -p acme -o none.sealed --password-file pw --from-command")
        .arg("echo $$ > number; mv number started; exec sleep 1000")
        .start();
    while !home.path("started").exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let number = String::from_utf8(home.read("started")).unwrap();
    home.shell(&format!("kill -INT {}", child.id())).succeeds();
    child.wait_with_output().unwrap();
    // It was sent its signal before this program ended, and ends when it gets to it.
    while fs::read_to_string(format!("/proc/{}/comm", number.trim())).is_ok_and(|comm| comm == "sleep\n") {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    fs::remove_file(home.path("started")).unwrap();
    assert!(home.contents() == before);
}

#[test]
fn a_stream_on_a_full_disk_is_a_failure() {
    let (home, _, _) = home_with(100);
    for words in ["encrypt -p acme data -o -", "decrypt data.sealed -o -", "decrypt - < data.sealed", "cat data.sealed"]
    {
        home.shell(&format!("exec strongroom --password-file pw {words} > /dev/full")).fails(
            1,
            "\
error: cannot write standard output
cause: no space left on device
hint: free some space and run it again
",
        );
    }
}

#[test]
fn a_part_is_what_the_same_part_of_the_original_is() {
    let length = (BATCH + 2) * CHUNK + 100;
    let (home, plain, _) = home_with(length);
    let end = length as u64;
    let chunk = CHUNK as u64;
    for (offset, count) in [
        (0, 0),
        (0, 1),
        (chunk - 1, 1),
        (chunk - 1, 2),
        (chunk, chunk),
        (chunk + 1, 2 * chunk),
        (0, BATCH as u64 * chunk + 1),
        (end - 100, 100),
        (end - 101, u64::MAX),
        (end - 1, 5),
        (end, 1),
        (end + 1, 1),
        (u64::MAX, u64::MAX),
    ] {
        let part = home.run(&format!("cat data.sealed --offset {offset} --length {count}")).succeeds();
        let from = offset.min(end) as usize;
        let to = offset.saturating_add(count).min(end) as usize;
        assert!(part.bytes() == &plain[from..to], "{offset} {count}: {} bytes", part.bytes().len());
        part.changed_nothing();
    }
    assert!(home.run("cat data.sealed --offset 5").succeeds().bytes() == &plain[5..]);
    assert!(home.run("cat data.sealed").succeeds().bytes() == plain);
}

#[test]
fn parts_are_of_whole_numbers_and_of_files() {
    let (home, ..) = home_with(10);
    for words in ["data.sealed --offset -1", "data.sealed --length 1.5", "data.sealed --json", "-"] {
        assert_eq!(home.run_alone(&format!("cat {words}")).code(), 2, "{words}");
    }
    assert_eq!(home.run_alone("cat none.sealed").code(), 4);
    assert_eq!(home.run_alone("cat .").code(), 1);
    assert_eq!(home.run("cat data").code(), 4);
}

#[test]
fn damage_is_noticed_in_what_is_read_and_at_the_end() {
    let (home, plain, sealed) = home_with(5 * CHUNK + 100);
    let flip = |chunk: usize| {
        let mut altered = sealed.clone();
        altered[BODY + chunk * SEALED_CHUNK + 3] ^= 4;
        home.write("altered.sealed", altered);
    };
    let part = format!("cat altered.sealed --offset {} --length {}", 2 * CHUNK, CHUNK);
    for elsewhere in [0, 1, 3, 4] {
        flip(elsewhere);
        let part = home.run(&part).succeeds();
        assert!(part.bytes() == &plain[2 * CHUNK..3 * CHUNK], "chunk {elsewhere} is damaged");
    }
    flip(2);
    home.run(&part).fails(
        5,
        "\
error: cannot decrypt altered.sealed
cause: altered.sealed is damaged: chunk 3 of 6 failed its integrity check
hint: [..]
",
    );
    // The final chunk says where everything is.
    flip(5);
    let outcome = home.run(&part);
    let stderr = outcome.stderr().to_owned();
    assert!(stderr.contains("the final chunk of 6 failed its integrity check"), "{stderr}");
    outcome.fails(5, &stderr);
    // A file cut at a chunk's end is no shorter file.
    home.write("altered.sealed", &sealed[..BODY + 4 * SEALED_CHUNK]);
    assert_eq!(home.run("cat altered.sealed --length 1").code(), 5);
}

#[test]
fn standard_input_is_one_file_alone() {
    let (home, ..) = home_with(10);
    fs::create_dir(home.path("folder")).unwrap();
    for words in [
        "encrypt -p acme - data",
        "encrypt -p acme - -",
        "encrypt -p acme - -o folder",
        "encrypt -p acme - --remove -o s",
        "encrypt -p acme data --remove -o -",
        "encrypt -p acme folder -o -",
        "encrypt -p acme data data.sealed -o -",
        "encrypt -p acme - --files-from -",
        "encrypt -p acme - --hide-names",
        "decrypt - data.sealed",
        "decrypt - -o folder",
        "decrypt folder -o -",
        "decrypt - --original-name",
    ] {
        let outcome = home.run_alone(words);
        assert_eq!((outcome.code(), outcome.bytes().len()), (2, 0), "{words}: {}", outcome.stderr());
        outcome.changed_nothing();
    }
    // What stands under the name of an output stays.
    home.write("kept", "kept");
    for words in ["encrypt -p acme - -o kept", "decrypt - -o kept", "encrypt -p acme - -o kept --update"] {
        assert_eq!(home.run(words).code(), 1, "{words}");
        assert_eq!(home.read("kept"), b"kept");
    }
}
