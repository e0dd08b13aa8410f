//! The server's own candidates as the answer says them (RFC 8839). Lines are the same in `a=candidate` and in
//! what a browser's `addIceCandidate` takes.

use std::net::SocketAddr;

/// A host candidate over UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostCandidate {
    addr: SocketAddr,
}

/// RFC 8445, section 5.1.2.2: host candidates have 126.
const HOST_PREFERENCE: u32 = 126;

impl HostCandidate {
    /// A candidate that the server receives UDP at.
    pub fn udp(addr: SocketAddr) -> Self {
        Self { addr }
    }

    /// Where the server receives.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The value of `a=candidate`, without `candidate:` in front. `position` (0 first) is the order of preference
    /// among all candidates, and makes the foundation: each has an address of its own.
    pub(crate) fn value(&self, position: usize) -> String {
        let rank = u32::try_from(position).unwrap_or(u32::MAX).min(u32::from(u16::MAX));
        // RFC 8445, section 5.1.2.1, component 1.
        let priority = (HOST_PREFERENCE << 24) | ((u32::from(u16::MAX) - rank) << 8) | 255;
        let foundation = rank + 1;
        let (ip, port) = (self.addr.ip(), self.addr.port());
        format!("{foundation} 1 udp {priority} {ip} {port} typ host")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_candidate_has_the_priority_of_the_rfc() {
        let candidate = HostCandidate::udp("[2001:db8::1]:40000".parse().unwrap());
        assert_eq!(candidate.value(0), "1 1 udp 2130706431 2001:db8::1 40000 typ host");
        assert_eq!(candidate.value(1), "2 1 udp 2130706175 2001:db8::1 40000 typ host");
    }
}
