//! Sleeping until something is to be done: a datagram, a command, or a timer.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};
use std::time::Duration;

use super::MediaSocket;

/// Wakes a worker from its sleep, from any thread.
#[derive(Debug)]
pub(crate) struct Waker(File);

/// Why the sleep ended; none of them: the time was up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) socket: bool,
    pub(crate) waker: bool,
    /// What was given beside them.
    pub(crate) other: bool,
}

impl Waker {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: no pointers are involved.
        let fd = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just made and is owned by nobody else.
        Ok(Self(File::from(unsafe { OwnedFd::from_raw_fd(fd) })))
    }

    /// Ends the current sleep, or the next one at once.
    pub(crate) fn wake(&self) {
        // It fails only when the counter is full, and then the worker is awake.
        let _ = (&self.0).write(&1u64.to_ne_bytes());
    }

    /// Forgets the wake-ups so far.
    fn reset(&self) {
        let _ = (&self.0).read(&mut [0; 8]);
    }
}

impl MediaSocket {
    /// Sleeps until a datagram waits, somebody wakes us, the other descriptor can be read from, or the time is up
    /// (`None`: without limit).
    pub(crate) fn wait(
        &self,
        waker: &Waker,
        other: Option<BorrowedFd<'_>>,
        timeout: Option<Duration>,
    ) -> io::Result<Ready> {
        // The kernel looks at no negative descriptor.
        let other = other.map_or(-1, |other| other.as_raw_fd());
        let mut fds = [readable(self.socket.as_raw_fd()), readable(waker.0.as_raw_fd()), readable(other)];
        poll(&mut fds, timeout)?;
        let [socket, wake, other] = fds.map(|fd| fd.revents != 0);
        if wake {
            waker.reset();
        }
        Ok(Ready { socket, waker: wake, other })
    }

    /// Whether there was room for another datagram before the time was up.
    pub(super) fn wait_writable(&self, timeout: Duration) -> bool {
        let mut fds = [libc::pollfd { fd: self.socket.as_raw_fd(), events: libc::POLLOUT, revents: 0 }];
        poll(&mut fds, Some(timeout)).is_ok() && fds.iter().all(|fd| fd.revents & libc::POLLOUT != 0)
    }
}

fn readable(fd: RawFd) -> libc::pollfd {
    libc::pollfd { fd, events: libc::POLLIN, revents: 0 }
}

/// `ppoll`, because `poll` counts in milliseconds and pacing will not. A signal
/// ends the sleep like a time-out.
fn poll(fds: &mut [libc::pollfd], timeout: Option<Duration>) -> io::Result<()> {
    let timeout = timeout.map(|timeout| libc::timespec {
        tv_sec: timeout.as_secs().min(86_400) as libc::time_t,
        tv_nsec: timeout.subsec_nanos() as _,
    });
    let timeout = timeout.as_ref().map_or(std::ptr::null(), |timeout| &raw const *timeout);
    // SAFETY: `fds` is a valid array of the length given; the time is null or
    // points to a timespec that outlives the call; no signal mask is given.
    let result =
        unsafe { libc::ppoll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout, std::ptr::null()) };
    if result >= 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    if error.kind() == io::ErrorKind::Interrupted { Ok(()) } else { Err(error) }
}
