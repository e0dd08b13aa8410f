//! What is no JSON, or JSON that no two readers understand alike: dropped or refused, and never anybody else's trouble.

use crate::honest::Honest;
use peer::{Peer, Server, unique};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message as Frame;

/// A few of each kind of mistake, each a whole message.
fn no_json() -> Vec<String> {
    let mut all: Vec<String> = [
        // Numbers.
        "[-01]",
        "[-]",
        "[-1.]",
        "[.5]",
        "[+1]",
        "[1.]",
        "[1e]",
        "[1e+]",
        "[0e]",
        "[0x1]",
        "[1_000]",
        "[Infinity]",
        "[-Infinity]",
        "[NaN]",
        "[-NaN]",
        "[1 000]",
        "[2.e3]",
        "[012]",
        "[1ea]",
        "[--1]",
        "[0.1.2]",
        "[9.e+]",
        "[-a]",
        "[１]",
        // Arrays.
        "[",
        "]",
        "[1",
        "[1,",
        "[,1]",
        "[1,,2]",
        "[1 2]",
        "[1]x",
        "[1]]",
        "[[]",
        "[1:2]",
        "[,]",
        "[\u{b}1]",
        "[1\n,\n1",
        "[a]",
        "[*]",
        "[\"a\",]",
        "[<null>]",
        "[#]",
        // Objects.
        "{",
        "}",
        "{]",
        "[}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":1 \"b\":2}",
        "{a:1}",
        "{'a':1}",
        "{1:1}",
        "{\"a\"::1}",
        "{\"a\":\"a",
        "{\"a\":1}}",
        "{\"a\":1}x",
        "{\"a\":1}//",
        "{\"a\":1}/**/",
        "{\"a\":/*c*/1}",
        "{,\"a\":1}",
        "{\"a\" \"b\"}",
        "{:\"b\"}",
        "{\"a\":1,,\"b\":2}",
        "{null:null}",
        "{\"a\":true]",
        "{\"a\":nul}",
        "{\"a\":True}",
        // Strings.
        "[\"",
        "\"",
        "[\"\\\"]",
        "[\"\\x00\"]",
        "[\"\\u\"]",
        "[\"\\u1\"]",
        "[\"\\u12\"]",
        "[\"\\u123\"]",
        "[\"\\uqqqq\"]",
        "[\"\\a\"]",
        "[\"\\\\\\\"]",
        "[\"a\n\"]",
        "[\"a\tb\"]",
        "[\"a\u{0}b\"]",
        "['a']",
        "[\"\\ud800\\\"]",
        "[“a”]",
        "[\\u0020]",
        "[\"a\"a]",
        "[\"\\😀\"]",
        "`a`",
        // Words and nothing.
        "",
        " ",
        "nul",
        "truth",
        "fal",
        "TRUE",
        "undefined",
        "a",
        "\u{feff}",
        "\u{feff}{}",
        "\u{2060}",
        "<.>",
        "--",
        "//",
        "{}{}",
        "null null",
        "\u{c}",
        "\u{a0}",
        "<!-- -->",
        "0 0",
        "\u{0}",
        "[1],",
        "*",
        "&",
        "%s%s%n",
        "$(id)",
        "{{7*7}}",
    ]
    .map(str::to_owned)
    .to_vec();
    for open in ["[", "{\"a\":", "[{\"a\":["] {
        all.push(open.repeat(100_000 / open.len()));
    }
    all.push("[".repeat(100_000) + &"]".repeat(100_000));
    all
}

/// Sends this as somebody new, and answers whether the connection stands after it, and what was said of it.
async fn said(server: &Server, text: &str) -> Option<Value> {
    let peer = Peer::connect(server.ws_url(), &format!("mallory-{}", unique())).await;
    drop(peer.try_send(Frame::text(text.to_owned())).await);
    // Whatever came of it, the next request is answered, and its answer is the first or second thing that is heard.
    let refused = peer.request("getusers", json!({"rid": "nowhere"})).await.unwrap_err();
    assert_eq!(refused.code, 15, "{text:.40}");
    let messages = peer.record().messages();
    (messages.len() > 1).then(|| messages[0].value().clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_json_is_dropped() {
    let server = Server::start();
    let honest = Honest::on(&server).await;
    for text in no_json() {
        let answer = said(&server, &text).await;
        assert!(answer.is_none(), "{text:.60}: {answer:?}");
    }
    honest.talk().await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_data_of_a_request_is_its_error_and_nothing_else() {
    let server = Server::start();
    let honest = Honest::on(&server).await;
    let deep = "[".repeat(60_000) + &"]".repeat(60_000);
    for (data, code) in [
        (r#"{"rid":"a","rid":"b"}"#, 19),
        (r#"{"rid":"a","\u0072id":"b"}"#, 19),
        (r#"{"rid":{"$ne":null}}"#, 2),
        (r#"{"rid":["a"]}"#, 2),
        (r#"{"rid":1e400}"#, 2),
        (r#"{"rid":"\ud800"}"#, 2),
        (r#"{"rid":"a\u0000b"}"#, 2),
        (r#"{"__proto__":{"rid":"a"}}"#, 2),
        (r#"[{"rid":"a"}]"#, 19),
        (r#""rid""#, 19),
        ("null", 19),
        (&format!(r#"{{"rid":{deep}}}"#), 19),
    ] {
        let text = format!(r#"{{"request":true,"id":1,"method":"join","data":{data}}}"#);
        let answer = said(&server, &text).await.unwrap_or_default();
        assert_eq!(answer["errorCode"], code, "{data:.60}: {answer}");
    }
    for twice in [
        r#"{"request":true,"id":1,"id":2,"method":"join","data":{"rid":"a"}}"#,
        r#"{"request":true,"id":1,"method":"leave","method":"join","data":{"rid":"a"}}"#,
        r#"{"request":true,"request":true,"id":1,"method":"join","data":{"rid":"a"}}"#,
    ] {
        let answer = said(&server, twice).await;
        assert!(answer.is_none_or(|answer| answer["ok"] == false), "{twice}");
    }
    honest.talk().await;
    server.stop();
}
