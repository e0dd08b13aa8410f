//! RFC 6455, broken in every way that a frame can be. Of conformance suites that send such frames, none runs here without
//! an echo or an old Python, so the cases are our own, by the sections of the RFC.

use crate::honest::Honest;
use crate::raw::{Came, Raw, frame, upgrade};
use peer::Server;

/// The first byte: the last frame of a message, with this opcode.
const LAST: u8 = 0x80;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// A request of the protocol, and that it was understood: it is answered with "join first".
const REQUEST: &[u8] = br#"{"request":true,"id":7,"method":"getusers","data":{"rid":"nowhere"}}"#;

fn is_answer(came: &Came) -> bool {
    matches!(came, Came::Text(text) if text.contains(r#""id":7"#) && text.contains(r#""errorCode":15"#))
}

/// What the server closes with after these bytes; `None`: without a code, or without a close frame.
async fn closed_after(address: &str, bytes: &[u8]) -> Option<u16> {
    let mut raw = Raw::connect(address).await;
    raw.send(bytes).await;
    match raw.next().await {
        Came::Close(code) => code,
        Came::End => None,
        other => panic!("{bytes:?}: not closed, but {other:?}"),
    }
}

#[tokio::test]
async fn what_is_no_frame_closes_its_sender_alone() {
    let server = Server::start();
    let honest = Honest::on(&server).await;
    let address = server.signal_address();
    let mut broken: Vec<(String, Vec<u8>)> = Vec::new();
    for reserved in 1..8u8 {
        for opcode in [TEXT, BINARY, CLOSE, PING, PONG] {
            let name = format!("reserved bits {reserved} on opcode {opcode}");
            broken.push((name, frame(LAST | reserved << 4 | opcode, b"x")));
        }
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        broken.push((format!("opcode {opcode}"), frame(LAST | opcode, b"")));
        let behind = [frame(LAST | TEXT, b"{}"), frame(LAST | opcode, b"x")].concat();
        broken.push((format!("opcode {opcode} behind a text"), behind));
    }
    for opcode in [CLOSE, PING, PONG] {
        broken.push((format!("control frame {opcode} of 126 bytes"), frame(LAST | opcode, &[b'x'; 126])));
        broken.push((format!("control frame {opcode} in pieces"), frame(opcode, b"x")));
    }
    broken.push(("a continuation of nothing".into(), frame(LAST, b"x")));
    broken.push(("a first piece of nothing".into(), frame(0, b"x")));
    broken.push(("a text in a text".into(), [frame(TEXT, b"a"), frame(LAST | TEXT, b"b")].concat()));
    broken.push(("unmasked".into(), vec![LAST | TEXT, 2, b'{', b'}']));
    for code in [0u16, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        broken.push((format!("close code {code}"), frame(LAST | CLOSE, &code.to_be_bytes())));
    }
    broken.push(("a close with half a code".into(), frame(LAST | CLOSE, &[3])));
    for (name, bytes) in broken {
        let code = closed_after(address, &bytes).await;
        assert!(matches!(code, Some(1002) | None), "{name}: {code:?}");
    }
    honest.talk().await;
    for (name, payload) in [
        ("an overlong slash", &b"\xc0\xaf"[..]),
        ("half of a surrogate", b"\xed\xa0\x80"),
        ("beyond Unicode", b"\xf4\x90\x80\x80"),
        ("a lone continuation", b"\x80"),
        ("cut off", b"caf\xc3"),
    ] {
        assert_eq!(closed_after(address, &frame(LAST | TEXT, payload)).await, Some(1007), "{name}");
    }
    assert_eq!(closed_after(address, &frame(LAST | BINARY, b"x")).await, Some(1003));
    honest.talk().await;
    server.stop();
}

#[tokio::test]
async fn lengths_that_nobody_can_mean_take_no_memory() {
    let server = Server::start();
    let honest = Honest::on(&server).await;
    let address = server.signal_address();
    for len in [262_145, u64::from(u32::MAX), 1 << 40, i64::MAX as u64, 1 << 63, u64::MAX] {
        for opcode in [LAST | TEXT, TEXT] {
            let mut bytes = vec![opcode, 0x80 | 127];
            bytes.extend_from_slice(&len.to_be_bytes());
            bytes.extend_from_slice(b"\0\0\0\0{");
            let code = closed_after(address, &bytes).await;
            assert!(matches!(code, Some(1002 | 1009) | None), "{len}: {code:?}");
        }
    }
    honest.talk().await;
    server.stop();
}

#[tokio::test]
async fn what_is_allowed_works_however_odd() {
    let server = Server::start();
    let address = server.signal_address();
    // Pings of every size, and of any content, in the order in which they came.
    let mut raw = Raw::connect(address).await;
    for len in [0, 1, 124, 125] {
        raw.send(&frame(LAST | PING, &vec![0xff; len])).await;
        assert_eq!(raw.next().await, Came::Pong(vec![0xff; len]));
    }
    let many: Vec<u8> = (0..100u8).flat_map(|number| frame(LAST | PING, &[number])).collect();
    raw.send(&many).await;
    for number in 0..100u8 {
        assert_eq!(raw.next().await, Came::Pong(vec![number]));
    }
    // Pongs that nobody asked for.
    raw.send(&frame(LAST | PONG, b"unasked")).await;
    // A message in pieces of one byte, empty ones between them, and a ping in the middle.
    let mut bytes = frame(TEXT, b"");
    for (index, byte) in REQUEST.iter().enumerate() {
        bytes.extend(frame(0, &[*byte]));
        bytes.extend(frame(0, b""));
        if index == 20 {
            bytes.extend(frame(LAST | PING, b"between"));
        }
    }
    bytes.extend(frame(LAST, b""));
    raw.send(&bytes).await;
    assert_eq!(raw.next().await, Came::Pong(b"between".to_vec()));
    let answer = raw.next().await;
    assert!(is_answer(&answer), "{answer:?}");
    // Each byte in a packet of its own.
    for byte in frame(LAST | TEXT, REQUEST) {
        raw.send(&[byte]).await;
    }
    let answer = raw.next().await;
    assert!(is_answer(&answer), "{answer:?}");
    // A close is answered with its code; what comes behind it is not read.
    for code in [1000u16, 1001, 1003, 1007, 1011, 3000, 3999, 4000, 4999] {
        let mut raw = Raw::connect(address).await;
        let close = frame(LAST | CLOSE, &[&code.to_be_bytes()[..], b"bye"].concat());
        raw.send(&[close, frame(LAST | TEXT, REQUEST)].concat()).await;
        assert_eq!(raw.next().await, Came::Close(Some(code)), "{code}");
        assert_eq!(raw.next().await, Came::End);
    }
    let mut raw = Raw::connect(address).await;
    raw.send(&frame(LAST | CLOSE, b"")).await;
    assert!(matches!(raw.next().await, Came::Close(_)));
    server.stop();
}

#[tokio::test]
async fn nothing_is_unpacked() {
    let server = Server::start();
    let address = server.signal_address();
    let (head, _) = upgrade(
        address,
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-webkit-deflate-frame\r\n",
    )
    .await;
    assert!(head.starts_with("http/1.1 101") && !head.contains("extensions"), "{head}");
    // So a bomb is a frame with a reserved bit: 10 MB of zeros in 10 KB.
    let bomb = frame(LAST | 0x40 | TEXT, &[0xec, 0xc1, 0x01, 0x0d, 0x00, 0x00, 0x00, 0xc2, 0xa0, 0xf7]);
    let code = closed_after(address, &bomb).await;
    assert!(matches!(code, Some(1002) | None), "{code:?}");
    server.stop();
}
