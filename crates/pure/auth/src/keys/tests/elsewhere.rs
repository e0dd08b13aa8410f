//! Keys and tokens that another program made (OpenSSL), with all that it does differently.

use super::*;

const EC_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEacf08m9Mc8Uc/39KEUG6JNSLPWgG
+gUIGK5cbtnsWVbeyPWcM/s4UfuIMmYiInv4wao2PonHyn2AP8I7oVwt1w==
-----END PUBLIC KEY-----";

const ED_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAgnIFRXNdCj+KCUoTtN4EdMK5o5SYXJIW6Wo0tf8pxec=
-----END PUBLIC KEY-----";

/// OpenSSL's private Ed25519 keys come without the public one.
const ED_PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEICU/XB4pQX5qgwgMfl1cNcclseoI3+ksW+MiohUnLa8c
-----END PRIVATE KEY-----";

const HS256: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9";
const EDDSA: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFZERTQSJ9";
const ES256: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9";

/// `{"sub":"alice","rooms":["lobby","team-*"],"record":true,"exp":1700000600,"iss":"somebody"}`
const PAYLOAD: &str = "eyJzdWIiOiJhbGljZSIsInJvb21zIjpbImxvYmJ5IiwidGVhbS0qIl0s\
    InJlY29yZCI6dHJ1ZSwiZXhwIjoxNzAwMDAwNjAwLCJpc3MiOiJzb21lYm9keSJ9";

const HS256_SIGNATURE: &str = "4A6tbL9z0AWUjGloDN-hvQS5pKqhsTTWXzEj-Ehn3bs";
const EDDSA_SIGNATURE: &str =
    "0coUzgj9Fm9AORBCuA-a8SBwnsXIRA7HT8Ax843Hr1r0HvmOuQwHrU5RQXL_e62i6fDzoIbw288iIUUaWNFZCQ";
const ES256_SIGNATURE: &str =
    "uHN6lfaG4V7HSdZ4gIGSdJBM7xwHH5ehrmNRty9c0ksFhGKxNiJJ8gNZilm7M6QykGmeTq7d8o0TMz_6QFt_pQ";

fn pem(pem: &str) -> KeySpec {
    KeySpec { kid: None, material: KeyMaterial::PublicPem(pem.into()) }
}

pub(super) fn ec() -> KeySpec {
    pem(EC_PUBLIC)
}

pub(super) fn ed() -> KeySpec {
    pem(ED_PUBLIC)
}

#[test]
fn a_token_from_elsewhere_is_understood() {
    let keys = Keys::new(&[secret(None, SECRET), ec(), ed()]).unwrap();
    let expected = Grant { broadcast: true, ..claims().grant };
    for (header, signature) in [(HS256, HS256_SIGNATURE), (EDDSA, EDDSA_SIGNATURE), (ES256, ES256_SIGNATURE)]
    {
        let token = format!("{header}.{PAYLOAD}.{signature}");
        assert_eq!(keys.verify(&token, at(NOW)).as_ref(), Ok(&expected), "{header}");
    }
}

#[test]
fn a_private_key_from_elsewhere_signs() {
    let key = SigningKey::from_private_pem(None, ED_PRIVATE).unwrap();
    let token = key.sign(&claims()).unwrap();
    assert_eq!(Keys::new(&[ed()]).unwrap().verify(&token, at(NOW)), Ok(claims().grant));
}

#[test]
fn line_ends_and_text_around_a_key_do_not_matter() {
    for text in
        [EC_PUBLIC.replace('\n', "\r\n"), format!("# our key\n{EC_PUBLIC}\n\n"), format!("\n{EC_PUBLIC}")]
    {
        assert!(Keys::new(&[pem(&text)]).is_ok(), "{text}");
    }
}
