//! Clients that do not behave: nobody else waits for them, and nothing grows.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use strongroom::agent::limits::{CONNECTIONS, LINE_TIME, QUESTION_LIMIT};
use strongroom::agent::protocol::{Answer, Question, Refusal};
use strongroom::vault::NewProject;

use super::home::{Agent, Home};

/// A question takes a tenth of a millisecond; the computer of a test may be busy.
const SOON: Duration = Duration::from_millis(1500);

fn connect(agent: &Agent) -> UnixStream {
    let stream = UnixStream::connect(agent.place.socket()).expect("the agent listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream
}

fn answer(stream: &UnixStream) -> Option<Answer> {
    let mut line = Vec::new();
    // An end without a word is none; so is a connection that was reset.
    BufReader::new(stream).read_until(b'\n', &mut line).ok()?;
    line.pop()?;
    Some(Answer::read(&line).expect("an answer"))
}

fn refusal(stream: &UnixStream) -> Option<Refusal> {
    match answer(stream) {
        Some(Answer::Refused(refusal)) => Some(refusal),
        Some(other) => panic!("{other:?}"),
        None => None,
    }
}

/// Asks as a client that behaves, on a connection of its own.
fn is_answered_soon(agent: &Agent) {
    let started = Instant::now();
    let client = agent.client();
    client.file_key("acme", None).expect("a key");
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
}

/// A list of these does not fit into the buffer of a socket.
fn many_projects() -> Vec<NewProject> {
    let new =
        |number: u32| NewProject { name: format!("project-{number}"), note: "x".repeat(4000), ..NewProject::default() };
    (0..120).map(new).collect()
}

fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

#[test]
fn connections_that_say_nothing_or_half_a_line_shut_nobody_out() {
    let home = Home::new();
    let agent = home.agent();
    for part in [&b""[..], b"{", br#"{"v":1,"ask":"stat"#] {
        let held: Vec<UnixStream> = (0..CONNECTIONS * 3)
            .map(|_| {
                let mut stream = connect(&agent);
                // The agent may have closed it already, for the next one.
                let _ = stream.write_all(part);
                stream
            })
            .collect();
        for _ in 0..20 {
            is_answered_soon(&agent);
        }
        // A client that was open before is closed and comes again, unseen.
        let client = agent.client();
        let _more: Vec<UnixStream> = (0..CONNECTIONS * 2).map(|_| connect(&agent)).collect();
        let started = Instant::now();
        client.names().expect("names");
        assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
        assert!(client.status().expect("a status").connections <= CONNECTIONS);
        drop(held);
    }
}

#[test]
fn a_line_that_drips_is_cut_off_in_time() {
    let home = Home::new();
    let agent = home.agent();
    let started = Instant::now();
    let dripping: Vec<_> = (0..CONNECTIONS / 2)
        .map(|_| {
            let mut stream = connect(&agent);
            std::thread::spawn(move || {
                // A byte each time resets the timeout of a read, but not that of a line.
                for byte in br#"{"v":1,"ask":{"project":{"name":"acme acme acme acme acme acme acme"#.iter().cycle() {
                    if stream.write_all(&[*byte]).is_err() {
                        return (started.elapsed(), None);
                    }
                    std::thread::sleep(Duration::from_millis(100));
                    stream.set_nonblocking(true).expect("a mode");
                    let mut first = [0; 1];
                    let has_answer = stream.read(&mut first).is_ok();
                    stream.set_nonblocking(false).expect("a mode");
                    if has_answer {
                        let mut rest = String::new();
                        let _ = stream.read_to_string(&mut rest);
                        return (started.elapsed(), Some(rest));
                    }
                }
                unreachable!("a cycle does not end");
            })
        })
        .collect();
    for _ in 0..20 {
        is_answered_soon(&agent);
    }
    for drip in dripping {
        let (took, said) = drip.join().expect("no panic");
        assert!(took >= LINE_TIME && took < LINE_TIME * 5, "{took:?}");
        assert!(said.is_none_or(|said| said.contains("too-slow")));
    }
    let client = agent.client();
    assert_eq!(client.status().expect("a status").connections, 1);
}

#[test]
fn a_line_that_is_too_long_is_refused_in_words() {
    let home = Home::new();
    let agent = home.agent();
    let exact = |length: usize| {
        let empty = Question::Project { name: String::new() }.to_line();
        let name = "a".repeat(length - empty.as_bytes().len());
        Question::Project { name }.to_line()
    };
    let mut stream = connect(&agent);
    stream.write_all(exact(QUESTION_LIMIT).as_bytes()).expect("sent");
    assert!(matches!(answer(&stream), Some(Answer::Failed(_))), "the longest line there may be is read");
    // The agent stops to read, so that not all of it may be sent, and the answer may be lost with the rest.
    let _ = stream.write_all(exact(QUESTION_LIMIT + 1).as_bytes());
    assert!(refusal(&stream).is_none_or(|refusal| refusal == Refusal::TooLong));
    for length in [QUESTION_LIMIT, QUESTION_LIMIT * 4, QUESTION_LIMIT * 64] {
        let mut stream = connect(&agent);
        let _ = stream.write_all(&vec![b'x'; length]);
        assert!(refusal(&stream).is_none_or(|refusal| refusal == Refusal::TooLong));
    }
    is_answered_soon(&agent);
}

#[test]
fn malformed_lines_are_answered_and_nothing_grows() {
    let home = Home::new();
    let agent = home.agent();
    let lines = [
        &b"\n"[..],
        b"{}\n",
        b"\0\n",
        b"\xff\xfe\n",
        b"[[[[[[\n",
        b"{\"v\":1,\"ask\":\"unlock\"}\n",
        b"GET / HTTP/1.1\n",
    ];
    let abuse = |rounds: usize| {
        let mut stream = connect(&agent);
        for round in 0..rounds {
            stream.write_all(lines[round % lines.len()]).expect("sent");
            assert_eq!(refusal(&stream), Some(Refusal::Malformed), "{round}");
        }
        for _ in 0..rounds / 10 {
            let mut stream = connect(&agent);
            stream.write_all(lines[2]).expect("sent");
            assert_eq!(refusal(&stream), Some(Refusal::Malformed));
        }
    };
    abuse(2000);
    let (memory, count) = (resident(), threads());
    abuse(20_000);
    is_answered_soon(&agent);
    let grown = resident().saturating_sub(memory);
    // The other tests of this process run beside this one.
    assert!(grown < 64 << 20, "{grown} bytes");
    assert!(threads() < count + 200, "{} threads", threads());
    let other = connect(&agent);
    (&other).write_all(b"{\"v\":7,\"ask\":\"names\"}\n").expect("sent");
    assert_eq!(refusal(&other), Some(Refusal::OtherProtocol { speaks: 1 }));
}

#[test]
fn several_questions_in_one_piece_are_answered_one_after_another() {
    let home = Home::new();
    let agent = home.agent();
    let mut stream = connect(&agent);
    let mut lines = Vec::new();
    for question in [Question::Names, Question::Writable, Question::Hello] {
        lines.extend_from_slice(question.to_line().as_bytes());
    }
    stream.write_all(&lines).expect("sent");
    let mut reader = BufReader::new(&stream);
    let mut next = || {
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line).expect("an answer");
        line.pop();
        Answer::read(&line).expect("an answer")
    };
    assert!(matches!(next(), Answer::Names(_)));
    assert!(matches!(next(), Answer::Writable));
    assert!(matches!(next(), Answer::Hello { .. }));
}

#[test]
fn a_client_that_goes_away_midway_is_forgotten() {
    let home = Home::new();
    let mut unlocked = home.unlocked();
    unlocked.add_projects(&many_projects()).expect("projects");
    let agent = home.agent();
    let mut unread = Vec::new();
    for round in 0..CONNECTIONS * 2 {
        let mut stream = connect(&agent);
        stream.write_all(Question::Projects.to_line().as_bytes()).expect("sent");
        match round % 4 {
            // Gone before, during and after the answer; one that never reads.
            0 => {}
            1 => drop(stream.read(&mut [0; 100])),
            2 => drop(answer(&stream)),
            _ if unread.len() < 8 => {
                unread.push(stream);
                continue;
            }
            _ => {}
        }
    }
    is_answered_soon(&agent);
    drop(unread);
    let client = agent.client();
    let started = Instant::now();
    while client.status().expect("a status").connections > 1 {
        assert!(started.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(agent.end().wiped);
}

#[test]
fn clients_that_do_not_read_their_answers_shut_nobody_out() {
    let home = Home::new();
    let mut unlocked = home.unlocked();
    unlocked.add_projects(&many_projects()).expect("projects");
    let agent = home.agent();
    let mut unread = Vec::new();
    for _ in 0..CONNECTIONS * 2 {
        let mut stream = connect(&agent);
        stream.write_all(Question::Projects.to_line().as_bytes()).expect("sent");
        unread.push(stream);
    }
    for _ in 0..20 {
        is_answered_soon(&agent);
    }
    assert!(agent.client().status().expect("a status").connections <= CONNECTIONS);
    drop(unread);
}

#[test]
fn of_two_agents_that_start_at_once_one_wins() {
    let home = Home::new();
    let unlocked: Vec<_> = (0..8).map(|_| home.place()).collect();
    let taken: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = unlocked.iter().map(|place| scope.spawn(move || place.take())).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(taken.iter().filter(|taken| taken.is_ok()).count(), 1, "{taken:?}");
    drop(taken);
    let agent = home.agent();
    is_answered_soon(&agent);
}
