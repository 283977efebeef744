//! The examples that do something and end.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Stdio};

use super::process::{TempDirectory, command, complained, interrupt, pattern, run, said};

/// The names in a directory, sorted.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Waits until `condition` holds, as long as the process runs.
fn wait_until(process: &mut Child, mut condition: impl FnMut() -> bool) {
    while !condition() {
        assert!(process.try_wait().expect("a child").is_none(), "it ended before");
        std::thread::yield_now();
    }
}

#[test]
fn cat_prints_files_one_after_another() {
    let directory = TempDirectory::new("cat");
    let large = directory.write("large", &pattern(1_000_001));
    let empty = directory.write("empty", b"");
    let small = directory.write("small", b"small");
    let output = run("cat", &[&small, &empty, &large, &small]);
    assert!(output.status.success());
    assert!(output.stdout == [&b"small"[..], &pattern(1_000_001), b"small"].concat());
}

#[test]
fn cat_names_what_it_cannot_read_and_prints_the_rest() {
    let directory = TempDirectory::new("cat-error");
    let small = directory.write("small", b"small");
    let none = directory.path().join("none");
    let output = run("cat", &[&small, &none, &directory.path().to_owned(), &small]);
    assert_eq!((&output.stdout[..], output.status.code()), (&b"smallsmall"[..], Some(1)));
    let (none, folder) = (none.display(), directory.path().display());
    let expected = format!(
        "cat: {none}: No such file or directory (os error 2)\n\
         cat: {folder}: Is a directory (os error 21)\n"
    );
    assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
}

#[test]
fn cat_ends_quietly_when_nobody_reads_any_more() {
    let directory = TempDirectory::new("cat-pipe");
    let large = directory.write("large", &pattern(4 << 20));
    let mut cat = command("cat");
    let mut cat =
        cat.arg(large).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("cat starts");
    drop(cat.stdout.take());
    let output = cat.wait_with_output().expect("cat ends");
    assert_eq!((output.stderr, output.status.code()), (Vec::new(), Some(0)));
}

#[test]
fn cat_prints_what_is_read_in_short_parts() {
    // The kernel gives this one a few kilobytes at a time.
    let path = "/proc/kallsyms";
    let Ok(content) = fs::read(path) else {
        println!("skipped: there is no {path}");
        return;
    };
    assert!(run("cat", &[path]).stdout == content);
}

#[test]
fn cat_prints_its_standard_input_where_it_is_named() {
    let directory = TempDirectory::new("cat-stdin");
    let small = directory.write("small", b"small");
    let large = directory.write("large", &pattern(300_001));
    let input = fs::File::open(&large).expect("a file");
    let mut cat = command("cat");
    cat.args([&small, Path::new("-"), &small]).stdin(input);
    let output = cat.output().expect("cat runs");
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout == [&b"small"[..], &pattern(300_001), b"small"].concat());
}

#[test]
fn cat_says_so_when_the_last_part_cannot_be_printed() {
    let directory = TempDirectory::new("cat-full");
    let small = directory.write("small", b"small");
    let full = fs::File::options().write(true).open("/dev/full").expect("a device");
    let output = command("cat").arg(small).stdout(full).output().expect("cat runs");
    let (text, status) = complained(&output);
    assert_eq!(text, "cat: No space left on device (os error 28)\n");
    assert_eq!(status, Some(1));
}

#[test]
fn cp_copies_the_bytes_and_the_mode() {
    let directory = TempDirectory::new("cp");
    let (source, copy) = (directory.path().join("source"), directory.path().join("copy"));
    for (len, jobs) in
        [(0, "1"), (1, "8"), (524_287, "3"), (524_288, "1"), (524_289, "2"), (5_000_000, "64")]
    {
        fs::write(&source, pattern(len)).expect("a source");
        fs::set_permissions(&source, fs::Permissions::from_mode(0o600)).expect("a mode");
        let paths = [source.as_os_str(), copy.as_os_str()];
        let options = ["--verify", "--sync", "--jobs", jobs].map(AsRef::as_ref);
        let text = said(&run("cp", &[&options[..], &paths].concat()));
        assert!(text.starts_with(&format!("{}: ", copy.display())), "{text}");
        assert!(text.ends_with(", verified\n"), "{text}");
        assert!(fs::read(&copy).expect("the copy") == pattern(len), "{len}");
        let mode = fs::metadata(&copy).expect("the copy").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert_eq!(names(directory.path()), ["copy", "source"]);
}

#[test]
fn cp_copies_into_a_directory_and_what_has_no_length() {
    let directory = TempDirectory::new("cp-into");
    said(&run("cp", &["/proc/cpuinfo".as_ref(), directory.path().as_os_str()]));
    let copy = fs::read(directory.path().join("cpuinfo")).expect("the copy");
    assert!(copy.windows(9).any(|window| window == b"processor"));
}

#[test]
fn cp_leaves_the_destination_alone_when_it_cannot_copy() {
    let directory = TempDirectory::new("cp-error");
    let root = directory.path().display();
    directory.write("there", b"there");
    fs::create_dir_all(directory.path().join("folder/there")).expect("a directory");
    for (source, destination, expected) in [
        ("none", "there", format!("cannot read {root}/none: No such file or directory")),
        ("there", "there", format!("cannot copy {root}/there: that is the destination, too")),
        ("folder", "there", format!("cannot copy {root}/folder: it is no regular file")),
        ("there", "folder", format!("cannot write {root}/folder/there: is a directory")),
        ("there", "none/copy", "No such file or directory".to_owned()),
    ] {
        let paths = [source, destination].map(|name| directory.path().join(name));
        let (text, status) = complained(&run("cp", &paths));
        assert!(text.starts_with("cp: ") && text.contains(&expected), "{text}");
        assert_eq!(status, Some(1));
    }
    assert_eq!(fs::read(directory.path().join("there")).unwrap(), b"there");
    assert_eq!(names(directory.path()), ["folder", "there"]);
}

#[test]
fn cp_follows_a_link_and_leaves_what_is_no_file_alone() {
    let directory = TempDirectory::new("cp-link");
    let source = directory.write("source", b"new");
    let behind = directory.write("behind", b"old");
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&behind, &link).expect("a link");
    said(&run("cp", &[&source, &link]));
    assert!(fs::symlink_metadata(&link).expect("the link").is_symlink());
    assert_eq!(fs::read(&behind).unwrap(), b"new");
    let socket = directory.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    let (text, status) = complained(&run("cp", &[&source, &socket]));
    assert_eq!(text, format!("cp: cannot write {}: it is no regular file\n", socket.display()));
    assert_eq!(status, Some(1));
    assert!(!fs::metadata(&socket).expect("the socket").is_file());
    assert_eq!(names(directory.path()), ["behind", "link", "socket", "source"]);
}

#[test]
fn an_interrupted_cp_leaves_what_was_there() {
    let directory = TempDirectory::new("cp-interrupt");
    let source = directory.write("source", b"");
    let copy = directory.write("copy", b"before");
    // Longer than the signal takes by far; nothing but holes.
    let file = fs::File::options().write(true).open(&source).expect("the source");
    file.set_len(8 << 30).expect("a sparse file");
    let mut cp = command("cp");
    let mut cp = cp.args([&source, &copy]).stderr(Stdio::piped()).spawn().expect("cp starts");
    wait_until(&mut cp, || names(directory.path()).len() == 3);
    interrupt(&cp);
    let output = cp.wait_with_output().expect("cp ends");
    let text = String::from_utf8(output.stderr).expect("text");
    assert_eq!(text, "cp: interrupted; the destination is as it was\n");
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(fs::read(&copy).unwrap(), b"before");
    assert_eq!(names(directory.path()), ["copy", "source"]);
}

#[test]
fn timeout_shows_what_is_left_when_time_is_over() {
    let text = said(&run("timeout", &["--pause", "50"]));
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("an operation: "), "{text}");
    assert!(lines[0].ends_with(": nothing was lost"), "{text}");
    assert!(lines[1].starts_with("a block: "), "{text}");
    assert!(lines[2].starts_with("many steps: \""), "{text}");
    assert!(lines[2].contains("\" before the deadline, then: "), "{text}");
    assert_eq!(lines.len(), 3);
}

#[test]
fn blocking_counts_the_same_on_the_pool_and_on_the_loop() {
    let output = run("blocking", &["--jobs", "5", "--threads", "3", "--below", "1000"]);
    let text = said(&output);
    assert!(text.contains("on the pool: 840 primes\n"), "{text}");
    assert!(text.contains("on the loop: 840 primes\n"), "{text}");
    assert!(text.contains("a job that panics: the work panicked: "), "{text}");
    assert!(text.contains("of 64 jobs, cancelled before they began: "), "{text}");
}

#[test]
fn cancelled_workers_remove_what_is_unfinished_and_nothing_else() {
    let directory = TempDirectory::new("cancel");
    let options = ["--workers", "5", "--after", "300", "--step", "5"].map(AsRef::as_ref);
    let text = said(&run("cancel", &[&options[..], &[directory.path().as_os_str()]].concat()));
    assert!(text.starts_with("cancelled by the clock\n"), "{text}");
    let names = names(directory.path());
    assert!(names.iter().all(|name| name.ends_with(".txt")), "{names:?}");
    let last = format!("{} reports finished, and nothing else is left\n", names.len());
    assert!(text.ends_with(&last), "{text}");
    for name in names {
        let report = fs::read_to_string(directory.path().join(name)).expect("a report");
        assert_eq!(report.lines().count(), 10);
    }
}

#[test]
fn an_interrupt_cancels_before_the_clock() {
    let directory = TempDirectory::new("cancel-interrupt");
    let mut cancel = command("cancel");
    cancel.args(["--after", "1000000", "--step", "1000000"]).arg(directory.path());
    let mut cancel = cancel.stdout(Stdio::piped()).spawn().expect("it starts");
    wait_until(&mut cancel, || names(directory.path()).len() == 3);
    interrupt(&cancel);
    let text = said(&cancel.wait_with_output().expect("it ends"));
    assert!(text.starts_with("cancelled by Ctrl-C\n"), "{text}");
    assert!(text.ends_with("\n0 reports finished, and nothing else is left\n"), "{text}");
    assert_eq!(names(directory.path()), [""; 0]);
}

#[test]
fn a_worker_that_fails_ends_the_others() {
    let directory = TempDirectory::new("cancel-failed");
    // The second report of the third worker is in its own way.
    let obstacle = directory.path().join("report-3-2.draft");
    fs::create_dir(&obstacle).expect("a directory");
    let options = ["--after", "1000000", "--step", "2"].map(AsRef::as_ref);
    let output = run("cancel", &[&options[..], &[directory.path().as_os_str()]].concat());
    let (text, status) = complained(&output);
    let expected = format!("cancel: cannot write {}: Is a directory", obstacle.display());
    assert!(text.starts_with(&expected), "{text}");
    assert_eq!(status, Some(1));
    fs::remove_dir(&obstacle).expect("a directory");
    let names = names(directory.path());
    assert!(names.iter().all(|name| name.ends_with(".txt")), "{names:?}");
}

/// Whether a process has taken SIGINT over, and has the thread that waits for it, which comes last.
fn is_ready(process: &Child) -> bool {
    let proc = Path::new("/proc").join(process.id().to_string());
    let status = fs::read_to_string(proc.join("status")).expect("a process");
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("its signals");
    let catches = u64::from_str_radix(caught.trim(), 16).expect("a mask") & 0b10 != 0;
    catches && fs::read_dir(proc.join("task")).expect("its threads").count() > 1
}

#[test]
fn what_only_shows_something_ends_at_an_interrupt_too() {
    for (example, arguments, expected) in [
        ("cat", &["-"][..], ""),
        ("timeout", &["--pause", "1000000"], "timeout: interrupted\n"),
        ("blocking", &["--jobs", "1000000", "--below", "1000"], "blocking: interrupted\n"),
    ] {
        let mut process = command(example);
        let process = process.args(arguments).stdin(Stdio::piped());
        let mut process = process.stderr(Stdio::piped()).spawn().expect("it starts");
        let input = process.stdin.take();
        while !is_ready(&process) {
            std::thread::yield_now();
        }
        interrupt(&process);
        let output = process.wait_with_output().expect("it ends");
        drop(input);
        assert_eq!(String::from_utf8(output.stderr).expect("text"), expected);
        assert_eq!(output.status.code(), Some(130), "{example}");
    }
}
