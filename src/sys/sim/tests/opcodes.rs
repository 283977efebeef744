//! Which opcode is simulated how, and that none which the crate pushes is forgotten.

use super::super::codes;
use crate::sys::Opcode;

/// What the simulator makes of an opcode. One that the crate gains has to be said something of here.
fn how(opcode: Opcode) -> Result<&'static str, &'static str> {
    Ok(match opcode {
        Opcode::Nop => "done at once",
        Opcode::Read | Opcode::ReadVectored => {
            "files, sockets, pipes, counters; short; of a file late or interrupted"
        }
        Opcode::Write | Opcode::WriteVectored => {
            "as reads; of a file torn, failed now, or failed at the next sync"
        }
        Opcode::ReadFixed | Opcode::WriteFixed => {
            "as the plain ones, and only within the registered buffer that they name"
        }
        Opcode::Fsync => "what was written lasts, or the errors of the writes before come out",
        Opcode::PollAdd => "once and multishot, on everything; woken for nothing",
        Opcode::PollRemove => "as a cancel",
        Opcode::Send | Opcode::SendMsg => {
            "bounded windows, short sends, `MSG_WAITALL`, resets; datagrams, lost, doubled, late, refused"
        }
        Opcode::Recv | Opcode::RecvMsg => {
            "plain, peeked, whole, into provided buffers, multishot; FIN and reset at any byte; datagrams \
             with their sender, cut, dropped by a full socket"
        }
        Opcode::SendZeroCopy | Opcode::SendMsgZeroCopy => "two completions, the second one late",
        Opcode::Accept => "once and multishot, bounded backlogs, accepts that win against cancels",
        Opcode::Connect => {
            "refused, unanswered, tried again, to a full backlog; of datagram sockets, and to nobody"
        }
        Opcode::Shutdown => "each direction",
        Opcode::Socket => "TCP and UDP over IPv4 and IPv6",
        Opcode::Close => "the number is free; the file lives on while an operation uses it",
        Opcode::AsyncCancel => "by user data, by descriptor, all: won, lost, too late",
        Opcode::LinkTimeout => "fires, or is taken back, in every order",
        Opcode::MsgRing => "data to another ring",
        Opcode::OpenAt => {
            "`O_CREAT`, `O_EXCL`, `O_TRUNC`, `O_APPEND`, `O_TMPFILE`, by paths over links"
        }
        Opcode::Statx => "by path and of an open file",
        Opcode::Fallocate => "room, and holes",
        Opcode::Fadvise => "heard, without effect",
        Opcode::FTruncate => "shorter and longer",
        Opcode::RenameAt
        | Opcode::UnlinkAt
        | Opcode::MkDirAt
        | Opcode::SymlinkAt
        | Opcode::LinkAt => {
            "names in order, lost from some change on when the host crashes unsynced"
        }
        Opcode::SetXattr | Opcode::GetXattr => {
            "`user.` attributes by path; unsynced ones may be lost"
        }
        Opcode::Splice => "between pipes, files and streams; waits on a worker",
        Opcode::Tee => "between pipes; waits on a worker",
        Opcode::OpenAt2
        | Opcode::FSetXattr
        | Opcode::FGetXattr
        | Opcode::ReadMultishot
        | Opcode::WaitId
        | Opcode::FixedFdInstall => return Err("never pushed"),
    })
}

/// A name without what the crates that build entries write in other ways.
fn plain(name: &str) -> String {
    name.to_lowercase().replace('_', "").replace("multi", "").replace("data", "")
}

/// The entries that the crate builds, by the names of their builders.
fn pushed() -> Vec<String> {
    let sources = [include_str!("../../sqe.rs"), include_str!("../../sqe/pipes.rs")];
    let builders = sources.iter().flat_map(|source| source.split("opcode::").skip(1));
    builders
        .filter_map(|rest| rest.split_once("::new(").map(|(name, _)| name))
        .filter(|name| name.chars().all(char::is_alphanumeric))
        .map(plain)
        .collect()
}

#[test]
fn every_opcode_that_the_crate_pushes_is_interpreted() {
    let pushed = pushed();
    assert!(pushed.len() > 30, "the sources are read as they are written: {pushed:?}");
    for name in &pushed {
        let found = Opcode::all().find(|opcode| plain(opcode.name()) == *name);
        let opcode = found.unwrap_or_else(|| panic!("{name} is no opcode of the table"));
        assert!(how(opcode).is_ok(), "{name} is pushed, and the simulator does not know it");
    }
}

#[test]
fn what_the_probe_answers_is_what_is_interpreted() {
    for opcode in Opcode::all() {
        let is_known = codes::KNOWN.contains(&(opcode as u8, opcode.name()));
        assert_eq!(is_known, codes::is_known(opcode as u8), "{}", opcode.name());
        assert_eq!(is_known, how(opcode).is_ok(), "{}", opcode.name());
    }
}

#[test]
fn the_readme_of_the_tests_has_the_table() {
    let readme = include_str!("../../../../tests/README.md");
    let row = |opcode: Opcode| {
        let how = how(opcode).unwrap_or_else(|why| why);
        format!("| `{}` | {how} |", opcode.name())
    };
    let rows: Vec<String> = Opcode::all().map(row).collect();
    assert!(readme.contains(&rows.join("\n")), "the table is:\n{}", rows.join("\n"));
}
