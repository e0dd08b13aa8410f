//! The server's own candidates as the answer says them (RFC 8839, RFC 6544). Lines are the same in `a=candidate` and in
//! what a browser's `addIceCandidate` takes.

use std::net::SocketAddr;

/// A host candidate, over UDP or passive over TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostCandidate {
    addr: SocketAddr,
    is_tcp: bool,
}

/// RFC 8445, section 5.1.2.2: host candidates have 126. Over TCP too (RFC 6544, section 4.2).
const HOST_PREFERENCE: u32 = 126;

/// The `direction-pref` of a passive host candidate (RFC 6544, section 4.2).
const PASSIVE_PREFERENCE: u32 = 4;

/// The highest `other-pref`, which has 13 bits (RFC 6544, section 4.2). No position counts for more, so that all UDP
/// candidates stay above all TCP ones.
const MAX_RANK: u32 = 8191;

impl HostCandidate {
    /// A candidate that the server receives UDP at.
    pub fn udp(addr: SocketAddr) -> Self {
        Self { addr, is_tcp: false }
    }

    /// A candidate that the server accepts TCP connections at (RFC 6544, `tcptype passive`). A browser tries it when UDP
    /// does not get through.
    pub fn tcp(addr: SocketAddr) -> Self {
        Self { addr, is_tcp: true }
    }

    /// Where the server receives.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Whether it is one over TCP.
    pub fn is_tcp(&self) -> bool {
        self.is_tcp
    }

    /// The value of `a=candidate`, without `candidate:` in front. `position` (0 first) is the order of preference
    /// among all candidates, and makes the foundation: each has an address or a protocol of its own.
    pub(crate) fn value(&self, position: usize) -> String {
        let rank = u32::try_from(position).unwrap_or(MAX_RANK).min(MAX_RANK);
        let (transport, preference, ending) = match self.is_tcp {
            false => ("udp", u32::from(u16::MAX) - rank, ""),
            true => ("tcp", (PASSIVE_PREFERENCE << 13) + MAX_RANK - rank, " tcptype passive"),
        };
        // RFC 8445, section 5.1.2.1, component 1.
        let priority = (HOST_PREFERENCE << 24) | (preference << 8) | 255;
        let foundation = rank + 1;
        let (ip, port) = (self.addr.ip(), self.addr.port());
        format!("{foundation} 1 {transport} {priority} {ip} {port} typ host{ending}")
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

    #[test]
    fn tcp_comes_after_udp_whatever_the_order() {
        let addr = "192.0.2.1:443".parse().unwrap();
        let (udp, tcp) = (HostCandidate::udp(addr), HostCandidate::tcp(addr));
        assert_eq!(tcp.value(0), "1 1 tcp 2124414975 192.0.2.1 443 typ host tcptype passive");
        assert_eq!(tcp.value(1), "2 1 tcp 2124414719 192.0.2.1 443 typ host tcptype passive");
        let priority = |value: String| value.split(' ').nth(3).unwrap().parse::<u32>().unwrap();
        assert!(priority(udp.value(usize::MAX)) > priority(tcp.value(0)));
        assert!(priority(tcp.value(usize::MAX)) > 126 << 24);
    }
}
