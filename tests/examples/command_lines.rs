//! Help, and what the examples say when something is wrong.

use std::net::TcpListener;

use super::process::{ALL, TempDirectory, complained, run, said};

const SERVERS: [&str; 2] = ["echo", "http"];

#[test]
fn every_example_says_how_to_use_it() {
    for example in ALL {
        for option in ["--help", "-h"] {
            let text = said(&run(example, &[option]));
            assert!(text.contains(&format!("Usage: {example} ")), "{text}");
        }
    }
}

#[test]
fn an_option_that_is_none_is_named() {
    for example in ALL {
        let (text, status) = complained(&run(example, &["--frobnicate"]));
        assert_eq!(text, format!("{example}: invalid option '--frobnicate'; try --help\n"));
        assert_eq!(status, Some(2));
    }
}

#[test]
fn an_address_that_is_none_is_named() {
    for example in SERVERS {
        for address in ["nowhere", "127.0.0.1", "127.0.0.1:x", "", "256.0.0.1:0"] {
            let (text, status) = complained(&run(example, &["--addr", address]));
            let expected = format!("{example}: cannot listen at {address}: ");
            assert!(text.starts_with(&expected), "{text}");
            assert_eq!(status, Some(1));
        }
    }
}

#[test]
fn a_port_in_use_is_an_error_that_says_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    for example in SERVERS {
        let (text, status) = complained(&run(example, &["--addr", &address]));
        assert!(text.starts_with(&format!("{example}: cannot listen at {address}: ")), "{text}");
        assert!(text.contains("another program listens there, choose a port"), "{text}");
        assert_eq!(status, Some(1));
    }
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let directory = TempDirectory::new("command-line");
    let none = directory.path().join("none");
    let (text, status) = complained(&run("http", &["--dir".as_ref(), none.as_os_str()]));
    assert!(text.contains(&format!("cannot serve the directory {}: ", none.display())), "{text}");
    assert!(text.contains("No such file or directory"), "{text}");
    assert_eq!(status, Some(1));
    let file = directory.write("file", b"");
    let (text, _) = complained(&run("http", &["--dir".as_ref(), file.as_os_str()]));
    assert!(text.contains("not a directory"), "{text}");
}

#[test]
fn a_file_that_is_needed_is_asked_for() {
    for (example, need) in [
        ("cat", "there is no file to print"),
        ("cp", "a source is needed"),
        ("cancel", "a directory is needed"),
    ] {
        let (text, status) = complained(&run::<&str>(example, &[]));
        assert_eq!(text, format!("{example}: {need}; try --help\n"));
        assert_eq!(status, Some(2));
    }
    let (text, status) = complained(&run("cp", &["source"]));
    assert_eq!((text.as_str(), status), ("cp: a destination is needed; try --help\n", Some(2)));
}
