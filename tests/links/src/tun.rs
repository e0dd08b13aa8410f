//! A network interface whose packets come to this program: a TUN device.
//!
//! On a veth pair packets have no checksums yet and several may travel as one; to a TUN device without offloads the
//! kernel hands them whole, one by one, as a cable would carry them.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;

use crate::MTU;

/// It disappears when this is dropped, and however else the program ends.
#[derive(Debug)]
pub(crate) struct Tun(File);

impl Tun {
    /// In the network namespace of the calling thread, where it stays.
    ///
    /// # Errors
    ///
    /// Not root, no TUN in this kernel, or the name is taken.
    pub(crate) fn create(name: &str) -> io::Result<Self> {
        let device =
            OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open("/dev/net/tun")?;
        let mut request = libc::ifreq {
            ifr_name: [0; libc::IFNAMSIZ],
            ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_flags: (libc::IFF_TUN | libc::IFF_NO_PI) as i16 },
        };
        // The last one stays zero and ends the name.
        for (to, from) in request.ifr_name.iter_mut().take(libc::IFNAMSIZ - 1).zip(name.bytes()) {
            *to = from.cast_signed();
        }
        set_interface(&device, &request)?;
        Ok(Self(device))
    }

    /// A packet that the namespace sends, without its link layer; `None` when there is none at present.
    pub(crate) fn receive(&self) -> io::Result<Option<Vec<u8>>> {
        let mut packet = vec![0; MTU];
        match (&self.0).read(&mut packet) {
            Ok(bytes) => {
                packet.truncate(bytes);
                Ok(Some(packet))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A packet that reaches the namespace.
    pub(crate) fn send(&self, packet: &[u8]) -> io::Result<()> {
        (&self.0).write(packet).map(|_whole| ())
    }
}

impl AsFd for Tun {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[expect(unsafe_code, reason = "an interface is made by an ioctl, for which there is no safe call")]
fn set_interface(device: &File, request: &libc::ifreq) -> io::Result<()> {
    // SAFETY: the descriptor is open, and TUNSETIFF reads an `ifreq`, which outlives the call.
    let done = unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETIFF, request) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
