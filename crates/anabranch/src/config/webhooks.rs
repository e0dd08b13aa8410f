//! `[webhooks]`: which servers of the operator's own hear what happens in rooms.

use super::error::ConfigError;
use super::layers::Layers;

const S: &str = "webhooks";

impl Layers {
    /// `None`: nobody is told.
    pub(super) fn webhooks(&self) -> Result<Option<webhook::Config>, ConfigError> {
        let urls = self.list(S, "urls", "a list of URLs", |text| Some(text.to_owned()))?;
        if urls.is_empty() {
            return Ok(None);
        }
        let secret = self.secret(S, "secret")?.ok_or_else(|| self.alone(S, "urls", "secret"))?;
        let mut config = webhook::Config::new(&urls, secret.reveal().as_bytes())
            .map_err(|why| self.refused(S, key_of(&why), &why))?;
        config.allow_private = self.flag(S, "allow_private")?;
        config.ca = self.path(S, "ca")?;
        Ok(Some(config))
    }
}

fn key_of(why: &webhook::ConfigError) -> &'static str {
    match why {
        webhook::ConfigError::Secret(_) => "secret",
        _ => "urls",
    }
}
