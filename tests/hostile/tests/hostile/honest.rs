//! Those who must not notice anything: two users in a room.

use peer::{Peer, Server, unique};
use std::time::{Duration, Instant};

/// A time after which people call somebody else. What works takes milliseconds.
const AT_ONCE: Duration = Duration::from_secs(5);

/// Two users in a room of their own.
pub(crate) struct Honest {
    rid: String,
    ada: Peer,
    bob: Peer,
}

impl Honest {
    pub(crate) async fn on(server: &Server) -> Self {
        let rid = format!("honest {}", unique());
        let (ada, bob) = (member(server, "ada", &rid).await, member(server, "bob", &rid).await);
        ada.notification("peer-join", |data| data["uid"] == *bob.uid()).await;
        Self { rid, ada, bob }
    }

    /// They still hear each other.
    pub(crate) async fn talk(&self) {
        let since = Instant::now();
        self.ada.settle(&self.rid, [&self.bob]).await;
        self.bob.settle(&self.rid, [&self.ada]).await;
        assert!(since.elapsed() < AT_ONCE, "a word took {:?}", since.elapsed());
    }
}

/// Somebody new in a room.
pub(crate) async fn member(server: &Server, name: &str, rid: &str) -> Peer {
    let peer = Peer::connect(server.ws_url(), &format!("{name}-{}", unique())).await;
    peer.join(rid).await;
    peer
}
