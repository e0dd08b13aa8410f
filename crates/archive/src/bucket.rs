//! S3-compatible storage.

use std::fmt;
use std::time::Duration;

use hyper::{StatusCode, Uri};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path as Key;
use object_store::{MultipartUpload, ObjectStoreExt as _, RetryConfig};
use outbound::Trust;
use tokio::time::timeout;

use crate::error::OpenError;
use crate::failure::Failure;
use crate::file_path::FilePath;
use crate::http::{Http, RequestError};
use crate::settings::Settings;
use crate::source::Source;

/// Larger files are uploaded in parts of this size, one after the other: that much memory is used per upload.
/// S3 takes parts from 5 MiB on.
const PART: u64 = 8 << 20;
/// S3 takes no more; larger files have larger parts.
const MAX_PARTS: u64 = 10_000;
/// To tell the storage that parts already sent are not needed.
const ABORT_TIMEOUT: Duration = Duration::from_secs(5);

/// A bucket, and what the keys in it begin with.
#[derive(Debug)]
pub(crate) struct Bucket {
    store: AmazonS3,
    name: String,
    /// Empty, or with a slash at its end.
    prefix: String,
}

impl Bucket {
    /// `place` is what follows `s3://`.
    pub(crate) fn open(settings: &Settings, place: &str) -> Result<Self, OpenError> {
        let (name, prefix) = place.split_once('/').unwrap_or((place, ""));
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        {
            return Err(OpenError::Bucket(settings.to.clone()));
        }
        let prefix = Key::parse(prefix).map_err(|_| OpenError::Prefix(settings.to.clone()))?.to_string();
        let prefix = if prefix.is_empty() { prefix } else { prefix + "/" };
        Ok(Self { store: client(settings, name)?, name: name.to_owned(), prefix })
    }

    /// Uploads a file; it is there whole or not at all.
    pub(crate) async fn put(&self, path: &FilePath, mut source: Source) -> Result<(), Failure> {
        let key = Key::parse(format!("{}{path}", self.prefix)).map_err(|error| failure(&error))?;
        if source.left() <= PART {
            let contents = source.read(PART).await?;
            return self.store.put(&key, contents.into()).await.map(drop).map_err(|error| failure(&error));
        }
        let mut upload = self.store.put_multipart(&key).await.map_err(|error| failure(&error))?;
        let outcome = put_parts(&mut *upload, source).await;
        if outcome.is_err() && !matches!(timeout(ABORT_TIMEOUT, upload.abort()).await, Ok(Ok(()))) {
            tracing::debug!(%key, "parts of an upload that failed are left in the bucket");
        }
        outcome
    }
}

async fn put_parts(upload: &mut dyn MultipartUpload, mut source: Source) -> Result<(), Failure> {
    let size = PART.max(source.left().div_ceil(MAX_PARTS));
    while source.left() > 0 {
        let part = source.read(size).await?;
        upload.put_part(part.into()).await.map_err(|error| failure(&error))?;
    }
    upload.complete().await.map(drop).map_err(|error| failure(&error))
}

fn client(settings: &Settings, bucket: &str) -> Result<AmazonS3, OpenError> {
    let region = settings.region.as_deref().unwrap_or("us-east-1");
    if region.is_empty() || !region.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(OpenError::Region(region.to_owned()));
    }
    let (id, secret) = credentials(settings)?;
    let is_http = settings.endpoint.as_deref().map_or(Ok(false), is_http)?;
    let trust = if is_http { None } else { Some(Trust::load(settings.ca.as_deref())?) };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(region)
        .with_access_key_id(id)
        .with_secret_access_key(secret)
        .with_allow_http(is_http)
        // A certificate's wildcard stands for no name with a dot in it.
        .with_virtual_hosted_style_request(settings.endpoint.is_none() && !bucket.contains('.'))
        .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
        .with_http_connector(Http::new(trust));
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
    }
    builder.build().map_err(|error| OpenError::Client(error.to_string()))
}

fn credentials(settings: &Settings) -> Result<(&str, &str), OpenError> {
    let given =
        |value: &'_ str, what| if value.is_empty() { Err(OpenError::Credentials(what)) } else { Ok(()) };
    let id = settings.access_key_id.as_deref().unwrap_or_default();
    let secret = settings.secret_access_key.as_deref().unwrap_or_default();
    given(id, "access key id")?;
    given(secret, "secret access key")?;
    Ok((id, secret))
}

/// Whether an endpoint is without TLS.
fn is_http(endpoint: &str) -> Result<bool, OpenError> {
    let wrong = || OpenError::Endpoint(endpoint.to_owned());
    let uri: Uri = endpoint.parse().map_err(|_| wrong())?;
    let authority = uri.authority().ok_or_else(wrong)?;
    if authority.host().is_empty() || authority.as_str().contains('@') || uri.query().is_some() {
        return Err(wrong());
    }
    match uri.scheme_str() {
        Some("http") => Ok(true),
        Some("https") => Ok(false),
        _ => Err(wrong()),
    }
}

/// Finds what the HTTP client said among the causes.
fn failure(error: &(dyn std::error::Error + 'static)) -> Failure {
    let said = std::iter::successors(Some(error), |error| error.source())
        .find_map(|cause| cause.downcast_ref::<RequestError>());
    match said {
        Some(answer @ RequestError::Answer { status, .. }) if !says_later(*status) => {
            Failure::Refused(answer.to_string())
        }
        Some(away) => Failure::Away(away.to_string()),
        None => Failure::Refused(error.to_string().chars().take(300).collect()),
    }
}

/// A server, or a proxy before it, that cannot work now. A plain 500 may well be about one file.
fn says_later(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.name, self.prefix)
    }
}
