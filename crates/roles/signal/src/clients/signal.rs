//! The other signalling nodes, which alone can end their connections.

use super::{Clients, answered};
use model::{Owner, RoomId, UserId};
use rpc::proto;
use tokio::time::Instant;
use tonic::Status;

impl Clients {
    /// Has the node that a connection is at kick it out of a room.
    pub(crate) async fn kick(
        &self,
        deadline: Instant,
        rid: &RoomId,
        uid: &UserId,
        owner: &Owner,
    ) -> Result<(), Status> {
        let node = self.signals.borrow().iter().find(|node| node.id == owner.signal).cloned();
        let node = node.ok_or_else(|| Status::unavailable("the user's signalling node is not known"))?;
        let channel = self.dialer.dial(&node.address);
        let channel = channel.map_err(|error| Status::unavailable(error.to_string()))?;
        let request =
            proto::KickRequest { uid: uid.to_string(), owner: Some(owner.into()), rid: rid.to_string() };
        answered(deadline, rpc::client::signal(channel).kick(request)).await.map(drop)
    }
}
