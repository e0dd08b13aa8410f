use std::path::PathBuf;

use super::*;

fn s3(to: &str) -> Settings {
    Settings {
        root: PathBuf::from("/nowhere/recordings"),
        to: to.to_owned(),
        // Without TLS, so that nothing rests on the certificates of the machine.
        endpoint: Some("http://127.0.0.1:9000".to_owned()),
        access_key_id: Some("id".to_owned()),
        secret_access_key: Some("secret".to_owned()),
        ..Settings::default()
    }
}

fn why(settings: &Settings) -> String {
    Destination::open(settings).unwrap_err().to_string()
}

#[test]
fn good_settings_are_taken() {
    for (to, shown) in [
        ("s3://bucket", "s3://bucket/"),
        ("s3://my.bucket/a/b/", "s3://my.bucket/a/b/"),
        ("file:///mnt/x", "file:///mnt/x"),
    ] {
        assert_eq!(Destination::open(&s3(to)).unwrap().to_string(), shown);
    }
}

#[test]
fn a_destination_that_cannot_be_is_named() {
    for to in ["", "bucket", "ftp://host/x", "file://relative", "file://"] {
        assert!(why(&s3(to)).contains("expected s3://BUCKET/PREFIX or file:///FOLDER"), "{to}");
    }
    for to in ["s3://", "s3:///prefix", "s3://a b/x", "s3://user:secret@host/x"] {
        assert!(why(&s3(to)).contains("names no bucket"), "{to}");
    }
    for to in ["s3://bucket/a//b", "s3://bucket/../x"] {
        assert!(why(&s3(to)).contains("the prefix"), "{to}");
    }
    for to in ["file:///nowhere/recordings", "file:///nowhere/recordings/kept"] {
        assert!(why(&s3(to)).contains("lies in the folder of the recordings"), "{to}");
    }
}

#[test]
fn credentials_are_there_both() {
    for empty in [None, Some(String::new())] {
        let no_id = Settings { access_key_id: empty.clone(), ..s3("s3://bucket") };
        assert!(why(&no_id).contains("the access key id is missing"));
        let no_secret = Settings { secret_access_key: empty, ..s3("s3://bucket") };
        assert!(why(&no_secret).contains("the secret access key is missing"));
    }
}

#[test]
fn an_endpoint_region_or_authority_that_cannot_be_is_named() {
    for endpoint in ["", "host:9000", "ftp://host", "http://", "http://id:secret@host", "https://host/?x"] {
        let settings = Settings { endpoint: Some(endpoint.to_owned()), ..s3("s3://bucket") };
        assert!(why(&settings).contains("expected an endpoint"), "{endpoint}");
    }
    assert!(why(&Settings { region: Some("a b".to_owned()), ..s3("s3://bucket") }).contains("is no region"));
    let ca = Some(PathBuf::from("/nowhere/ca.pem"));
    let settings = Settings { endpoint: Some("https://host".to_owned()), ca, ..s3("s3://bucket") };
    assert!(why(&settings).starts_with("cannot use the certificate authority /nowhere/ca.pem: "));
}
