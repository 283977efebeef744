//! A storm of connections: each is opened, makes one exchange and is closed; so many at a time.
//!
//! Connecting, sending and receiving are linked entries, of which only the last leaves a
//! completion. Connections come from many addresses of the loopback network, as their ports stay
//! taken for a minute after they were closed.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Instant;

use annulus_bench_kit::ring::{Ring, new_ring};
use hdrhistogram::Histogram;
use io_uring::{opcode, squeue, types};

use super::Exchange;
use super::closed::{Load, Window, failure, histogram, wait};
use super::connections::PATIENCE;
use crate::Error;
use crate::process::thread_cpu;

/// Entries of a slot in the order of their links.
const CONNECT: u64 = 0;
const SEND: u64 = 1;
const RECEIVE: u64 = 2;

/// Source addresses, of 28 000 ports each.
const ADDRESSES: u32 = 200;

struct Slot {
    socket: Option<OwnedFd>,
    began: Instant,
    buf: Vec<u8>,
}

struct Storm<'a> {
    ring: Ring,
    slots: Vec<Slot>,
    /// Where to, in the kernel's form; the entries point to it.
    server: Box<libc::sockaddr_in>,
    exchange: &'a Exchange,
    latency: Histogram<u64>,
    done: u64,
    opened: u32,
}

/// Keeps `at_once` connections coming and going for the length of `window`. The requests of the
/// answer are connections.
pub fn storm(
    port: u16,
    at_once: usize,
    exchange: &Exchange,
    window: Window,
    mut mark: impl FnMut() -> Result<(), Error>,
) -> Result<Load, Error> {
    let mut storm = Storm::new(port, at_once, exchange)?;
    for index in 0..at_once {
        storm.open(index)?;
    }
    storm.run_until(Instant::now() + window.warm_up)?;
    (storm.done, storm.latency) = (0, histogram());
    mark()?;
    let (began, cpu) = (Instant::now(), thread_cpu());
    storm.run_until(began + window.measure)?;
    let (wall, cpu) = (began.elapsed(), thread_cpu().saturating_sub(cpu));
    mark()?;
    Ok(Load { requests: storm.done, wall, latency: storm.latency, cpu })
}

impl<'a> Storm<'a> {
    fn new(port: u16, at_once: usize, exchange: &'a Exchange) -> Result<Self, Error> {
        let now = Instant::now();
        let slot = || Slot { socket: None, began: now, buf: vec![0; exchange.answer.len()] };
        Ok(Storm {
            ring: new_ring(1024, 4096)?,
            slots: (0..at_once).map(|_| slot()).collect(),
            server: Box::new(socket_address(Ipv4Addr::LOCALHOST, port)),
            exchange,
            latency: histogram(),
            done: 0,
            opened: 0,
        })
    }

    fn run_until(&mut self, end: Instant) -> Result<(), Error> {
        while Instant::now() < end {
            wait(&mut self.ring, PATIENCE)?;
            loop {
                let completion = self.ring.completion().next();
                let Some(completion) = completion else { break };
                self.complete(completion.user_data(), completion.result())?;
            }
        }
        Ok(())
    }

    fn complete(&mut self, name: u64, result: i32) -> Result<(), Error> {
        let index = (name >> 2) as usize;
        let what = match name & 3 {
            CONNECT => "a connect",
            SEND => "a send",
            _ => "a receive",
        };
        if name & 3 != RECEIVE || result < 0 {
            return Err(failure(what, result));
        }
        let slot = &mut self.slots[index];
        if slot.buf[..result as usize] != self.exchange.answer[..] {
            return Err("the server's answer is wrong".into());
        }
        slot.socket = None;
        self.latency.saturating_record(slot.began.elapsed().as_nanos() as u64);
        self.done += 1;
        self.open(index)
    }

    fn open(&mut self, index: usize) -> Result<(), Error> {
        let socket = new_socket(source_address(self.opened))?;
        self.opened = self.opened.wrapping_add(1);
        let fd = types::Fd(socket.as_raw_fd());
        let slot = &mut self.slots[index];
        (slot.socket, slot.began) = (Some(socket), Instant::now());
        let name = (index as u64) << 2;
        let (request, buf) = (&self.exchange.request, &mut slot.buf);
        let linked = squeue::Flags::IO_LINK | squeue::Flags::SKIP_SUCCESS;
        let address = (&raw const *self.server).cast();
        let length = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        let entries = [
            opcode::Connect::new(fd, address, length)
                .build()
                .flags(linked)
                .user_data(name | CONNECT),
            opcode::Send::new(fd, request.as_ptr(), request.len() as u32)
                .flags(libc::MSG_WAITALL | libc::MSG_NOSIGNAL)
                .build()
                .flags(linked)
                .user_data(name | SEND),
            opcode::Recv::new(fd, buf.as_mut_ptr(), buf.len() as u32)
                .flags(libc::MSG_WAITALL)
                .build()
                .user_data(name | RECEIVE),
        ];
        loop {
            // SAFETY: what the entries name, the slots and the request, outlives the ring, which
            // is the first of the fields and so dropped first; slots are never moved.
            if unsafe { self.ring.submission().push_multiple(&entries) }.is_ok() {
                return Ok(());
            }
            self.ring.submit()?;
        }
    }
}

/// The address of the connection with this number.
fn source_address(number: u32) -> Ipv4Addr {
    let [_, _, third, fourth] = (number % ADDRESSES + 256).to_be_bytes();
    Ipv4Addr::new(127, 0, third, fourth.max(1))
}

fn socket_address(address: Ipv4Addr, port: u16) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.octets()) },
        sin_zero: [0; 8],
    }
}

/// A socket that will come from `source`, by a port that is chosen when it connects.
fn new_socket(source: Ipv4Addr) -> io::Result<OwnedFd> {
    // SAFETY: plain numbers.
    let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and ours.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    let on: libc::c_int = 1;
    let length = size_of_val(&on) as libc::socklen_t;
    for (level, option) in
        [(libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT), (libc::IPPROTO_TCP, libc::TCP_NODELAY)]
    {
        // SAFETY: `on` is valid for the call and of the length given.
        if unsafe { libc::setsockopt(fd, level, option, (&raw const on).cast(), length) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    let address = socket_address(source, 0);
    let length = size_of_val(&address) as libc::socklen_t;
    // SAFETY: `address` is a valid IPv4 address of the length given.
    if unsafe { libc::bind(fd, (&raw const address).cast(), length) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_loopback_addresses_and_none_is_a_networks_own() {
        for number in 0..1000 {
            let address = source_address(number);
            assert!(address.is_loopback());
            assert_ne!(address.octets()[3], 0);
        }
    }
}
