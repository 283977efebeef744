//! A host: a name, an address, the ports in use, a disk.

use std::net::{IpAddr, SocketAddr};

use super::disk::Disk;
use super::files::FileId;

/// Where the range of ports begins that a bind to port 0 chooses from.
const PORTS_FROM: u16 = 32_768;

/// One simulated host.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) name: String,
    pub(super) ip: IpAddr,
    /// Sockets with an address of their own.
    pub(super) bound: Vec<(SocketAddr, FileId)>,
    /// Those for datagrams, whose ports are others.
    pub(super) datagrams: Vec<(SocketAddr, FileId)>,
    next_port: u16,
    pub(super) disk: Disk,
    pub(super) is_up: bool,
}

impl Host {
    pub(super) fn new(name: &str, ip: IpAddr) -> Host {
        Host {
            name: name.to_owned(),
            ip,
            bound: Vec::new(),
            datagrams: Vec::new(),
            next_port: PORTS_FROM,
            disk: Disk::new(),
            is_up: true,
        }
    }

    /// Whether an address is one of this host's own.
    pub(super) fn has(&self, ip: IpAddr) -> bool {
        ip.is_loopback() || ip.is_unspecified() || ip == self.ip
    }

    /// A port that no socket of the host has.
    pub(super) fn free_port(&mut self) -> u16 {
        loop {
            let port = self.next_port;
            self.next_port = if port == u16::MAX { PORTS_FROM } else { port + 1 };
            let mut all = self.bound.iter().chain(&self.datagrams);
            if !all.any(|(address, _)| address.port() == port) {
                return port;
            }
        }
    }
}
