//! Pins `uring-sys-notes/files.md`.

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use io_uring::opcode;
use io_uring::squeue::Entry;
use io_uring::types::{Fd, FsyncFlags, OpenHow};

use crate::memory::{self, Lent, leak};
use crate::ring::{TestRing, only};
use crate::scratch::{Scratch, lent_path};
use crate::syscall;

const OP: u64 = 1;
const HERE: Fd = Fd(libc::AT_FDCWD);

fn run(ring: &mut TestRing, entry: Entry) -> i32 {
    ring.push(entry.user_data(OP));
    ring.one().res
}

fn open(ring: &mut TestRing, path: &Path, flags: i32) -> i32 {
    let path = lent_path(path).as_ptr().cast_const().cast();
    let flags = flags | libc::O_CLOEXEC;
    run(ring, opcode::OpenAt::new(HERE, path).flags(flags).mode(0o600).build())
}

fn create(ring: &mut TestRing, path: &Path) -> OwnedFd {
    syscall::adopt(open(ring, path, libc::O_RDWR | libc::O_CREAT))
}

fn write_at(fd: &OwnedFd, bytes: &[u8], offset: u64) -> Entry {
    let bytes = Lent::from(bytes);
    let write = opcode::Write::new(Fd(fd.as_raw_fd()), bytes.as_ptr(), bytes.len());
    write.offset(offset).build()
}

fn read_at(fd: &OwnedFd, buf: Lent, offset: u64) -> Entry {
    opcode::Read::new(Fd(fd.as_raw_fd()), buf.as_ptr(), buf.len()).offset(offset).build()
}

#[test]
fn a_file_is_opened_written_synced_and_read_at_offsets() {
    let mut ring = TestRing::new();
    let scratch = Scratch::new();
    let path = scratch.path("file");
    assert_eq!(open(&mut ring, &path, libc::O_RDONLY), -libc::ENOENT);
    let file = create(&mut ring, &path);
    assert_eq!(run(&mut ring, write_at(&file, b"hello", 3)), 5);
    let fsync = |flags| opcode::Fsync::new(Fd(file.as_raw_fd())).flags(flags).build();
    assert_eq!(run(&mut ring, fsync(FsyncFlags::empty())), 0);
    assert_eq!(run(&mut ring, fsync(FsyncFlags::DATASYNC)), 0);
    let buf = Lent::zeroed(16);
    assert_eq!(run(&mut ring, read_at(&file, buf, 0)), 8, "short at the end of the file");
    assert_eq!(buf.bytes()[..8], *b"\0\0\0hello");
    assert_eq!(run(&mut ring, read_at(&file, buf, 8)), 0, "the end");
    assert_eq!(run(&mut ring, read_at(&file, buf, 1 << 40)), 0, "past the end");
    assert_eq!(fs::read(path).expect("the file"), b"\0\0\0hello");
}

#[test]
fn the_offset_of_minus_one_uses_and_moves_the_files_position() {
    let mut ring = TestRing::new();
    let scratch = Scratch::new();
    let file = create(&mut ring, &scratch.path("file"));
    assert_eq!(run(&mut ring, write_at(&file, b"abc", u64::MAX)), 3);
    assert_eq!(run(&mut ring, write_at(&file, b"def", u64::MAX)), 3);
    assert_eq!(run(&mut ring, write_at(&file, b"XY", 0)), 2);
    let buf = Lent::zeroed(8);
    assert_eq!(run(&mut ring, read_at(&file, buf, u64::MAX)), 0, "the position is at the end");
    assert_eq!(run(&mut ring, read_at(&file, buf, 0)), 6);
    assert_eq!(buf.bytes()[..6], *b"XYcdef");
}

#[test]
fn vectors_scatter_and_gather() {
    let mut ring = TestRing::new();
    let scratch = Scratch::new();
    let file = create(&mut ring, &scratch.path("file"));
    let vectors = |parts: &[Lent]| -> *mut [libc::iovec; 2] {
        let iovec = |part: Lent| libc::iovec {
            iov_base: part.as_ptr().cast(),
            iov_len: part.len() as usize,
        };
        leak([iovec(parts[0]), iovec(parts[1])])
    };
    let out = vectors(&[Lent::from(*b"abc"), Lent::from(*b"defgh")]);
    let fd = Fd(file.as_raw_fd());
    assert_eq!(run(&mut ring, opcode::Writev::new(fd, out.cast(), 2).build()), 8);
    let (head, tail) = (Lent::zeroed(5), Lent::zeroed(10));
    let into = vectors(&[head, tail]);
    assert_eq!(run(&mut ring, opcode::Readv::new(fd, into.cast(), 2).build()), 8);
    assert_eq!((head.bytes(), tail.bytes()), (b"abcde".to_vec(), b"fgh\0\0\0\0\0\0\0".to_vec()));
}

#[test]
fn statx_tells_of_a_path_and_of_a_descriptor() {
    let mut ring = TestRing::new();
    let scratch = Scratch::new();
    let path = scratch.path("file");
    let file = create(&mut ring, &path);
    assert_eq!(run(&mut ring, write_at(&file, b"hello", 0)), 5);
    let empty = Lent::from(*b"\0");
    for (dir, name, flags) in
        [(HERE, lent_path(&path), 0), (Fd(file.as_raw_fd()), empty, libc::AT_EMPTY_PATH)]
    {
        // SAFETY: a zeroed statx is a valid one.
        let found = leak(unsafe { std::mem::zeroed::<libc::statx>() });
        let name = name.as_ptr().cast_const().cast();
        let statx = opcode::Statx::new(dir, name, found.cast()).flags(flags).mask(libc::STATX_SIZE);
        assert_eq!(run(&mut ring, statx.build()), 0);
        assert_eq!(memory::peek(found).stx_size, 5);
    }
}

#[test]
fn directories_and_names_are_made_moved_and_removed() {
    let mut ring = TestRing::new();
    let scratch = Scratch::new();
    let name = |name: &str| lent_path(&scratch.path(name)).as_ptr().cast_const().cast();
    let mkdir = |path| opcode::MkDirAt::new(HERE, path).mode(0o700).build();
    assert_eq!(run(&mut ring, mkdir(name("dir"))), 0);
    assert_eq!(run(&mut ring, mkdir(name("dir"))), -libc::EEXIST);
    drop(create(&mut ring, &scratch.path("dir/a")));
    let rename = opcode::RenameAt::new(HERE, name("dir/a"), HERE, name("dir/b")).build();
    assert_eq!(run(&mut ring, rename), 0);
    let link = opcode::LinkAt::new(HERE, name("dir/b"), HERE, name("dir/c")).build();
    assert_eq!(run(&mut ring, link), 0);
    let symlink = opcode::SymlinkAt::new(HERE, name("dir/c"), name("dir/d")).build();
    assert_eq!(run(&mut ring, symlink), 0);
    let unlink = |path, flags| opcode::UnlinkAt::new(HERE, path).flags(flags).build();
    assert_eq!(run(&mut ring, unlink(name("dir"), libc::AT_REMOVEDIR)), -libc::ENOTEMPTY);
    for file in ["dir/b", "dir/c", "dir/d"] {
        assert_eq!(run(&mut ring, unlink(name(file), 0)), 0, "{file}");
    }
    assert_eq!(run(&mut ring, unlink(name("dir/b"), 0)), -libc::ENOENT);
    assert_eq!(run(&mut ring, unlink(name("dir"), libc::AT_REMOVEDIR)), 0);
}

#[test]
fn a_file_is_resized_through_the_ring() {
    let mut ring = TestRing::new();
    let scratch = Scratch::new();
    let path = scratch.path("file");
    let file = create(&mut ring, &path);
    let fd = Fd(file.as_raw_fd());
    assert_eq!(run(&mut ring, opcode::Fallocate::new(fd, 64).build()), 0);
    assert_eq!(fs::metadata(&path).expect("metadata").len(), 64);
    if !ring.supports(opcode::Ftruncate::CODE) {
        println!("skipped: this kernel has no FTRUNCATE (6.9)");
        return;
    }
    assert_eq!(run(&mut ring, opcode::Ftruncate::new(fd, 10).build()), 0);
    assert_eq!(fs::metadata(&path).expect("metadata").len(), 10);
}

#[test]
fn open_how_resolves_beneath_its_directory() {
    let mut ring = TestRing::new();
    let scratch = Scratch::new();
    let directory = scratch.path("");
    let directory = syscall::adopt(open(&mut ring, &directory, libc::O_DIRECTORY));
    let how = leak(OpenHow::new().flags(libc::O_RDONLY as u64).resolve(libc::RESOLVE_BENEATH));
    let outside = Lent::from(*b"../..\0").as_ptr().cast_const().cast();
    let open = opcode::OpenAt2::new(Fd(directory.as_raw_fd()), outside, how).build();
    assert_eq!(run(&mut ring, open), -libc::EXDEV);
}

#[test]
fn a_named_pipe_is_first_opened_without_waiting() {
    let mut ring = TestRing::new();
    let scratch = Scratch::new();
    let fifo = scratch.fifo("fifo");
    assert_eq!(open(&mut ring, &fifo, libc::O_WRONLY), -libc::ENXIO, "open(2) would wait");
    let reader = open(&mut ring, &fifo, libc::O_RDONLY);
    let reader = syscall::adopt(reader);
    let writer = syscall::adopt(open(&mut ring, &fifo, libc::O_WRONLY));
    syscall::write(&writer, b"x").expect("write");
    assert_eq!(syscall::readable_bytes(&reader), 1);
}

#[test]
fn a_read_of_a_named_pipe_waits_for_its_first_writer_and_ends_with_the_last() {
    let mut ring = TestRing::new();
    let scratch = Scratch::new();
    let fifo = scratch.fifo("fifo");
    let reader = syscall::adopt(open(&mut ring, &fifo, libc::O_RDONLY));
    let buf = Lent::zeroed(8);
    // Where in the pipe: that means nothing.
    ring.push(read_at(&reader, buf, 1000).user_data(OP));
    ring.submit();
    assert_eq!(ring.poll(), [], "read(2) would say that the pipe has ended");
    let writer = syscall::adopt(open(&mut ring, &fifo, libc::O_WRONLY));
    assert_eq!(ring.poll(), [], "a writer that says nothing is waited for");
    syscall::write(&writer, b"abc").expect("write");
    assert_eq!(ring.one().res, 3);
    assert_eq!(buf.bytes()[..3], *b"abc");
    ring.push(read_at(&reader, buf, 3).user_data(OP));
    ring.submit();
    assert_eq!(ring.poll(), []);
    drop(writer);
    assert_eq!(ring.one().res, 0, "the last writer is gone");
    assert_eq!(run(&mut ring, read_at(&reader, buf, 3)), 0, "and none has come since");
}

#[test]
fn a_splice_and_a_tee_go_to_a_worker_and_want_a_pipe() {
    let mut ring = TestRing::new();
    let scratch = Scratch::new();
    let file = create(&mut ring, &scratch.path("file"));
    assert_eq!(run(&mut ring, write_at(&file, b"0123456789", 0)), 10);
    let [one, other] = ["one", "other"].map(|name| {
        let both_ways = open(&mut ring, &scratch.fifo(name), libc::O_RDWR);
        syscall::adopt(both_ways)
    });
    let fd = |of: &OwnedFd| Fd(of.as_raw_fd());
    let splice = |from: &OwnedFd, at, to: &OwnedFd| {
        opcode::Splice::new(fd(from), at, fd(to), -1, 100).build()
    };
    ring.push(splice(&file, 4, &one).user_data(OP));
    ring.submit();
    assert_eq!(ring.reap(), [], "not in the submission itself");
    assert_eq!(ring.one().res, 6);
    let tee = opcode::Tee::new(fd(&one), fd(&other), 100).build();
    assert_eq!(run(&mut ring, tee), 6);
    for pipe in [&one, &other] {
        assert_eq!(syscall::readable_bytes(pipe), 6);
    }
    assert_eq!(run(&mut ring, splice(&file, 0, &file)), -libc::EINVAL);
    assert_eq!(run(&mut ring, splice(&one, 0, &other)), -libc::ESPIPE);
}

#[test]
fn a_regular_file_refuses_no_poll_and_is_always_ready() {
    let mut ring = TestRing::new();
    let scratch = Scratch::new();
    let file = create(&mut ring, &scratch.path("file"));
    let poll = opcode::PollAdd::new(Fd(file.as_raw_fd()), libc::POLLIN as u32).build();
    let ready = run(&mut ring, poll);
    println!("a poll of a regular file: {ready}");
    assert!(ready & i32::from(libc::POLLIN) != 0 || ready == -libc::EPERM);
}

#[test]
fn a_link_orders_a_write_before_its_fsync() {
    let mut ring = TestRing::new();
    let scratch = Scratch::new();
    let path = scratch.path("file");
    let file = create(&mut ring, &path);
    let link = io_uring::squeue::Flags::IO_LINK;
    let fsync = opcode::Fsync::new(Fd(file.as_raw_fd())).build().user_data(2);
    ring.push_all(&[write_at(&file, b"first", 0).user_data(1).flags(link), fsync]);
    let done = ring.collect(2);
    assert_eq!((done[0].user_data, done[1].user_data), (1, 2), "a link keeps the order");
    assert_eq!((only(&done, 1).res, only(&done, 2).res), (5, 0));
}

#[test]
fn ops_on_names_go_straight_to_a_worker_and_cached_reads_need_none() {
    let workers = std::thread::spawn(|| {
        let mut ring = TestRing::new();
        let scratch = Scratch::new();
        let path = scratch.path("file");
        fs::write(&path, b"cached").expect("a file");
        let file = OwnedFd::from(fs::File::open(&path).expect("the file"));
        assert_eq!(run(&mut ring, read_at(&file, Lent::zeroed(6), 0)), 6);
        let before = syscall::workers_of_this_thread();
        let unlink = opcode::UnlinkAt::new(HERE, lent_path(&path).as_ptr().cast_const().cast());
        assert_eq!(run(&mut ring, unlink.build()), 0);
        (before, syscall::workers_of_this_thread())
    });
    let (before, after) = workers.join().expect("a thread without workers");
    println!("{before} workers after a cached read, {after} after an unlink");
    assert_eq!(after, 1);
    assert!(before <= 1, "a file system without NOWAIT reads on a worker");
}

#[test]
fn an_attribute_is_set_and_read_and_measured_through_the_ring() {
    let mut ring = TestRing::new();
    let scratch = Scratch::new();
    let path = scratch.path("file");
    drop(create(&mut ring, &path));
    let (file, name) = (lent_path(&path), Lent::from(b"user.a\0"));
    let (file, name) = (file.as_ptr().cast_const().cast(), name.as_ptr().cast_const().cast());
    let value = Lent::from(b"value");
    let set = opcode::SetXattr::new(name, value.as_ptr().cast_const().cast(), file, 5).build();
    match run(&mut ring, set) {
        res if res == -libc::EOPNOTSUPP => return println!("skipped: no attributes here"),
        res => assert_eq!(res, 0),
    }
    let buf = Lent::zeroed(8);
    let get = |len| opcode::GetXattr::new(name, buf.as_ptr().cast(), file, len).build();
    assert_eq!(run(&mut ring, get(8)), 5);
    assert_eq!(buf.bytes()[..5], *b"value");
    assert_eq!(run(&mut ring, get(0)), 5, "without room, the length");
    assert_eq!(run(&mut ring, get(3)), -libc::ERANGE, "with too little, an error");
}
