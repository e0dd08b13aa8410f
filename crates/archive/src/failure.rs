//! Why an upload did not succeed, and whose trouble that is.

/// What became of one attempt that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The local file is not there any more: there is nothing left to do.
    Gone,
    /// The local path leads through a link or to something that is no file: it will not be uploaded.
    Unfit(String),
    /// The local file cannot be read now.
    Local(String),
    /// The storage does not answer, or says that it cannot work now: every file's trouble.
    Away(String),
    /// The storage answers, and does not take the file: this file's trouble, or a matter of rights.
    Refused(String),
}

impl Failure {
    /// A step of local work that ended abnormally.
    pub(crate) fn broken(error: &tokio::task::JoinError) -> Self {
        Self::Local(format!("a step of the upload broke: {error}"))
    }
}

/// Runs blocking work aside of the runtime's own threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(Failure::broken(&error)))
}
