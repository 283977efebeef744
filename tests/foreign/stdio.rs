//! The standard streams, in a process of their own.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::time::Duration;

use annulus::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, stderr, stdin, stdout};
use annulus::time::timeout;

use crate::common::bound::{bound, run};

const CHILD: &str = "ANNULUS_TEST_STDIO";

/// Starts this test again as a child that `write` writes to; what it said on each stream.
fn child(name: &str, write: impl FnOnce(&mut std::process::ChildStdin) + Send) -> [String; 2] {
    let _bound = bound();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("stdio::{name}"), "--nocapture", "--test-threads", "1"])
        .env(CHILD, name)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || {
            write(&mut input);
        });
        child.wait_with_output().unwrap()
    });
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(output.status.success(), "{said:?}");
    said
}

fn is_child(name: &str) -> bool {
    std::env::var(CHILD).is_ok_and(|child| child == name)
}

#[test]
fn lines_go_in_and_come_out() {
    const NAME: &str = "lines_go_in_and_come_out";
    if is_child(NAME) {
        return run(async {
            let mut lines = BufReader::new(stdin().unwrap()).lines();
            let (mut out, mut err) = (stdout().unwrap(), stderr().unwrap());
            while let Some(line) = lines.next_line().await.unwrap() {
                out.write_all(format!("<{line}>\n")).await.unwrap();
            }
            err.write_all("all read\n").await.unwrap();
            // What std writes comes in its place.
            println!("after");
        });
    }
    let [out, err] = child(NAME, |input| input.write_all(b"one\ntwo\nthree").unwrap());
    assert!(out.contains("<one>\n<two>\n<three>\nafter\n"), "{out}");
    assert!(err.contains("all read\n"), "{err}");
}

#[test]
fn reads_that_are_given_up_lose_no_byte() {
    const NAME: &str = "reads_that_are_given_up_lose_no_byte";
    const TOTAL: usize = 20_000;
    if is_child(NAME) {
        return run(async {
            let input = stdin().unwrap();
            let (mut all, mut expired) = (Vec::new(), 0);
            loop {
                let read = input.read(Vec::with_capacity(64));
                match timeout(Duration::from_micros(20), read).await {
                    Err(_) => expired += 1,
                    Ok(read) => match read.unwrap() {
                        (0, _) => break,
                        (_, bytes) => all.extend_from_slice(&bytes),
                    },
                }
            }
            let numbers =
                all.chunks_exact(4).map(|four| u32::from_le_bytes(four.try_into().unwrap()));
            assert!(numbers.eq(0..TOTAL as u32 / 4), "{} bytes", all.len());
            assert!(expired > 0, "no read was given up");
            println!("read {} bytes", all.len());
        });
    }
    let [out, _] = child(NAME, |input| {
        let mut random = crate::common::soak::seed();
        let bytes: Vec<u8> = (0..TOTAL as u32 / 4).flat_map(u32::to_le_bytes).collect();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let count = random.usize(1..100).min(rest.len());
            input.write_all(&rest[..count]).unwrap();
            rest = &rest[count..];
            std::thread::sleep(Duration::from_micros(random.u64(0..60)));
        }
    });
    assert!(out.contains("read 20000 bytes"), "{out}");
}

#[test]
fn an_input_that_never_comes_does_not_hold_the_loop_up() {
    const NAME: &str = "an_input_that_never_comes_does_not_hold_the_loop_up";
    if is_child(NAME) {
        return run(async {
            let input = stdin().unwrap();
            let limit = Duration::from_millis(1);
            let read = input.read(vec![0; 8]).timeout(limit).await;
            assert_eq!(read.0.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
            assert!(timeout(limit, input.read(vec![0; 8])).await.is_err());
            println!("went on");
        });
    }
    // The pipe stays open until the child has ended, which it does by itself.
    let mut held = None;
    let [out, _] = child(NAME, |input| held = input.as_fd().try_clone_to_owned().ok());
    drop(held);
    assert!(out.contains("went on"), "{out}");
}

#[test]
fn a_file_as_input_is_read_to_its_end() {
    const NAME: &str = "a_file_as_input_is_read_to_its_end";
    if is_child(NAME) {
        return run(async {
            let mut input = BufReader::new(stdin().unwrap());
            let (_, text) =
                annulus::io::AsyncReadExt::read_to_string(&mut input, String::new()).await.unwrap();
            println!("{} bytes, {:?}", text.len(), text.lines().next());
        });
    }
    let _bound = bound();
    let file = std::fs::File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
    let len = file.metadata().unwrap().len();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("stdio::{NAME}"), "--nocapture"])
        .env(CHILD, NAME)
        .stdin(file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(out.contains(&format!("{len} bytes, Some(\"[package]\")")), "{out}");
}
