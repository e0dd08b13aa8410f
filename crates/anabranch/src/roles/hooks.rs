//! Webhooks: a register's changes, told to the operator's own servers.

use std::sync::Arc;
use std::time::Duration;

use register::Listener;
use webhook::Webhooks;

use super::StartError;
use crate::config::Config;
use crate::house::House;

/// How long what waits is tried once more while the process ends.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Has what a register changes told from now on, as the config says; for [`register::Register::with_listener`].
pub(super) fn start(config: &Config, house: &House) -> Result<Option<Listener>, StartError> {
    let Some(config) = config.webhooks.clone() else { return Ok(None) };
    let (webhooks, deliveries) = Webhooks::start(config)?;
    house.numbers().add(|registry| webhooks.register(registry));
    house.spawn_to_the_end(|ending| deliveries.run(ending, PATIENCE));
    Ok(Some(Arc::new(move |event, users| webhooks.tell(event, users))))
}
