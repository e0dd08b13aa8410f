//! What the lists of a room say, asked through a node by somebody who has just come.

use std::collections::BTreeSet;
use std::time::Duration;

use peer::Peer;
use serde_json::{Value, json};
use tokio::time::timeout;

const OPEN_WITHIN: Duration = Duration::from_secs(3);
const ANSWER_WITHIN: Duration = Duration::from_secs(4);

/// What begins the ids of those who only come to read the lists.
pub const INSPECTOR: &str = "inspector";

/// Users and streams of a room.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lists {
    /// Who is in it.
    pub users: BTreeSet<String>,
    /// The ids of its streams.
    pub streams: BTreeSet<String>,
}

impl Lists {
    /// What is in these lists and should not be: people and streams that are gone.
    pub fn ghosts(&self, truth: &Self) -> Vec<String> {
        let users = self.users.difference(&truth.users).map(|uid| format!("user {uid}"));
        let streams = self.streams.difference(&truth.streams).map(|mid| format!("stream {mid}"));
        users.chain(streams).collect()
    }
}

/// Joins through this node, compares the answer with `getusers` and `getpubs`, and leaves.
///
/// # Errors
/// When the node does not answer, or its lists differ.
pub async fn of(url: &str, rid: &str) -> Result<Lists, String> {
    let uid = format!("{INSPECTOR}-{}", peer::unique());
    let peer = timeout(OPEN_WITHIN, Peer::try_connect(url, &uid)).await;
    let peer = peer.map_err(|_| format!("{url} does not answer"))?.map_err(|error| error.to_string())?;
    let joined = ask(&peer, "join", rid).await?;
    let (users, pubs) = (ask(&peer, "getusers", rid).await?, ask(&peer, "getpubs", rid).await?);
    let left = ask(&peer, "leave", rid).await;
    peer.close().await;
    left?;
    let at_join = lists(&joined["users"], &joined["pubs"]);
    let later = lists(&users["users"], &pubs["pubs"]);
    if at_join == later { Ok(later) } else { Err(format!("join says {at_join:?}, the lists {later:?}")) }
}

async fn ask(peer: &Peer, method: &str, rid: &str) -> Result<Value, String> {
    let answer = peer.attempt(method, json!({"rid": rid}), ANSWER_WITHIN).await;
    answer.ok_or_else(|| format!("{method}: no answer"))?.map_err(|refusal| format!("{method}: {refusal}"))
}

fn lists(users: &Value, pubs: &Value) -> Lists {
    let members = |list: &Value, member: &str| -> BTreeSet<String> {
        let entries = list.as_array().cloned().unwrap_or_default();
        let ids = entries.iter().filter_map(|entry| entry[member].as_str().map(str::to_owned));
        ids.filter(|id| !id.starts_with(INSPECTOR)).collect()
    };
    Lists { users: members(users, "uid"), streams: members(pubs, "mid") }
}
