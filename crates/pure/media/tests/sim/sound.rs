//! Sound: earlier sound that comes along (RED) goes to those who agreed to it, and how loud it is tells who speaks.

use crate::forwarding::client::Client;
use crate::world::{IDENTITY, epoch, mid, sid};
use media::{COALESCE, Config, DatagramSink, Event, Incoming, Limits, Protocol, Router, SendBatch, Wanted};
use rtp::extension::uri;
use rtp::srtp::{MAX_RTP_OVERHEAD, Profile};
use rtp::write::write_packet;
use rtp::{ExtensionValue, Fields, Header, RtpPacket};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const OPUS: u8 = 111;
const RED: u8 = 63;
const LEVEL: u8 = 4;

#[derive(Default)]
struct Kept(Vec<(SocketAddr, Vec<u8>)>);

impl DatagramSink for Kept {
    fn send(&mut self, batch: &SendBatch) {
        self.0.extend(batch.iter().map(|datagram| (datagram.to, datagram.data.to_vec())));
    }
}

struct Room {
    now: Instant,
    router: Router,
    speaker: Client,
    listeners: Vec<Client>,
    sent: u16,
}

fn offer(direction: &str, red: bool) -> String {
    let (transport, formats) = (Client::description(), if red { "63 111" } else { "111" });
    let red = if red { "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n" } else { "" };
    format!(
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF {formats}\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na={direction}\r\na=rtcp-mux\r\n\
         {transport}a=extmap:{LEVEL} {}\r\na=rtpmap:111 opus/48000/2\r\n{red}",
        uri::AUDIO_LEVEL
    )
}

impl Room {
    /// A speaker who sends earlier sound along, and listeners who agreed to it or not.
    fn new(listeners: &[bool]) -> Self {
        let now = epoch();
        let mut router = Router::new(Config {
            dtls: Arc::clone(&IDENTITY),
            candidates: vec![SocketAddr::new(SERVER, 40_000)],
            tcp: None,
            coalesce: COALESCE,
            limits: Limits::default(),
            estimation: None,
        });
        let connect = |router: &mut Router, port, answer: &str| {
            let address = SocketAddr::from(([127, 0, 1, 1], port));
            let mut client = Client::new(now, address, Profile::AeadAes128Gcm);
            crate::adapting::connect(now, router, &mut client, answer);
            client
        };
        let answer = router.publish(now, &mid("ann#1"), &offer("sendonly", true)).unwrap();
        let speaker = connect(&mut router, 20_000, &answer);
        let mut clients = Vec::new();
        for (at, red) in listeners.iter().enumerate() {
            let text = offer("recvonly", *red);
            let name = sid(&format!("v{at}#1"));
            let answer = router.subscribe(now, &mid("ann#1"), &name, &text, Wanted::default()).unwrap();
            clients.push(connect(&mut router, 20_001 + at as u16, &answer));
        }
        let mut room = Self { now, router, speaker, listeners: clients, sent: 0 };
        room.events();
        room
    }

    /// A packet, 20 ms after the one before. Answers what each listener gets: payload type and payload.
    fn say(&mut self, payload_type: u8, payload: &[u8], level: u8) -> Vec<Option<(u8, Vec<u8>)>> {
        self.now += Duration::from_millis(20);
        self.sent += 1;
        let timestamp = u32::from(self.sent) * 960;
        let fields = Fields { marker: false, payload_type, sequence: self.sent, timestamp, ssrc: 5 };
        let mut bytes = vec![0; 300];
        let level = [ExtensionValue { id: LEVEL, value: &[level] }];
        let written = write_packet(&fields, &level, payload, &mut bytes).unwrap();
        bytes.resize(written.len + MAX_RTP_OVERHEAD, 0);
        let (sender, _) = self.speaker.keys.as_ref().unwrap();
        let len = sender.seal_rtp(&mut bytes, written, 0).unwrap();
        let data = &mut bytes[..len];
        let mut kept = Kept::default();
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let mut batch =
            [Incoming { source: self.speaker.address, local: SERVER, protocol: Protocol::Udp, data }];
        self.router.receive(self.now, wall, &mut batch, &mut kept);
        self.router.handle_timeout(self.now, wall, &mut kept);
        let got = |listener: &mut Client| {
            let (_, data) = kept.0.iter().find(|(to, data)| *to == listener.address && data[0] >= 128)?;
            let (mut data, header) = (data.clone(), Header::parse(data).unwrap());
            let (_, receiver) = listener.keys.as_mut().unwrap();
            let len = receiver.open_rtp(&header, &mut data).ok()?.len;
            let packet = RtpPacket::new(header, &data[..len]).unwrap();
            assert!(packet.extensions().find(LEVEL).is_some());
            Some((header.payload_type, packet.payload().to_vec()))
        };
        self.listeners.iter_mut().map(got).collect()
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.router.poll_event()).collect()
    }
}

/// RFC 2198 section 3: a block header of four bytes, the last one of one byte, the blocks.
fn with_earlier(earlier: &[u8], sound: &[u8]) -> Vec<u8> {
    let ahead = 960u32 << 10 | earlier.len() as u32;
    let [_, a, b, c] = ahead.to_be_bytes();
    [&[0x80 | OPUS, a, b, c, OPUS][..], earlier, sound].concat()
}

#[test]
fn earlier_sound_goes_to_those_who_agreed_to_it() {
    let mut room = Room::new(&[true, false]);
    let whole = with_earlier(b"before", b"now");
    for _ in 0..3 {
        let got = room.say(RED, &whole, 20);
        assert_eq!(got, [Some((RED, whole.clone())), Some((OPUS, b"now".to_vec()))]);
    }
    let plain = room.say(OPUS, b"plain", 20);
    assert_eq!(plain, [Some((OPUS, b"plain".to_vec())), Some((OPUS, b"plain".to_vec()))]);
    // What is malformed goes to whoever reads it, and says nothing to anybody else.
    let torn = [0x80 | OPUS, 0, 0, 200, OPUS, 1];
    assert_eq!(room.say(RED, &torn, 20), [Some((RED, torn.to_vec())), None]);
    assert_eq!(room.say(RED, &whole, 20)[1], Some((OPUS, b"now".to_vec())));
}

#[test]
fn who_speaks_is_told_and_who_stops_or_is_muted() {
    let mut room = Room::new(&[]);
    let speaking = |room: &mut Room| -> Vec<Option<i8>> {
        let level = |event| match event {
            Event::Speaking { level, .. } => Some(level),
            _ => None,
        };
        room.events().into_iter().filter_map(level).collect()
    };
    (0..50).for_each(|_| _ = room.say(OPUS, b"x", 70));
    assert_eq!(speaking(&mut room), []);
    (0..50).for_each(|_| _ = room.say(OPUS, b"x", 0x80 | 25));
    let told = speaking(&mut room);
    assert!(told.len() >= 2 && told.iter().all(|level| *level == Some(-25)), "{told:?}");
    (0..50).for_each(|_| _ = room.say(OPUS, b"x", 127));
    let told = speaking(&mut room);
    assert_eq!(told.iter().filter(|level| level.is_none()).count(), 1, "{told:?}");
    assert_eq!(told.last(), Some(&None));
    (0..50).for_each(|_| _ = room.say(OPUS, b"x", 30));
    assert!(speaking(&mut room).contains(&Some(-30)));
    let now = room.now;
    room.router.mute(now, &mid("ann#1"), true, &mut Kept::default());
    assert_eq!(speaking(&mut room), [None]);
    (0..50).for_each(|_| _ = room.say(OPUS, b"x", 30));
    assert_eq!(speaking(&mut room), [], "who is muted is not heard");
}
