//! The system calls that the standard library does not have: a batch of datagrams, a thread's CPU
//! time, and the cores of a thread. The only unsafe code of this program.
#![expect(unsafe_code, reason = "sendmmsg, clock_gettime and sched_setaffinity have no safe wrapper in std")]

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::ptr;
use std::time::Duration;

/// The kernel takes no more messages in one call (UIO_MAXIOV).
const MAX_MESSAGES: usize = 1_024;

/// A control message that asks for segments of a size, as the kernel lays it out.
#[repr(C)]
#[derive(Clone, Copy)]
struct Segments {
    header: libc::cmsghdr,
    size: u16,
    _fill: [u8; 6],
}

/// Datagrams of one size to many addresses, to be sent again and again.
pub(crate) struct Batch {
    /// Those of one address lie side by side.
    payloads: Vec<u8>,
    size: usize,
    // What the messages point to; nothing of it moves while they are there.
    addresses: Box<[libc::sockaddr_in]>,
    parts: Box<[libc::iovec]>,
    segments: Box<Segments>,
    messages: Vec<libc::mmsghdr>,
}

impl Batch {
    /// `each` datagrams of `size` bytes to each address, as one message for each datagram, or in `groups`: one for each
    /// address, that the kernel cuts.
    pub(crate) fn new(addresses: &[SocketAddrV4], each: usize, size: usize, groups: bool) -> Self {
        let (messages_each, message_size) = if groups { (1, each * size) } else { (each, size) };
        // SAFETY: a cmsghdr is made of integers, for which all zeros is a value.
        let mut header: libc::cmsghdr = unsafe { zeroed() };
        header.cmsg_level = libc::SOL_UDP;
        header.cmsg_type = libc::UDP_SEGMENT;
        header.cmsg_len = (size_of::<libc::cmsghdr>() + size_of::<u16>()) as _;
        let mut batch = Self {
            payloads: vec![0x5a; size * each * addresses.len()],
            size,
            addresses: addresses.iter().map(raw_address).collect(),
            parts: Box::default(),
            segments: Box::new(Segments { header, size: size as u16, _fill: [0; 6] }),
            messages: Vec::new(),
        };
        let part = |data: &mut [u8]| libc::iovec { iov_base: data.as_mut_ptr().cast(), iov_len: data.len() };
        batch.parts = batch.payloads.chunks_mut(message_size).map(part).collect();
        let control = (groups && each > 1).then_some(&mut *batch.segments);
        let control = control
            .map_or((ptr::null_mut(), 0), |segments| (ptr::from_mut(segments).cast(), size_of::<Segments>()));
        let mut parts = batch.parts.iter_mut();
        for address in &mut batch.addresses {
            for part in parts.by_ref().take(messages_each) {
                batch.messages.push(message(address, part, control));
            }
        }
        batch
    }

    /// Number of datagrams.
    pub(crate) fn len(&self) -> usize {
        self.payloads.len() / self.size.max(1)
    }

    /// The datagrams' bytes.
    pub(crate) fn datagrams(&mut self) -> impl Iterator<Item = &mut [u8]> {
        self.payloads.chunks_mut(self.size.max(1))
    }

    /// Sends all of them.
    pub(crate) fn send(&mut self, socket: &UdpSocket) -> io::Result<()> {
        for messages in self.messages.chunks_mut(MAX_MESSAGES) {
            let mut rest = messages;
            while !rest.is_empty() {
                let sent = send_some(socket, rest)?;
                rest = rest.get_mut(sent..).unwrap_or_default();
            }
        }
        Ok(())
    }
}

fn send_some(socket: &UdpSocket, messages: &mut [libc::mmsghdr]) -> io::Result<usize> {
    let count = libc::c_uint::try_from(messages.len()).map_err(io::Error::other)?;
    // SAFETY: the pointer and the count are those of a slice of messages. Each points to an address, a part and a
    // control message that the batch owns on the heap and never moves, and each part to the payloads, which live as long
    // and are not written to meanwhile.
    let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), messages.as_mut_ptr(), count, 0) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

fn raw_address(address: &SocketAddrV4) -> libc::sockaddr_in {
    // SAFETY: sockaddr_in is made of integers, for which all zeros is a value.
    let mut raw: libc::sockaddr_in = unsafe { zeroed() };
    raw.sin_family = libc::AF_INET as libc::sa_family_t;
    raw.sin_port = address.port().to_be();
    raw.sin_addr.s_addr = u32::from_ne_bytes(address.ip().octets());
    raw
}

fn message(
    address: &mut libc::sockaddr_in,
    part: &mut libc::iovec,
    (control, control_len): (*mut libc::c_void, usize),
) -> libc::mmsghdr {
    // SAFETY: mmsghdr is made of integers and pointers, for which all zeros is a value.
    let mut message: libc::mmsghdr = unsafe { zeroed() };
    message.msg_hdr.msg_name = ptr::from_mut(address).cast();
    message.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    message.msg_hdr.msg_iov = ptr::from_mut(part);
    message.msg_hdr.msg_iovlen = 1;
    message.msg_hdr.msg_control = control;
    message.msg_hdr.msg_controllen = control_len as _;
    message
}

/// CPU time of the calling thread, exact to the nanosecond.
pub(crate) fn thread_cpu_time() -> io::Result<Duration> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is that of a timespec, which the call fills.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    let seconds = u64::try_from(time.tv_sec).map_err(io::Error::other)?;
    let nanos = u32::try_from(time.tv_nsec).map_err(io::Error::other)?;
    Ok(Duration::new(seconds, nanos))
}

/// Lets the calling thread, and those that it starts, run on these cores alone.
pub(crate) fn run_on(cores: &[usize]) -> io::Result<()> {
    // SAFETY: cpu_set_t is a bit set, for which all zeros is a value.
    let mut set: libc::cpu_set_t = unsafe { zeroed() };
    for core in cores.iter().filter(|core| **core < libc::CPU_SETSIZE as usize) {
        // SAFETY: the core's number is below the number of bits in the set.
        unsafe { libc::CPU_SET(*core, &mut set) };
    }
    // SAFETY: the pointer and the size are those of the set; 0 is the calling thread.
    let result = unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
