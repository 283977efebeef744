//! Each op by itself: what it answers when nothing goes wrong, line by line the same on both kernels.
//!
//! An op that makes or names files acts in a directory that both kernels have under one name.

use std::os::fd::{FromRawFd, IntoRawFd};

use io_uring::squeue::Entry;
use io_uring::{opcode, types};

use super::kernel::Kernel;
use super::subjects::{end, pipe};
use crate::sys::Owned;
use crate::sys::{abi, door, sim};

const HERE: types::Fd = types::Fd(libc::AT_FDCWD);

/// Plays entries one after another and writes down what each answered.
struct Play {
    kernel: Kernel,
    dir: String,
    lines: Vec<(&'static str, i64)>,
    opened: Vec<Owned>,
}

impl Play {
    fn new(dir: &str) -> Play {
        let (lines, opened) = (Vec::new(), Vec::new());
        Play { kernel: Kernel::new(false, 5_000), dir: dir.to_owned(), lines, opened }
    }

    fn say(&mut self, what: &'static str, entry: Entry) -> i32 {
        let res = self.kernel.staged(entry);
        self.lines.push((what, i64::from(res)));
        res
    }

    fn note(&mut self, what: &'static str, value: u64) {
        self.lines.push((what, value as i64));
    }

    /// A path in the directory; the ring may read it for ever.
    fn path(&self, name: &str) -> *const libc::c_char {
        text(&format!("{}/{name}", self.dir))
    }

    /// The number differs from kernel to kernel, and whether there is one does not.
    fn open(&mut self, what: &'static str, name: &str, flags: i32) -> types::Fd {
        let open = opcode::OpenAt::new(HERE, self.path(name)).flags(flags).mode(0o644).build();
        let number = self.kernel.staged(open);
        self.lines.push((what, i64::from(number.min(0))));
        if number >= 0 {
            // SAFETY: the open has given this descriptor to nobody else.
            self.opened.push(unsafe { Owned::from_raw_fd(number) });
        }
        types::Fd(number)
    }

    fn stat(&mut self, what: &'static str, name: &str, flags: i32) {
        // SAFETY: zeroes are a record of this kind.
        let stat: &'static mut libc::statx = Box::leak(Box::new(unsafe { std::mem::zeroed() }));
        let place: *mut libc::statx = stat;
        let entry = opcode::Statx::new(HERE, self.path(name), place.cast()).flags(flags);
        self.say(what, entry.mask(libc::STATX_BASIC_STATS).build());
        // SAFETY: the op is over, and the record is leaked.
        let stat = unsafe { *place };
        let is_directory = u32::from(stat.stx_mode) & libc::S_IFMT == libc::S_IFDIR;
        self.note("its mode", u64::from(stat.stx_mode));
        if !is_directory {
            self.note("its length", stat.stx_size);
            self.note("its names", u64::from(stat.stx_nlink));
        }
    }
}

fn text(text: &str) -> *const libc::c_char {
    std::ffi::CString::new(text).expect("no NUL").into_raw()
}

fn room(len: usize) -> &'static mut [u8] {
    vec![0_u8; len].leak()
}

fn bytes(file: types::Fd, at: u64, bytes: &'static [u8]) -> Entry {
    opcode::Write::new(file, bytes.as_ptr(), bytes.len() as u32).offset(at).build()
}

fn read(file: types::Fd, at: u64, place: *mut u8, len: u32) -> Entry {
    opcode::Read::new(file, place, len).offset(at).build()
}

fn contents(play: &mut Play) {
    let new = libc::O_CREAT | libc::O_EXCL | libc::O_RDWR;
    let file = play.open("open what is new", "file", new);
    play.open("open it as new again", "file", new);
    play.open("open what is missing", "missing", libc::O_RDONLY);
    play.open("open below a file", "file/x", libc::O_RDONLY);
    play.open("open a file as a directory", "file", libc::O_DIRECTORY);
    play.open("open a directory to write", "", libc::O_WRONLY);
    play.say("write", bytes(file, 3, b"0123456789"));
    play.say("write on", bytes(file, u64::MAX, b"ab"));
    let place = room(64);
    let (start, len) = (place.as_mut_ptr(), place.len() as u32);
    play.say("read across the end", read(file, 8, start, len));
    play.say("read behind the end", read(file, 100, start, len));
    play.say("read on", read(file, u64::MAX, start, 4));
    play.note("what was read", place.iter().map(|byte| u64::from(*byte)).sum());
    let pieces: &'static mut [libc::iovec] = vec![
        libc::iovec { iov_base: start.cast(), iov_len: 3 },
        libc::iovec { iov_base: start.wrapping_add(10).cast(), iov_len: 5 },
    ]
    .leak();
    play.say("read into pieces", opcode::Readv::new(file, pieces.as_ptr(), 2).build());
    play.say("write from pieces", opcode::Writev::new(file, pieces.as_ptr(), 2).offset(20).build());
    play.say("sync", opcode::Fsync::new(file).build());
    play.say("sync the data", opcode::Fsync::new(file).flags(types::FsyncFlags::DATASYNC).build());
    play.say("make room", opcode::Fallocate::new(file, 100).offset(0).build());
    play.say("advise", opcode::Fadvise::new(file, 0, libc::POSIX_FADV_WILLNEED).build());
    play.stat("look at it", "file", 0);
    play.say("cut", opcode::Ftruncate::new(file, 7).build());
    play.stat("look at it again", "file", 0);
    let reader = play.open("open to read", "file", libc::O_RDONLY);
    play.say("write to what is read", bytes(reader, 0, b"x"));
    play.say("cut what is read", opcode::Ftruncate::new(reader, 7).build());
    let writer = play.open("open to append", "file", libc::O_WRONLY | libc::O_APPEND);
    play.say("append", bytes(writer, 0, b"xyz"));
    play.say("read what is written", read(writer, 0, start, len));
    play.stat("look at what was appended", "file", 0);
    play.open("open what is cut", "file", libc::O_WRONLY | libc::O_TRUNC);
    play.stat("look at what is empty", "file", 0);
    play.open("open without a name", "", libc::O_TMPFILE | libc::O_RDWR);
}

fn fixed(play: &mut Play) {
    let file = play.open("open for fixed buffers", "fixed", libc::O_CREAT | libc::O_RDWR);
    let (start, len) = {
        let place = room(4096);
        (place.as_mut_ptr(), place.len())
    };
    let early = opcode::ReadFixed::new(file, start, 10, 0).build();
    play.say("read without buffers", early.clone());
    let pieces = [libc::iovec { iov_base: start.cast(), iov_len: len }];
    let (number, arg) = (play.kernel.number(), pieces.as_ptr().cast_mut().cast());
    // SAFETY: `arg` is one piece, whose memory is leaked.
    let registered = unsafe { door::register(number, abi::REGISTER_BUFFERS, arg, 1) };
    play.note("register", u64::from(registered.is_ok()));
    // SAFETY: as above.
    let again = unsafe { door::register(number, abi::REGISTER_BUFFERS, arg, 1) };
    play.note("register again", again.err().and_then(|e| e.raw_os_error()).unwrap_or(0) as u64);
    play.say("write all", opcode::WriteFixed::new(file, start, 4096, 0).build());
    play.say("write past it", opcode::WriteFixed::new(file, start, 4097, 0).build());
    play.say("write another", opcode::WriteFixed::new(file, start, 1, 1).build());
    play.say("read a part", opcode::ReadFixed::new(file, start.wrapping_add(9), 10, 0).build());
    play.say("read the rest", opcode::ReadFixed::new(file, start, 4096, 0).offset(4000).build());
}

fn names(play: &mut Play) {
    let directory = |play: &Play, name: &str| opcode::MkDirAt::new(HERE, play.path(name));
    play.say("make a directory", directory(play, "a").mode(0o755).build());
    play.say("make it again", directory(play, "a").mode(0o755).build());
    play.say("make one below what is missing", directory(play, "b/c").build());
    play.stat("look at the directory", "a", 0);
    let rename = |play: &Play, from: &str, to: &str| {
        opcode::RenameAt::new(HERE, play.path(from), HERE, play.path(to)).build()
    };
    play.say("rename a file", rename(play, "file", "a/file"));
    play.say("rename what is missing", rename(play, "file", "other"));
    play.say("rename a directory into itself", rename(play, "a", "a/b"));
    play.say("rename a file over a directory", rename(play, "a/file", "a"));
    play.say("rename a directory over a file", rename(play, "a", "fixed"));
    let link = |play: &Play, from: &str, to: &str| {
        opcode::LinkAt::new(HERE, play.path(from), HERE, play.path(to)).build()
    };
    play.say("link", link(play, "a/file", "linked"));
    play.say("link over what is there", link(play, "a/file", "linked"));
    play.say("link a directory", link(play, "a", "other"));
    play.stat("look at what has two names", "linked", 0);
    let symlink = |play: &Play, to: &str, name: &str| {
        opcode::SymlinkAt::new(HERE, text(to), play.path(name)).build()
    };
    play.say("make a symbolic link", symlink(play, "a/file", "soft"));
    play.say("make it again", symlink(play, "a/file", "soft"));
    play.say("make one that leads nowhere", symlink(play, "nowhere", "broken"));
    play.stat("look through it", "soft", 0);
    play.stat("look at it itself", "soft", libc::AT_SYMLINK_NOFOLLOW);
    play.open("open through one that is broken", "broken", libc::O_RDONLY);
    play.open("open the link itself", "soft", libc::O_RDONLY | libc::O_NOFOLLOW);
    let remove = |play: &Play, name: &str, flags: i32| {
        opcode::UnlinkAt::new(HERE, play.path(name)).flags(flags).build()
    };
    play.say("remove a full directory", remove(play, "a", libc::AT_REMOVEDIR));
    play.say("remove a directory as a file", remove(play, "a", 0));
    play.say("remove a file as a directory", remove(play, "linked", libc::AT_REMOVEDIR));
    play.say("remove what is missing", remove(play, "missing", 0));
    for name in ["linked", "soft", "broken", "a/file", "fixed"] {
        play.say("remove", remove(play, name, 0));
    }
    play.say("remove an empty directory", remove(play, "a", libc::AT_REMOVEDIR));
}

fn attributes(play: &mut Play) {
    play.open("open for attributes", "fixed", libc::O_CREAT | libc::O_RDWR);
    let place = room(64).as_mut_ptr();
    let set = |play: &Play, file: &str, name: &str, len: u32| {
        let value = b"some value".as_ptr().cast();
        opcode::SetXattr::new(text(name), value, play.path(file), len).build()
    };
    let get = |play: &Play, name: &str, len: u32| {
        opcode::GetXattr::new(text(name), place.cast(), play.path("fixed"), len).build()
    };
    play.say("set one", set(play, "fixed", "user.one", 10));
    play.say("set one of no class", set(play, "fixed", "one", 10));
    play.say("set one of nothing", set(play, "missing", "user.one", 10));
    play.say("set an empty one", set(play, "fixed", "user.empty", 0));
    play.say("get it", get(play, "user.one", 64));
    play.say("get its length", get(play, "user.one", 0));
    play.say("get it where it does not fit", get(play, "user.one", 9));
    play.say("get the empty one", get(play, "user.empty", 64));
    play.say("get what is not there", get(play, "user.two", 64));
}

fn pipes(play: &mut Play) {
    let (mut one, mut two) = (pipe(), pipe());
    let place = room(100_000);
    let (start, len) = (place.as_mut_ptr(), place.len() as u32);
    play.say("fill", opcode::Write::new(end(&one, 1), start, len).build());
    play.say("write to the reader", opcode::Write::new(end(&one, 0), start, 1).build());
    play.say("read from the writer", read(end(&one, 1), u64::MAX, start, 1));
    play.say("take", read(end(&one, 0), u64::MAX, start, 60_000));
    let splice = |from, to, len| opcode::Splice::new(from, -1, to, -1, len).build();
    play.say("move", splice(end(&one, 0), end(&two, 1), 1000));
    play.say("move to itself", splice(end(&two, 0), end(&two, 1), 1000));
    play.say("move the wrong way", splice(end(&one, 1), end(&two, 1), 1000));
    play.say("move nothing", splice(end(&one, 0), end(&two, 1), 0));
    let odd = opcode::Splice::new(end(&one, 0), 5, end(&two, 1), -1, 10).build();
    play.say("move from a place", odd);
    let tee = |from, to, len| opcode::Tee::new(from, to, len).build();
    play.say("copy", tee(end(&two, 0), end(&one, 1), 500));
    play.say("copy to itself", tee(end(&two, 0), end(&two, 1), 500));
    let file = play.open("open for moves", "file", libc::O_CREAT | libc::O_RDWR);
    let appends = play.open("open to append", "file", libc::O_WRONLY | libc::O_APPEND);
    play.say("move to a file", opcode::Splice::new(end(&two, 0), -1, file, 10, 700).build());
    play.say("move to its position", splice(end(&two, 0), file, 100));
    play.say("move to its end", splice(end(&two, 0), appends, 100));
    play.say("move from a file", opcode::Splice::new(file, 200, end(&two, 1), -1, 9999).build());
    play.say("move from its position", splice(file, end(&two, 1), 200));
    play.say("move from its end", opcode::Splice::new(file, 9999, end(&two, 1), -1, 9).build());
    play.say("move from file to file", splice(file, appends, 10));
    play.say("copy from a file", tee(file, end(&two, 1), 10));
    play.stat("look at it", "file", 0);
    two[1] = None;
    play.say("take the rest", read(end(&two, 0), u64::MAX, start, len));
    play.say("take the end", read(end(&two, 0), u64::MAX, start, len));
    play.say("move the end", splice(end(&two, 0), end(&one, 1), 10));
    one[0] = None;
    play.say("write to nobody", opcode::Write::new(end(&one, 1), start, 10).build());
    play.say("move to nobody", opcode::Splice::new(file, 0, end(&one, 1), -1, 9).build());
    play.say("close a number", opcode::Close::new(types::Fd(take(&mut two[0]))).build());
}

fn take(end: &mut Option<Owned>) -> i32 {
    end.take().expect("it is open").into_raw_fd()
}

/// Plays it all; attributes only where the real file system has them.
fn play(dir: &str, has_attributes: bool) -> Vec<(&'static str, i64)> {
    let mut play = Play::new(dir);
    contents(&mut play);
    fixed(&mut play);
    names(&mut play);
    if has_attributes {
        attributes(&mut play);
    }
    pipes(&mut play);
    let Play { kernel, lines, opened, .. } = play;
    drop(opened);
    drop(kernel);
    lines
}

fn has_attributes(dir: &str) -> bool {
    let value = b"x".as_ptr().cast();
    let set = opcode::SetXattr::new(text("user.try"), value, text(dir), 1).build();
    Kernel::new(false, 5_000).staged(set) == 0
}

#[test]
#[cfg_attr(address_sanitizer, ignore = "its scripts lend memory for good")]
fn files_and_pipes_answer_on_both_kernels_alike() {
    let dir = std::env::temp_dir().join(format!("annulus-transcript-{}", std::process::id()));
    std::fs::create_dir(&dir).expect("a directory");
    let name = dir.to_str().expect("text").to_owned();
    let has_attributes = has_attributes(&name);
    let real = play(&name, has_attributes);
    std::fs::remove_dir_all(&dir).expect("it is there");

    super::install(1, super::Faults::none());
    super::set_lenient(true);
    let mut maker = Kernel::new(false, 0);
    let mut path = String::new();
    for part in name.split('/').skip(1) {
        path = format!("{path}/{part}");
        let made = maker.staged(opcode::MkDirAt::new(HERE, text(&path)).mode(0o755).build());
        assert!(matches!(-made, 0 | libc::EEXIST), "{path}: {made}");
    }
    drop(maker);
    let simulated = play(&name, has_attributes);
    assert!(sim::violations().is_empty(), "{:?}", sim::violations());
    super::uninstall();

    let same: Vec<_> = real.iter().zip(&simulated).filter(|(one, other)| one == other).collect();
    let differ: Vec<_> = real.iter().zip(&simulated).filter(|(one, other)| one != other).collect();
    assert!(differ.is_empty(), "{} alike; real and simulated: {differ:#?}", same.len());
    assert!(real.len() > 110 && real.len() == simulated.len(), "{} lines", real.len());
}
