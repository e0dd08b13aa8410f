//! The pages and the client library, embedded: what a browser asks of the
//! signalling listener besides the WebSocket.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::{EmbeddedFile, RustEmbed};

/// Only what a browser needs, whatever else lies in the folder.
#[derive(RustEmbed)]
#[folder = "../../web"]
#[include = "*.html"]
#[include = "*.css"]
#[include = "*.js"]
#[include = "*.svg"]
#[include = "*.png"]
#[include = "*.ico"]
#[include = "*.woff2"]
#[include = "*.webmanifest"]
#[exclude = "node_modules/*"]
#[exclude = "test/*"]
#[exclude = "tests/*"]
#[exclude = "*.test.js"]
#[exclude = "*.config.js"]
struct Assets;

/// The pages load nothing from any other host. They speak to the WebSocket,
/// which older browsers do not count as 'self', and show what a camera or a
/// recording gives.
const POLICY: &str = "default-src 'self'; connect-src 'self' ws: wss:; media-src 'self' blob: mediastream:; \
    img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'";

/// What is sent with every answer.
const HEADERS: [(axum::http::HeaderName, &str); 3] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "same-origin"),
];

/// Answers GET and HEAD for every page; `/` is `index.html`, `/servers.json` says where else clients reach this
/// cluster.
pub(crate) fn router(urls: &[String]) -> Router {
    let servers: Arc<str> = serde_json::json!({ "urls": urls }).to_string().into();
    Router::new()
        .route("/servers.json", get(async move || elsewhere(&servers)))
        .route("/", get(async |headers: HeaderMap| page("index.html", &headers)))
        .route("/{*path}", get(async |Path(path): Path<String>, headers: HeaderMap| page(&path, &headers)))
}

fn page(path: &str, headers: &HeaderMap) -> Response {
    let Some(file) = Assets::get(path) else {
        return (StatusCode::NOT_FOUND, HEADERS, "There is no such page.\n").into_response();
    };
    let tag = entity_tag(&file);
    // Browsers ask each time and get a short "not modified": never an old page
    // with a new server.
    let fresh = [(ETAG, tag.as_str()), (CACHE_CONTROL, "no-cache")];
    if is_known(headers, &tag) {
        return (StatusCode::NOT_MODIFIED, HEADERS, fresh).into_response();
    }
    (HEADERS, fresh, [(CONTENT_TYPE, content_type(path))], file.data).into_response()
}

/// For pages from everywhere: whoever may connect may know.
fn elsewhere(servers: &str) -> Response {
    let open = [(CACHE_CONTROL, "no-cache"), (ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
    (HEADERS, open, [(CONTENT_TYPE, content_type("servers.json"))], servers.to_owned()).into_response()
}

/// Half of the content's SHA-256 in hex.
fn entity_tag(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    let hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

/// Whether the browser has this version already (RFC 9110 section 13.1.2).
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let lists = headers.get_all(IF_NONE_MATCH).iter().filter_map(|list| list.to_str().ok());
    lists
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_tag(tag: &str) -> HeaderMap {
        HeaderMap::from_iter([(IF_NONE_MATCH, tag.parse().unwrap())])
    }

    #[test]
    fn only_what_a_browser_needs_is_embedded() {
        assert!(Assets::get("index.html").is_some());
        for path in Assets::iter() {
            assert!(!path.contains("node_modules") && !path.ends_with(".json"), "{path}");
            assert_ne!(content_type(&path), "application/octet-stream", "{path}");
        }
    }

    #[test]
    fn a_page_is_fetched_again_only_when_it_changed() {
        let first = page("index.html", &HeaderMap::new());
        assert_eq!(first.status(), StatusCode::OK);
        assert_eq!(first.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
        assert_eq!(first.headers()[CACHE_CONTROL], "no-cache");
        let tag = first.headers()[ETAG].to_str().unwrap();
        for known in [tag, "*", &format!("\"x\", W/{tag}")] {
            assert_eq!(page("index.html", &with_tag(known)).status(), StatusCode::NOT_MODIFIED, "{known}");
        }
        assert_eq!(page("index.html", &with_tag("\"old\"")).status(), StatusCode::OK);
    }

    #[test]
    fn clients_hear_where_else_they_may_go() {
        let response = elsewhere(r#"{"urls":[]}"#);
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        for path in ["nothing.js", "package.json", "../Cargo.toml", "app", "", "app/", "..%2fCargo.toml"] {
            let response = page(path, &HeaderMap::new());
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
            assert!(response.headers().contains_key(CONTENT_SECURITY_POLICY));
        }
    }
}
