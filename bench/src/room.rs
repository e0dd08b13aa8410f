//! A room with one stream in it, and people who join it.

use anyhow::Context;
use peer::media::{TrackKind, VideoRate};
use peer::{MediaThread, Peer, Publisher, PublisherConfig, Server, Subscriber, SubscriberConfig};

/// One publisher's stream in a room of its own.
pub(crate) struct Stage {
    rid: String,
    mid: String,
    _camera: Publisher,
    _owner: Peer,
}

/// Somebody who watches.
pub(crate) struct Viewer {
    pub(crate) screen: Subscriber,
    _peer: Peer,
}

impl Stage {
    /// Publishes 1.5 Mbit/s of VP8 and 50 Opus packets a second.
    pub(crate) async fn open(server: &Server, thread: &MediaThread) -> anyhow::Result<Self> {
        let rid = format!("bench {}", peer::unique());
        let owner = Peer::connect(server.ws_url(), "camera").await;
        owner.join(&rid).await;
        let tracks = vec![TrackKind::Audio, TrackKind::Video];
        let config = PublisherConfig { tracks, video: VideoRate::default(), ..PublisherConfig::default() };
        let mut camera = Publisher::new(thread, &config);
        let published = owner.publish(&rid, &mut camera).await.context("the stream is refused")?;
        camera.connected().await;
        Ok(Self { rid, mid: published.mid, _camera: camera, _owner: owner })
    }

    /// Somebody who is connected joins and subscribes.
    pub(crate) async fn watch(&self, peer: Peer, thread: &MediaThread) -> anyhow::Result<Viewer> {
        peer.join(&self.rid).await;
        let mut screen = Subscriber::new(thread, &SubscriberConfig::default());
        peer.subscribe(&self.rid, &self.mid, &mut screen).await.context("the subscription is refused")?;
        Ok(Viewer { screen, _peer: peer })
    }
}
