//! The control message beside a datagram that names its local address
//! (`IP_PKTINFO` and `IPV6_PKTINFO`, RFC 3542 section 6).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::RawFd;

use super::address::{Family, canonical, mapped};

/// `in_pktinfo`: interface, local address, address in the header.
const V4_BYTES: usize = 12;
/// `in6_pktinfo`: address, interface.
const V6_BYTES: usize = 20;
/// Where a control message's data begins: on every Linux ABI the header's size
/// is a multiple of its own alignment.
const HEADER: usize = size_of::<libc::cmsghdr>();

/// Room for one control message with the larger of the two.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Control {
    header: libc::cmsghdr,
    data: [u8; 24],
}

impl Control {
    pub(super) const SPACE: usize = size_of::<Self>();

    pub(super) fn empty() -> Self {
        // SAFETY: `cmsghdr` consists of integers (and, in some C libraries,
        // integer padding), for all of which zero is a value.
        let header = unsafe { std::mem::zeroed() };
        Self { header, data: [0; 24] }
    }

    /// Asks the kernel to send from this address; the second value is the
    /// length to announce. `None` for an IPv6 address on an IPv4 socket.
    pub(super) fn encode(from: IpAddr, family: Family) -> Option<(Self, usize)> {
        let mut control = Self::empty();
        let (level, kind, bytes) = match (family, from) {
            (Family::V4, IpAddr::V6(_)) => return None,
            (Family::V4, IpAddr::V4(ip)) => {
                control.put(4, &ip.octets());
                (libc::IPPROTO_IP, libc::IP_PKTINFO, V4_BYTES)
            }
            // A mapped address is what a dual-stack socket takes for IPv4, too.
            (Family::Dual, ip) => {
                control.put(0, &mapped(ip).octets());
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, V6_BYTES)
            }
        };
        control.header.cmsg_level = level;
        control.header.cmsg_type = kind;
        control.header.cmsg_len = (HEADER + bytes) as _;
        Some((control, space(bytes)))
    }

    /// The local address that the kernel wrote, when it wrote one within `length`.
    pub(super) fn decode(&self, length: usize) -> Option<IpAddr> {
        let announced = self.header.cmsg_len;
        if announced > length.min(Self::SPACE) {
            return None;
        }
        match (self.header.cmsg_level, self.header.cmsg_type) {
            (libc::IPPROTO_IP, libc::IP_PKTINFO) if announced >= HEADER + V4_BYTES => {
                // The address in the header: where it was sent to.
                self.take::<4>(8).map(|bytes| Ipv4Addr::from(bytes).into())
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) if announced >= HEADER + V6_BYTES => {
                self.take::<16>(0).map(|bytes| canonical(Ipv6Addr::from(bytes)))
            }
            _ => None,
        }
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        if let Some(space) = self.data.get_mut(at..at + bytes.len()) {
            space.copy_from_slice(bytes);
        }
    }

    fn take<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.data.get(at..at + N).and_then(|bytes| bytes.try_into().ok())
    }
}

/// `CMSG_SPACE`: header and data, each filled up to the header's alignment.
fn space(bytes: usize) -> usize {
    HEADER + bytes.next_multiple_of(align_of::<libc::cmsghdr>())
}

/// Has the kernel hand over the local address of each datagram.
pub(super) fn ask_for_local_address(socket: RawFd, family: Family) -> io::Result<()> {
    let (level, option) = match family {
        Family::Dual => (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
        Family::V4 => (libc::IPPROTO_IP, libc::IP_PKTINFO),
    };
    let on: libc::c_int = 1;
    // SAFETY: the option value is a c_int that outlives the call, and the length
    // given is its size.
    let result = unsafe {
        libc::setsockopt(socket, level, option, (&raw const on).cast(), size_of_val(&on) as libc::socklen_t)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_that_of_the_abi() {
        // SAFETY: pure arithmetic.
        let (v4, v6) = unsafe { (libc::CMSG_SPACE(V4_BYTES as u32), libc::CMSG_SPACE(V6_BYTES as u32)) };
        assert_eq!(space(V4_BYTES), v4 as usize);
        assert_eq!(space(V6_BYTES), v6 as usize);
        assert_eq!(V4_BYTES, size_of::<libc::in_pktinfo>());
        assert_eq!(V6_BYTES, size_of::<libc::in6_pktinfo>());
        assert!(v6 as usize <= Control::SPACE);
    }

    #[test]
    fn a_control_message_that_is_short_or_strange_names_no_address() {
        let (control, length) = Control::encode("2001:db8::1".parse().unwrap(), Family::Dual).unwrap();
        assert_eq!(control.decode(length), Some("2001:db8::1".parse().unwrap()));
        assert_eq!(control.decode(HEADER), None);
        assert_eq!(Control::empty().decode(Control::SPACE), None);
        assert!(Control::encode("::1".parse().unwrap(), Family::V4).is_none());
    }
}
