//! What a ring is told once it is made: how many kernel threads work for it, and to poll network
//! devices while it waits.

#![expect(unsafe_code, reason = "registers through the door")]

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr::NonNull;
use std::time::Duration;

use super::ring::Ring;
use super::{abi, door};
use crate::buf::FixedBufs;

/// `struct io_uring_napi`, with the first strategy: the kernel tracks the devices. Since 6.9.
#[repr(C)]
#[derive(Debug, Default)]
struct Napi {
    busy_poll_us: u32,
    prefers_busy_poll: u8,
    reserved: [u8; 3],
    reserved2: [u32; 2],
}

const _: () = assert!(size_of::<Napi>() == 16);

/// How a ring polls network devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NapiConfig {
    pub(crate) busy_poll: Duration,
    /// Leaves the device's interrupts off as long as it is polled.
    pub(crate) is_preferred: bool,
}

impl Ring {
    /// Lets waits poll the devices of the ring's sockets.
    ///
    /// # Errors
    ///
    /// `EINVAL` before 6.9 and of a kernel without `CONFIG_NET_RX_BUSY_POLL`.
    pub(crate) fn poll_devices(&self, config: NapiConfig) -> io::Result<()> {
        let longest = config.busy_poll.as_micros().min(u128::from(u32::MAX));
        let mut napi = Napi {
            busy_poll_us: longest as u32,
            prefers_busy_poll: u8::from(config.is_preferred),
            ..Napi::default()
        };
        let arg: *mut Napi = &mut napi;
        let ring = self.as_fd().as_raw_fd();
        // SAFETY: `arg` points to one writable record of the kind this opcode takes.
        unsafe { door::register(ring, abi::REGISTER_NAPI, arg.cast(), 1) }?;
        Ok(())
    }

    /// Registers buffers by their numbers; the kernel holds on to their pages.
    ///
    /// # Errors
    ///
    /// `EBUSY` when the ring has some already, `ENOMEM` also for the limit of locked memory.
    pub(crate) fn register_buffers(&self, bufs: &FixedBufs) -> io::Result<()> {
        let piece = |start: NonNull<u8>| libc::iovec {
            iov_base: start.as_ptr().cast(),
            iov_len: bufs.size(),
        };
        let mut pieces: Vec<libc::iovec> = bufs.starts().map(piece).collect();
        let (ring, count) = (self.as_fd().as_raw_fd(), pieces.len() as u32);
        let arg = pieces.as_mut_ptr().cast();
        // SAFETY: the opcode takes `count` pieces, each of which is memory that is there; the kernel
        // pins its pages, so that it may be freed at any time.
        unsafe { door::register(ring, abi::REGISTER_BUFFERS, arg, count) }?;
        Ok(())
    }

    /// Bounds how many kernel threads work for this ring on files and on other work.
    pub(crate) fn limit_kernel_workers(&self, files: u32, others: u32) -> io::Result<()> {
        let mut limits = [files, others];
        let (ring, arg) = (self.as_fd().as_raw_fd(), limits.as_mut_ptr());
        // SAFETY: the opcode takes two writable `u32`.
        unsafe { door::register(ring, abi::REGISTER_IOWQ_MAX_WORKERS, arg.cast(), 2) }?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::RingConfig;

    #[test]
    fn the_kernel_has_the_setting_that_it_was_given() {
        let ring = Ring::new(&RingConfig::default()).expect("a ring");
        let fd = ring.as_fd().as_raw_fd();
        let config = NapiConfig { busy_poll: Duration::from_micros(37), is_preferred: true };
        if let Err(error) = ring.poll_devices(config) {
            assert_eq!(error.raw_os_error(), Some(libc::EINVAL), "{error}");
            return eprintln!("skipped: this kernel polls no devices for a ring (6.9)");
        }
        let mut napi = Napi::default();
        let arg: *mut Napi = &mut napi;
        // SAFETY: the opcode fills one record of this kind with what was set.
        unsafe { door::register(fd, abi::UNREGISTER_NAPI, arg.cast(), 1) }.expect("it was set");
        assert_eq!((napi.busy_poll_us, napi.prefers_busy_poll), (37, 1));
    }
}
