//! Socket addresses in memory that an entry lends.

use std::net::SocketAddr;

use super::memory::Memory;
use crate::sys::address::SocketAddress;

/// Reads a `sockaddr`; `None` if it is of another family than IPv4 and IPv6.
pub(super) fn read(memory: Memory) -> Option<SocketAddr> {
    let mut address = SocketAddress::empty();
    let (start, len) = address.as_mut_ptrs();
    let room = Memory::new(start as u64, size_of::<libc::sockaddr_storage>());
    memory.with(0, memory.len, |bytes| room.write(0, bytes));
    Memory::new(len as u64, size_of::<libc::socklen_t>()).write_as(memory.len as libc::socklen_t);
    address.to_socket_addr().ok()
}

/// Whether a `sockaddr` is of no family (`AF_UNSPEC`).
pub(super) fn is_nobody(memory: Memory) -> bool {
    memory.len >= 2 && memory.read_as::<libc::sa_family_t>() == libc::AF_UNSPEC as u16
}

/// Whom the message with this header is for, if that says so.
pub(super) fn of_message(header: u64) -> Result<Option<SocketAddr>, i32> {
    let header: libc::msghdr = Memory::new(header, size_of::<libc::msghdr>()).read_as();
    if header.msg_name.is_null() || header.msg_namelen == 0 {
        return Ok(None);
    }
    let name = Memory::new(header.msg_name as u64, header.msg_namelen as usize);
    read(name).map(Some).ok_or(libc::EAFNOSUPPORT)
}

/// Writes an address to `addr`, cut to the length that stands at `len_addr`, and its true length
/// there. Null addresses take nothing.
pub(super) fn write(addr: u64, len_addr: u64, address: SocketAddr) {
    if addr == 0 || len_addr == 0 {
        return;
    }
    let len = Memory::new(len_addr, size_of::<libc::socklen_t>());
    let room: libc::socklen_t = len.read_as();
    let address = SocketAddress::from(address);
    let bytes = Memory::new(address.as_ptr() as u64, address.len() as usize).to_vec();
    Memory::new(addr, room as usize).write(0, &bytes);
    len.write_as(address.len());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_and_read_again() {
        for text in ["10.0.0.1:80", "[::1]:443"] {
            let address: SocketAddr = text.parse().unwrap();
            let mut place = SocketAddress::empty();
            let (start, len) = place.as_mut_ptrs();
            write(start as u64, len as u64, address);
            assert_eq!(place.to_socket_addr().unwrap(), address);
            assert_eq!(
                read(Memory::new(place.as_ptr() as u64, place.len() as usize)),
                Some(address)
            );
        }
    }
}
