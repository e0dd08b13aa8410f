//! Calls of honest people, which go on while others attack.

use peer::{
    MediaThread, Peer, Publisher, PublisherConfig, Server, ServerConfig, Subscriber, SubscriberConfig,
};
use std::sync::LazyLock;

/// Fresh frames, audio and video, that say that a call goes on.
const FRESH: (u64, u64) = (25, 20);

static MEDIA: LazyLock<MediaThread> = LazyLock::new(MediaThread::start);

/// A server with one worker: what attacks and what is honest share a thread and a port.
pub(crate) fn server() -> Server {
    Server::with(ServerConfig::default().workers(1))
}

/// Somebody in a room.
pub(crate) async fn member(server: &Server, rid: &str, name: &str) -> Peer {
    let peer = Peer::connect(server.ws_url(), &format!("{name}-{}", peer::unique())).await;
    peer.join(rid).await;
    peer
}

/// One who publishes, and some who watch.
pub(crate) struct Call {
    pub(crate) rid: String,
    pub(crate) mid: String,
    /// The one who publishes; she stays.
    _ada: Peer,
    /// The one whose the screens are.
    pub(crate) ben: Peer,
    pub(crate) camera: Publisher,
    pub(crate) screens: Vec<Subscriber>,
}

impl Call {
    /// Sets one up, and waits until all see the picture.
    pub(crate) async fn start(server: &Server, screens: usize) -> Self {
        let rid = format!("room {}", peer::unique());
        let (ada, ben) = (member(server, &rid, "ada").await, member(server, &rid, "ben").await);
        let mut camera = Publisher::new(&MEDIA, &PublisherConfig::default());
        let stream = ada.publish(&rid, &mut camera).await.expect("a stream");
        let mut call = Self { rid, mid: stream.mid, _ada: ada, ben, camera, screens: Vec::new() };
        for _ in 0..screens {
            let mut screen = Subscriber::new(&MEDIA, &SubscriberConfig::default());
            call.ben.subscribe(&call.rid, &call.mid, &mut screen).await.expect("a subscription");
            call.screens.push(screen);
        }
        call.goes_on().await;
        call
    }

    /// Everybody gets fresh frames, and nothing that was not sent: the content of each packet is checked.
    pub(crate) async fn goes_on(&mut self) {
        let so_far = |screen: &Subscriber| {
            let reception = screen.reception();
            let frames = |tally: Option<&peer::media::Tally>| tally.map_or(0, |tally| tally.frames);
            (frames(reception.audio()), frames(reception.video()))
        };
        let before: Vec<_> = self.screens.iter().map(so_far).collect();
        for (screen, (audio, video)) in self.screens.iter_mut().zip(before) {
            let reception = screen.frames(audio + FRESH.0, video + FRESH.1).await;
            assert!(!reception.ended, "a subscriber's connection ended");
        }
        assert!(!self.camera.emission().ended, "the publisher's connection ended");
    }

    /// Waits until nobody lacks a packet of video between the first and the last: what the network lost is repaired.
    pub(crate) async fn lacks_nothing(&mut self) {
        for screen in &mut self.screens {
            let whole = |reception: &peer::media::Reception| {
                reception.video().is_some_and(|video| video.missing() == 0)
            };
            screen.until("every packet of video", whole).await;
        }
    }
}
