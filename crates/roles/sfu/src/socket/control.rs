//! The control messages beside datagrams, written and read byte by byte in the kernel's layout (RFC 3542 section 20):
//! the local address (`IP_PKTINFO`, `IPV6_PKTINFO`), and into what size a buffer of many datagrams is to be cut, or was
//! put together from (`UDP_SEGMENT`, `UDP_GRO`).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::RawFd;

use super::address::{Family, canonical, mapped};

/// `in_pktinfo`: interface, local address, address in the header.
const V4_BYTES: usize = 12;
/// `in6_pktinfo`: address, interface.
const V6_BYTES: usize = 20;
/// A `size_t`, to which everything is aligned.
const WORD: usize = size_of::<usize>();
/// `cmsghdr` as the kernel has it: a length, then level and type.
const HEADER: usize = WORD + 8;

/// Room for the messages of one datagram, or of one group of them.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug)]
pub(super) struct Control {
    bytes: [u8; Self::SPACE],
    used: usize,
}

impl Control {
    /// Two messages: an address and a size.
    pub(super) const SPACE: usize = 80;

    pub(super) const fn empty() -> Self {
        Self { bytes: [0; Self::SPACE], used: 0 }
    }

    /// Asks the kernel to send from this address. `None` for an IPv6 address on an IPv4 socket.
    pub(super) fn from_address(from: IpAddr, family: Family) -> Option<Self> {
        let mut control = Self::empty();
        match (family, from) {
            (Family::V4, IpAddr::V6(_)) => return None,
            (Family::V4, IpAddr::V4(ip)) => {
                let mut info = [0; V4_BYTES];
                info[4..8].copy_from_slice(&ip.octets());
                control.push(libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
            }
            // A mapped address is what a dual-stack socket takes for IPv4, too.
            (Family::Dual, ip) => {
                let mut info = [0; V6_BYTES];
                info[..16].copy_from_slice(&mapped(ip).octets());
                control.push(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
            }
        }
        Some(control)
    }

    /// Asks the kernel to cut the data into datagrams of this size.
    pub(super) fn segment(&mut self, size: u16) {
        self.push(libc::SOL_UDP, libc::UDP_SEGMENT, &size.to_ne_bytes());
    }

    /// What the kernel is to read.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.used).unwrap_or_default()
    }

    /// Where the kernel is to write.
    pub(super) fn space(&mut self) -> &mut [u8; Self::SPACE] {
        &mut self.bytes
    }

    /// What the kernel wrote into the first `length` bytes.
    pub(super) fn read(&self, length: usize) -> Arrival {
        let mut arrival = Arrival::default();
        let mut rest = self.bytes.get(..length).unwrap_or(&self.bytes);
        while let Some((level, kind, data, after)) = first_message(rest) {
            match (level, kind) {
                // The address in the header: where it was sent to.
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    arrival.local = array::<4>(data, 8).map(|bytes| Ipv4Addr::from(bytes).into());
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    arrival.local = array::<16>(data, 0).map(|bytes| canonical(Ipv6Addr::from(bytes)));
                }
                (libc::SOL_UDP, libc::UDP_GRO) => {
                    let size = array(data, 0).map(libc::c_int::from_ne_bytes);
                    arrival.segment =
                        size.and_then(|size| usize::try_from(size).ok()).filter(|&size| size > 0);
                }
                _ => {}
            }
            rest = after;
        }
        arrival
    }

    fn push(&mut self, level: libc::c_int, kind: libc::c_int, data: &[u8]) {
        let end = self.used + HEADER + data.len();
        let Some(space) = self.bytes.get_mut(self.used..end) else { return };
        let (header, rest) = space.split_at_mut(HEADER);
        let (length, names) = header.split_at_mut(WORD);
        length.copy_from_slice(&(HEADER + data.len()).to_ne_bytes());
        let (first, second) = names.split_at_mut(4);
        first.copy_from_slice(&level.to_ne_bytes());
        second.copy_from_slice(&kind.to_ne_bytes());
        rest.copy_from_slice(data);
        self.used = end.next_multiple_of(WORD);
    }
}

/// What the kernel says about what arrived.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Arrival {
    /// The address that it was sent to.
    pub(super) local: Option<IpAddr>,
    /// The size of each datagram but the last, where there may be more than one.
    pub(super) segment: Option<usize>,
}

/// Level, type and data of the first message, and what lies behind it.
fn first_message(bytes: &[u8]) -> Option<(libc::c_int, libc::c_int, &[u8], &[u8])> {
    let length = usize::from_ne_bytes(array(bytes, 0)?);
    let level = libc::c_int::from_ne_bytes(array(bytes, WORD)?);
    let kind = libc::c_int::from_ne_bytes(array(bytes, WORD + 4)?);
    let data = bytes.get(HEADER..length)?;
    Some((level, kind, data, bytes.get(length.checked_next_multiple_of(WORD)?..).unwrap_or_default()))
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N).and_then(|bytes| bytes.try_into().ok())
}

/// Has the kernel hand over the local address of each datagram.
pub(super) fn ask_for_local_address(socket: RawFd, family: Family) -> io::Result<()> {
    let (level, option) = match family {
        Family::Dual => (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
        Family::V4 => (libc::IPPROTO_IP, libc::IP_PKTINFO),
    };
    switch_on(socket, level, option)
}

/// Has the kernel hand over datagrams of one source together, where it has got them together.
pub(super) fn ask_for_groups(socket: RawFd) -> io::Result<()> {
    switch_on(socket, libc::SOL_UDP, libc::UDP_GRO)
}

/// Whether the kernel cuts datagrams into segments (since 4.18).
pub(super) fn knows_segments(socket: RawFd) -> bool {
    let mut size: libc::c_int = 0;
    let mut length = size_of_val(&size) as libc::socklen_t;
    // SAFETY: the value is a c_int and the length its size; both outlive the call, which writes no more than that.
    let result = unsafe {
        libc::getsockopt(socket, libc::SOL_UDP, libc::UDP_SEGMENT, (&raw mut size).cast(), &raw mut length)
    };
    result == 0
}

/// Whether the kernel may cut a datagram into fragments. Where it may not, IPv4 needs no identification of each packet,
/// which costs a twentieth of a send; a path that is too narrow is an error then (EMSGSIZE).
pub(super) fn allow_fragments(socket: RawFd, family: Family, allow: bool) -> io::Result<()> {
    let discover = |allowed, forbidden| if allow { allowed } else { forbidden };
    let v4 = discover(libc::IP_PMTUDISC_WANT, libc::IP_PMTUDISC_DO);
    set(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, v4)?;
    match family {
        Family::V4 => Ok(()),
        Family::Dual => {
            let v6 = discover(libc::IPV6_PMTUDISC_WANT, libc::IPV6_PMTUDISC_DO);
            set(socket, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, v6)
        }
    }
}

fn switch_on(socket: RawFd, level: libc::c_int, option: libc::c_int) -> io::Result<()> {
    set(socket, level, option, 1)
}

fn set(socket: RawFd, level: libc::c_int, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    // SAFETY: the option value is a c_int that outlives the call, and the length
    // given is its size.
    let result = unsafe {
        libc::setsockopt(
            socket,
            level,
            option,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_that_of_the_abi() {
        assert_eq!(HEADER, size_of::<libc::cmsghdr>());
        assert_eq!(V4_BYTES, size_of::<libc::in_pktinfo>());
        assert_eq!(V6_BYTES, size_of::<libc::in6_pktinfo>());
        // SAFETY: pure arithmetic.
        let space = |bytes: usize| unsafe { libc::CMSG_SPACE(bytes as u32) } as usize;
        for (address, family, bytes) in
            [("::1", Family::Dual, V6_BYTES), ("::ffff:1.2.3.4", Family::Dual, V6_BYTES)]
        {
            let mut control = Control::from_address(address.parse().unwrap(), family).unwrap();
            assert_eq!(control.as_bytes().len(), space(bytes));
            control.segment(1200);
            assert_eq!(control.as_bytes().len(), space(bytes) + space(2));
            assert!(control.as_bytes().len() <= Control::SPACE);
        }
        let control = Control::from_address("1.2.3.4".parse().unwrap(), Family::V4).unwrap();
        assert_eq!(control.as_bytes().len(), space(V4_BYTES));
    }

    #[test]
    fn messages_are_read_in_any_order() {
        let local: IpAddr = "2001:db8::1".parse().unwrap();
        let mut control = Control::from_address(local, Family::Dual).unwrap();
        control.push(libc::SOL_UDP, libc::UDP_GRO, &1100i32.to_ne_bytes());
        let length = control.as_bytes().len();
        assert_eq!(control.read(length), Arrival { local: Some(local), segment: Some(1100) });

        let mut control = Control::empty();
        control.push(libc::SOL_UDP, libc::UDP_GRO, &900i32.to_ne_bytes());
        control.push(77, 7, b"else");
        let mut info = [0; V4_BYTES];
        info[8..].copy_from_slice(&[192, 0, 2, 5]);
        control.push(libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
        let expected = Arrival { local: Some("192.0.2.5".parse().unwrap()), segment: Some(900) };
        assert_eq!(control.read(control.as_bytes().len()), expected);
    }

    #[test]
    fn a_control_message_that_is_short_or_strange_names_no_address() {
        let control = Control::from_address("2001:db8::1".parse().unwrap(), Family::Dual).unwrap();
        assert_eq!(control.read(HEADER), Arrival::default());
        assert_eq!(control.read(0), Arrival::default());
        assert_eq!(Control::empty().read(Control::SPACE), Arrival::default());
        assert!(Control::from_address("::1".parse().unwrap(), Family::V4).is_none());
        let mut strange = Control::empty();
        strange.push(libc::SOL_UDP, libc::UDP_GRO, &(-5i32).to_ne_bytes());
        assert_eq!(strange.read(strange.as_bytes().len()), Arrival::default());
        strange.space()[..WORD].copy_from_slice(&usize::MAX.to_ne_bytes());
        assert_eq!(strange.read(Control::SPACE), Arrival::default());
    }
}
