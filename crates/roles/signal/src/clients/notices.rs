//! What an SFU tells of this node's clients' media, over a call that lasts.

use super::{Clients, answered, deadline};
use model::{MediaNotice, NodeId};
use rpc::proto;
use tonic::{Status, Streaming};

/// The notices of one SFU, as they come.
pub(crate) struct MediaNotices(Streaming<proto::MediaNotice>);

impl MediaNotices {
    /// The next one; `None`: the SFU has ended the call. Safe to cancel.
    ///
    /// # Errors
    /// Where the call broke.
    pub(crate) async fn next(&mut self) -> Result<Option<MediaNotice>, Status> {
        loop {
            let Some(notice) = self.0.message().await? else { return Ok(None) };
            match notice.try_into() {
                Ok(notice) => return Ok(Some(notice)),
                // A later version's, perhaps.
                Err(why) => tracing::debug!(%why, "a notice of an SFU cannot be read"),
            }
        }
    }
}

impl Clients {
    /// Begins to listen to an SFU, as this node.
    pub(crate) async fn notices(&self, sfu: &NodeId, node: &NodeId) -> Result<MediaNotices, Status> {
        let sfu = self.sfus.borrow().iter().find(|info| info.id == *sfu).cloned();
        let sfu = sfu.ok_or_else(|| Status::unavailable("the SFU is not known"))?;
        let request = proto::NoticesRequest { signal_id: node.to_string() };
        let mut client = rpc::client::sfu(self.dial(&sfu)?);
        answered(deadline(), client.notices(request)).await.map(MediaNotices)
    }
}
