use super::authority::Authority;
use super::*;

fn why(files: &TlsFiles) -> String {
    Tls::load(files).unwrap_err().to_string()
}

#[test]
fn a_nodes_own_files_are_good() {
    let authority = Authority::new("tls-good");
    Tls::load(&authority.node(SERVER_NAME)).unwrap();
}

#[test]
fn a_file_that_cannot_be_used_is_named() {
    let (ours, theirs) = (Authority::new("tls-ours"), Authority::new("tls-theirs"));
    let good = ours.node(SERVER_NAME);
    let nowhere = PathBuf::from("/nowhere/x.pem");
    let error = why(&TlsFiles { cert: nowhere.clone(), ..good.clone() });
    assert!(error.starts_with("cannot use the certificate /nowhere/x.pem: "), "{error}");
    let error = why(&TlsFiles { key: nowhere.clone(), ..good.clone() });
    assert!(error.starts_with("cannot use the key /nowhere/x.pem: "), "{error}");
    let error = why(&TlsFiles { ca: nowhere, ..good.clone() });
    assert!(error.starts_with("cannot use the certificate authority /nowhere/x.pem: "), "{error}");
    let error = why(&TlsFiles { ca: good.key.clone(), ..good.clone() });
    assert!(error.ends_with(".key.pem: it holds no PEM certificate"), "{error}");

    let other = theirs.node(SERVER_NAME);
    let error = why(&TlsFiles { key: other.key, ..good.clone() });
    assert!(error.contains("it does not fit the certificate"), "{error}");
    let error = why(&TlsFiles { ca: other.ca, ..good });
    assert!(error.contains("UnknownIssuer"), "{error}");
    let error = why(&ours.node("node-1.example"));
    assert!(error.contains("anabranch"), "{error}");
}
