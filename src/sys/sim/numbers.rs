//! The numbers that name open files: opened, closed by the crate, let go to users, looked after.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use super::Fault;
use super::files::{Descriptor, FileId, Kind};
use super::machine::Machine;
use super::placeholder::{self, Placeholder};

/// How often it is looked whether another thread has kicked a loop, while there is more to do.
const KICKS_EVERY: u32 = 1024;

/// What the simulator does with descriptors.
impl Machine {
    /// Gives a file a descriptor.
    pub(super) fn open(&mut self, file: FileId) -> io::Result<OwnedFd> {
        if self.rng.chance(self.faults.get(Fault::NoDescriptors)) {
            mark!("out of descriptors");
            return Err(io::Error::from_raw_os_error(libc::EMFILE));
        }
        let open = self.files.get(file);
        let token = open.map_or(0, |file| file.serial);
        let (number, placeholder) = match open.map(|file| &file.kind) {
            Some(Kind::Event(_)) => (placeholder::counter()?, Placeholder::Counter),
            _ => (placeholder::number()?, Placeholder::Plain),
        };
        let raw = number.as_raw_fd();
        if self.files.table.contains_key(&raw) {
            // A thread without the simulator has closed it.
            self.forget_number(raw);
        }
        if matches!(placeholder, Placeholder::Counter) {
            self.files.counters.push(raw);
        }
        self.files.table.insert(raw, Descriptor { file, placeholder, token });
        self.files.tokens.insert(token, raw);
        self.files.retain(file);
        self.note("open", token, 0);
        Ok(number)
    }

    /// Makes a file and gives it a descriptor.
    pub(super) fn open_new(&mut self, kind: Kind) -> io::Result<OwnedFd> {
        let file = self.files.insert(self.current, kind);
        let opened = self.open(file);
        if opened.is_err() {
            self.files.remove(file);
        }
        opened
    }

    /// Closes a number, as an op does; whether it was open.
    pub(super) fn close_number(&mut self, number: RawFd) -> bool {
        let is_open = self.files.table.contains_key(&number);
        if is_open {
            // SAFETY: an entry that closes a descriptor has been given it.
            self.close_owned(unsafe { OwnedFd::from_raw_fd(number) });
        }
        is_open
    }

    /// Closes a descriptor that may be the simulator's.
    pub(super) fn close_owned(&mut self, fd: OwnedFd) {
        let number = fd.as_raw_fd();
        if let Some(Descriptor { placeholder, .. }) = self.files.table.get(&number) {
            match placeholder {
                Placeholder::Plain => placeholder::give_back(fd),
                Placeholder::Counter => {
                    // What another thread has counted meanwhile is nothing to the next loop.
                    let _was_raised = placeholder::was_raised(number);
                    placeholder::give_back_counter(fd);
                }
                Placeholder::Stray { .. } => drop(fd),
            }
            return self.forget_number(number);
        }
        let ring = self.rings.iter_mut().find(|ring| ring.has_number && ring.number == number);
        if let Some(ring) = ring {
            (ring.has_number, ring.is_closed) = (false, true);
            placeholder::give_back(fd);
        }
    }

    /// The user has a descriptor from now on, and closes it without a word.
    pub(super) fn let_go(&mut self, fd: &OwnedFd) {
        let Some(descriptor) = self.files.table.get_mut(&fd.as_raw_fd()) else { return };
        match &mut descriptor.placeholder {
            Placeholder::Plain => {}
            Placeholder::Stray { is_taken_in, .. } => {
                self.files.strays += usize::from(std::mem::take(is_taken_in));
                return;
            }
            Placeholder::Counter => return,
        }
        match self.files.watch.let_go(fd, descriptor.token) {
            Ok(stray) => {
                descriptor.placeholder = stray;
                self.files.strays += 1;
            }
            Err(error) => self.violation(format!("no descriptor to watch another by: {error}")),
        }
    }

    /// The crate has taken a descriptor of the user's in, and tells of its close.
    pub(super) fn take_in(&mut self, number: RawFd) {
        let descriptor = self.files.table.get_mut(&number);
        if let Some(Placeholder::Stray { is_taken_in, .. }) =
            descriptor.map(|descriptor| &mut descriptor.placeholder)
        {
            self.files.strays -= usize::from(!std::mem::replace(is_taken_in, true));
        }
    }

    /// Takes a number that is closed out of the table.
    fn forget_number(&mut self, number: RawFd) {
        let Some(descriptor) = self.files.table.remove(&number) else { return };
        self.files.tokens.remove(&descriptor.token);
        match descriptor.placeholder {
            Placeholder::Plain => {}
            Placeholder::Stray { is_taken_in, .. } => {
                self.files.strays -= usize::from(!is_taken_in);
            }
            Placeholder::Counter => self.files.counters.retain(|counter| *counter != number),
        }
        self.note("close", descriptor.token, 0);
        self.check_unused(descriptor.file);
        self.release_file(descriptor.file);
    }

    /// An op in flight that names a closed number could come upon another file of that number. The
    /// loop's own counter is closed with its ring, under the poll that waits for it.
    fn check_unused(&mut self, id: FileId) {
        let Some(file) = self.files.get(id) else { return };
        let is_counter = matches!(file.kind, Kind::Event(_));
        if file.users > 1 && !is_counter && !self.leaks {
            let serial = file.serial;
            self.suspect("a descriptor is closed while an operation uses it", serial);
        }
    }

    /// Looks around if the program has run since it was last asked.
    #[inline]
    pub(super) fn look_if_run(&mut self) {
        if !std::mem::replace(&mut self.has_run, false) {
            return;
        }
        self.look_around();
        self.looks = self.looks.wrapping_add(1);
        if self.looks % KICKS_EVERY == 0 {
            self.look_for_kicks();
        }
    }

    /// Looks for numbers that users have closed.
    #[inline]
    pub(super) fn look_around(&mut self) {
        if self.files.strays > 0 {
            self.look_for_closes();
        }
    }

    #[cold]
    fn look_for_closes(&mut self) {
        let mut noticed = std::mem::take(&mut self.files.noticed);
        self.files.watch.look(&mut noticed);
        for token in noticed.drain(..) {
            if let Some(number) = self.files.tokens.get(&token).copied() {
                self.forget_number(number);
            }
        }
        self.files.noticed = noticed;
    }

    /// Looks whether threads without this simulator have kicked a loop; it takes a call for each.
    #[cold]
    pub(super) fn look_for_kicks(&mut self) -> bool {
        let mut any = false;
        for counter in self.files.counters.clone() {
            any |= placeholder::was_raised(counter) && self.signal(counter);
        }
        any
    }
}
