//! The loop: one system call a turn.

use std::net::TcpListener;
use std::os::fd::AsRawFd;

use annulus_bench_kit::ring::{BufferRing, GROUP, Ring, new_ring};
use annulus_bench_kit::{Job, Outcome, note_syscall};
use io_uring::types::{Fd, Timespec};
use io_uring::{cqueue, opcode, squeue};

use crate::application::Application;
use crate::connection::{Connection, Part};

const ACCEPT: u64 = 0;
const RECEIVE: u64 = 1;
const SEND: u64 = 2;
/// Completions that nobody waits for: closes and linked timeouts.
const OTHER: u64 = 3;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Owned,
    Shared,
    Multishot,
}

struct Server<A: Application> {
    ring: Ring,
    buffers: BufferRing,
    listener: Fd,
    form: Form,
    buffer: usize,
    timeout: Option<Timespec>,
    connections: Vec<Option<Connection<A::State>>>,
    free: Vec<usize>,
    /// Connections whose receive found no shared buffer; tried again after buffers came back.
    starved: Vec<usize>,
}

pub(crate) fn serve<A: Application>(job: &Job, listener: &TcpListener, _: A) -> Outcome<()> {
    let ring = new_ring(4096, 16 * 1024)?;
    let buffers = BufferRing::register(&ring, job.buffers(), job.buffer())?;
    let form = match job.form() {
        "recv" => Form::Shared,
        "stream" => Form::Multishot,
        _ => Form::Owned,
    };
    let mut server = Server::<A> {
        ring,
        buffers,
        listener: Fd(listener.as_raw_fd()),
        form,
        buffer: if form == Form::Owned { job.buffer() } else { 0 },
        timeout: job.timeout().map(Timespec::from),
        connections: Vec::new(),
        free: Vec::new(),
        starved: Vec::new(),
    };
    server.accept()?;
    server.run()
}

impl<A: Application> Server<A> {
    fn run(&mut self) -> Outcome<()> {
        let mut completions = Vec::with_capacity(16 * 1024);
        loop {
            note_syscall();
            match self.ring.submit_and_wait() {
                Ok(()) => {}
                Err(error) if error.raw_os_error() == Some(libc::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
            completions.extend(self.ring.completion());
            for completion in completions.drain(..) {
                self.complete(&completion)?;
            }
            if self.form != Form::Owned {
                self.buffers.publish();
            }
            for index in std::mem::take(&mut self.starved) {
                self.receive(index)?;
            }
        }
    }

    fn complete(&mut self, completion: &cqueue::Entry) -> Outcome<()> {
        let index = (completion.user_data() >> 8) as usize;
        let result = completion.result();
        match completion.user_data() & 0xff {
            ACCEPT => {
                if result >= 0 {
                    self.open(result)?;
                }
                if !cqueue::more(completion.flags()) {
                    self.accept()?;
                }
                Ok(())
            }
            RECEIVE => self.received(index, result, completion.flags()),
            SEND => self.sent(index, result),
            _ => Ok(()),
        }
    }

    fn open(&mut self, fd: i32) -> Outcome<()> {
        let index = self.free.pop().unwrap_or_else(|| {
            self.connections.push(None);
            self.connections.len() - 1
        });
        self.connections[index] = Some(Connection::new(fd, self.buffer));
        self.receive(index)
    }

    fn connection(&mut self, index: usize) -> &mut Connection<A::State> {
        self.connections[index].as_mut().expect("a connection with something in the kernel")
    }

    fn received(&mut self, index: usize, result: i32, flags: u32) -> Outcome<()> {
        let more = cqueue::more(flags);
        self.connection(index).receiving = more;
        if result == -libc::ENOBUFS {
            self.starved.push(index);
            return Ok(());
        }
        if result <= 0 {
            self.connection(index).ending = true;
            return self.close_if_over(index);
        }
        let length = result as usize;
        let shared = cqueue::buffer_select(flags);
        let connection = self.connections[index].as_mut().expect("a connection that received");
        if A::ECHOES {
            let part = shared.map_or(Part::Own(length), |id| Part::Shared(id, length));
            connection.parts.push_back(part);
        } else {
            let bytes = match shared {
                Some(id) => self.buffers.bytes(id, length),
                None => &connection.buf[..length],
            };
            let outcome = A::answer(&mut connection.state, bytes, &mut connection.answers);
            connection.ending = outcome.is_err();
            if connection.parts.len() < 2 && !connection.answers.is_empty() {
                connection.parts.push_back(Part::Answers);
            }
            if let Some(id) = shared {
                self.buffers.provide(id);
            }
        }
        if !self.connection(index).sending {
            self.send_next(index)?;
        }
        if self.form == Form::Multishot && !more {
            self.receive(index)?;
        }
        Ok(())
    }

    fn sent(&mut self, index: usize, result: i32) -> Outcome<()> {
        let connection = self.connection(index);
        connection.sending = false;
        if result < 0 {
            connection.ending = true;
        }
        connection.sent += result.max(0) as usize;
        let length = match connection.parts[0] {
            Part::Own(length) | Part::Shared(_, length) => length,
            Part::Answers => connection.sending_answers.len(),
        };
        if connection.sent < length && !connection.ending {
            return self.send(index);
        }
        connection.sent = 0;
        match connection.parts.pop_front() {
            Some(Part::Shared(id, _)) => self.buffers.provide(id),
            Some(Part::Answers) => connection.sending_answers.clear(),
            _ => {}
        }
        self.send_next(index)
    }

    /// Sends the next part, if there is one, or goes on receiving.
    fn send_next(&mut self, index: usize) -> Outcome<()> {
        let form = self.form;
        let connection = self.connection(index);
        if connection.ending {
            return self.close_if_over(index);
        }
        match connection.parts.front() {
            Some(Part::Answers) => {
                std::mem::swap(&mut connection.answers, &mut connection.sending_answers);
                self.send(index)
            }
            Some(_) => self.send(index),
            None if form == Form::Multishot => Ok(()),
            None => self.receive(index),
        }
    }

    fn send(&mut self, index: usize) -> Outcome<()> {
        let connection = self.connections[index].as_mut().expect("a connection that sends");
        let bytes = match connection.parts[0] {
            Part::Own(length) => &connection.buf[..length],
            Part::Shared(id, length) => self.buffers.bytes(id, length),
            Part::Answers => &connection.sending_answers,
        };
        let rest = &bytes[connection.sent..];
        let entry = opcode::Send::new(Fd(connection.fd), rest.as_ptr(), rest.len() as u32)
            .flags(libc::MSG_NOSIGNAL)
            .build()
            .user_data((index as u64) << 8 | SEND);
        connection.sending = true;
        self.push(&[entry])
    }

    fn receive(&mut self, index: usize) -> Outcome<()> {
        let connection = self.connections[index].as_mut().expect("a connection that receives");
        connection.receiving = true;
        let (fd, length) = (Fd(connection.fd), connection.buf.len() as u32);
        let entry = match self.form {
            Form::Owned => opcode::Recv::new(fd, connection.buf.as_mut_ptr(), length).build(),
            // A length of nothing takes that of the buffer.
            Form::Shared => opcode::Recv::new(fd, std::ptr::null_mut(), 0)
                .buf_group(GROUP)
                .build()
                .flags(squeue::Flags::BUFFER_SELECT),
            Form::Multishot => opcode::RecvMulti::new(fd, GROUP).build(),
        };
        let entry = entry.user_data((index as u64) << 8 | RECEIVE);
        match &self.timeout {
            Some(timeout) => {
                let limit = opcode::LinkTimeout::new(&raw const *timeout).build();
                let limit = limit.flags(squeue::Flags::SKIP_SUCCESS).user_data(OTHER);
                self.push(&[entry.flags(squeue::Flags::IO_LINK), limit])
            }
            None => self.push(&[entry]),
        }
    }

    fn accept(&mut self) -> Outcome<()> {
        let entry = opcode::AcceptMulti::new(self.listener)
            .flags(libc::SOCK_CLOEXEC)
            .build()
            .user_data(ACCEPT);
        self.push(&[entry])
    }

    fn close_if_over(&mut self, index: usize) -> Outcome<()> {
        let connection = self.connection(index);
        if !connection.is_over() {
            return Ok(());
        }
        let fd = Fd(connection.fd);
        for part in std::mem::take(&mut connection.parts) {
            if let Part::Shared(id, _) = part {
                self.buffers.provide(id);
            }
        }
        self.connections[index] = None;
        self.free.push(index);
        let entry = opcode::Close::new(fd).build();
        self.push(&[entry.flags(squeue::Flags::SKIP_SUCCESS).user_data(OTHER)])
    }

    /// All of the entries, or none of them in this turn: they may be linked.
    fn push(&mut self, entries: &[squeue::Entry]) -> Outcome<()> {
        loop {
            // SAFETY: the buffers that entries name belong to connections, whose memory stays while
            // anything of theirs is in the kernel, or to the shared ring.
            if unsafe { self.ring.submission().push_multiple(entries) }.is_ok() {
                return Ok(());
            }
            note_syscall();
            self.ring.submit()?;
        }
    }
}
