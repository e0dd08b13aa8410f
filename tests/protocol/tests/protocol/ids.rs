//! Ids are data: any character that is no control character is legal, wherever an id ends up.

use serde_json::json;

use crate::fixture::{Place, announce, code_of, subscribe_data};

/// Characters that mean something to a store, a subject, a path, a URL or a log.
fn strange_names() -> Vec<String> {
    let mut names: Vec<String> = [
        "/",
        "*",
        ".",
        "..",
        "../../etc",
        ">",
        "#",
        ":",
        "{",
        "}",
        "{x}",
        "a{b}c",
        " ",
        "  lead and trail  ",
        "%",
        "%2F",
        "%00",
        "?",
        "&",
        "=",
        "+",
        "\\",
        "\"",
        "'",
        "`",
        "$",
        "|",
        ";",
        ",",
        "<script>",
        "-1",
        "0",
        "null",
        "😀",
        "👩‍👩‍👧",
        "é",
        "e\u{301}",
        "日本語",
        "\u{202e}rtl",
        "\u{feff}",
        "𝒳",
        "a#b#c",
        "$SYS.>",
        "room.*",
    ]
    .into_iter()
    .map(str::to_owned)
    .collect();
    // 32 characters of four bytes: 128 bytes.
    names.push("😀".repeat(32));
    names
}

#[tokio::test]
async fn any_legal_character_works_in_a_room_id() {
    let place = Place::new();
    let (ada, bob) = (place.peer("ada").await, place.peer("bob").await);
    for rid in strange_names() {
        // The room is this test's own as long as nobody else uses bare strange names.
        ada.join(&rid).await;
        bob.join(&rid).await;
        let heard =
            ada.notification("peer-join", |data| data["rid"] == *rid && data["uid"] == *bob.uid()).await;
        assert_eq!(heard.data()["rid"], *rid);
        bob.request("broadcast", json!({"rid": rid, "data": rid})).await.expect("a broadcast");
        let heard = ada.notification("broadcast", |data| data["rid"] == *rid).await;
        assert_eq!(*heard.data(), json!({"rid": rid, "uid": bob.uid(), "data": rid}));
        bob.request("leave", json!({"rid": rid})).await.expect("left");
        ada.notification("peer-leave", |data| data["rid"] == *rid && data["uid"] == *bob.uid()).await;
        ada.request("leave", json!({"rid": rid})).await.expect("left");
    }
}

#[tokio::test]
async fn any_legal_character_works_in_a_user_id() {
    let place = Place::new();
    let ada = place.member("ada").await;
    for uid in strange_names() {
        let stranger = peer::Peer::connect(place.url(), &uid).await;
        stranger.join(place.rid()).await;
        ada.notification("peer-join", |data| data["uid"] == *uid).await;
        stranger.request("leave", json!({"rid": place.rid()})).await.expect("left");
        ada.notification("peer-leave", |data| data["uid"] == *uid).await;
    }
}

#[tokio::test]
async fn streams_of_strangely_named_users_are_found() {
    let place = Place::new();
    let ada = place.member("ada").await;
    for uid in
        ["a#b#c", "/ * . > # : { }", "😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀"]
    {
        let stranger = peer::Peer::connect(place.url(), uid).await;
        stranger.join(place.rid()).await;
        let mid = announce(&stranger, place.rid()).await;
        assert!(mid.starts_with(&format!("{uid}#")), "{mid}");
        ada.notification("stream-add", |data| data["mid"] == *mid && data["uid"] == uid).await;
        let answer =
            ada.request("subscribe", subscribe_data(place.rid(), &mid)).await.expect("a subscription");
        assert!(
            answer["sid"].as_str().is_some_and(|sid| sid.starts_with(&format!("{}#", ada.uid()))),
            "{answer}"
        );
        let data = json!({"rid": place.rid(), "mid": mid, "sid": answer["sid"]});
        assert_eq!(ada.request("unsubscribe", data).await, Ok(json!({})));
        let data = json!({"rid": place.rid(), "mid": mid});
        assert_eq!(stranger.request("unpublish", data).await, Ok(json!({})));
        ada.notification("stream-remove", |data| data["mid"] == *mid).await;
    }
}

#[tokio::test]
async fn illegal_room_ids_are_refused() {
    let place = Place::new();
    let ada = place.peer("ada").await;
    let too_long = "r".repeat(129);
    for rid in ["", "\u{0}", "a\nb", "\u{1b}[31m", "\u{7f}", "\u{9f}", &too_long] {
        assert_eq!(code_of(&ada, "join", json!({"rid": rid})).await, 2, "{rid:?}");
    }
    for rid in [json!(null), json!(7), json!(true), json!(["r"]), json!({"r": "r"})] {
        assert_eq!(code_of(&ada, "join", json!({"rid": rid})).await, 2, "{rid}");
    }
}

#[tokio::test]
async fn ids_that_differ_only_by_normalisation_or_case_are_different() {
    let place = Place::new();
    let (composed, decomposed) = (place.other_rid("é"), place.other_rid("e\u{301}"));
    let (ada, bob) = (place.peer("ada").await, place.peer("bob").await);
    ada.join(&composed).await;
    assert_eq!(bob.join(&decomposed).await.data["users"], json!([]));
    let upper = place.other_rid("É");
    assert_eq!(bob.join(&upper).await.data["users"], json!([]));
    assert_eq!(bob.join(&composed).await.data["users"][0]["uid"], *ada.uid());
}
