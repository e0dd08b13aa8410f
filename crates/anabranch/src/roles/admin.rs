//! `[admin]`: the gRPC service of whoever runs the rooms, on a listener of its own.

use std::net::SocketAddr;

use rpc::proto::admin_server::SERVICE_NAME;
use rpc::server::Listener;
use rpc::tls::Tls;

use super::StartError;
use crate::config::Config;
use crate::house::House;

/// Serves it where the config says so; answers the address that was bound.
pub(super) async fn serve(
    config: &Config,
    house: &House,
    signal: &signal::Signal,
) -> Result<Option<SocketAddr>, StartError> {
    let Some(address) = config.admin else { return Ok(None) };
    let tls = config.rpc.tls.as_ref().map(Tls::load).transpose()?;
    let listener = Listener::bind(address, tls).await.map_err(StartError::Admin)?;
    let address = listener.address();
    let service = rpc::server::builder().add_service(rpc::server::admin(signal.admin_service()));
    house.serve_more(listener, service, SERVICE_NAME).await;
    Ok(Some(address))
}
