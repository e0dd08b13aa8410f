//! What Janus is told.

use std::fs;
use std::net::{IpAddr, UdpSocket};
use std::path::Path;

use anyhow::Context;

/// Writes the folder's files. Everything that is not in them is as Janus has it by default.
pub(super) fn write(folder: &Path, port: u16, event_loops: Option<usize>) -> anyhow::Result<()> {
    // Our clients take ECDSA certificates alone.
    let own = rcgen::generate_simple_self_signed(["janus".to_owned()])?;
    fs::write(folder.join("cert.pem"), own.cert.pem())?;
    fs::write(folder.join("key.pem"), own.signing_key.serialize_pem())?;
    fs::write(folder.join("janus.jcfg"), core(folder, event_loops)?)?;
    fs::write(folder.join("janus.transport.websockets.jcfg"), web_sockets(port))?;
    // Rooms come and go with the load.
    fs::write(folder.join("janus.plugin.videoroom.jcfg"), "general: { events = false }\n")?;
    Ok(())
}

fn core(folder: &Path, event_loops: Option<usize>) -> anyhow::Result<String> {
    let loops = event_loops.map_or_else(String::new, |loops| format!("event_loops = {loops}"));
    let (path, modules, address) = (folder.display(), modules(), own_address()?);
    let plugins = all_but("libjanus_videoroom.so", &format!("{modules}/plugins"))?;
    let transports = all_but("libjanus_websockets.so", &format!("{modules}/transports"))?;
    Ok(format!(
        r#"general: {{
    configs_folder = "{path}"
    plugins_folder = "{modules}/plugins"
    transports_folder = "{modules}/transports"
    log_to_stdout = false
    {loops}
}}
certificates: {{
    cert_pem = "{path}/cert.pem"
    cert_key = "{path}/key.pem"
}}
nat: {{
    ice_lite = true
    ice_enforce_list = "{address}"
}}
plugins: {{ disable = "{plugins}" }}
transports: {{ disable = "{transports}" }}
loggers: {{ disable = "libjanus_jsonlog.so" }}
events: {{ broadcast = false }}
"#
    ))
}

fn web_sockets(port: u16) -> String {
    format!(
        r#"general: {{
    json = "compact"
    ws = true
    ws_ip = "127.0.0.1"
    ws_port = {port}
    wss = false
}}
admin: {{
    admin_ws = false
    admin_wss = false
}}
"#
    )
}

/// Where Debian puts plugins and transports.
fn modules() -> String {
    format!("/usr/lib/{}-linux-gnu/janus", std::env::consts::ARCH)
}

/// All modules in a folder but one.
fn all_but(wanted: &str, folder: &str) -> anyhow::Result<String> {
    let mut others = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {folder}"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".so") && name != wanted {
            others.push(name);
        }
    }
    Ok(others.join(","))
}

/// Janus announces no loopback address. A datagram to another address of this machine takes the same way.
fn own_address() -> anyhow::Result<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    // From the block for documentation; nothing is sent.
    socket.connect("198.51.100.1:9").context("Janus needs a network interface besides loopback")?;
    Ok(socket.local_addr()?.ip())
}
