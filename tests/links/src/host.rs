//! A host of its own: a network namespace with one interface, whose packets come to this program.
//!
//! The namespace has no name. A child keeps it, which ends when the pipe to it closes: after a crash of this program,
//! too, nothing stays behind. Programs enter it with `nsenter --net=/proc/PID/ns/net`.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::tun::Tun;

/// As an ordinary one is called: browsers take `tun0` for a VPN, and treat it as such.
const INTERFACE: &str = "eth0";

#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) tun: Tun,
    keeper: Child,
    address: Ipv4Addr,
}

impl Host {
    /// With one address, and every other one in the world behind its interface.
    pub(crate) fn start(name: &str, address: Ipv4Addr) -> anyhow::Result<Self> {
        let mut keeper = Command::new("unshare")
            .args(["--net", "sh", "-c", "ip link set lo up && echo ready && exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("unshare")?;
        let mut line = String::new();
        let out = keeper.stdout.take().context("the keeper has no output")?;
        BufReader::new(out).read_line(&mut line)?;
        ensure!(line == "ready\n", "a network namespace needs root, and iproute2");
        let tun = inside(keeper.id(), || Tun::create(INTERFACE)).context("a TUN device")??;
        let host = Self { name: name.to_owned(), tun, keeper, address };
        // Addresses of IPv6 would only be tried in vain.
        host.ip(&["link", "set", INTERFACE, "addrgenmode", "none"])?;
        host.ip(&["link", "set", INTERFACE, "mtu", &crate::MTU.to_string(), "up"])?;
        host.ip(&["address", "add", &format!("{address}/32"), "dev", INTERFACE])?;
        host.ip(&["route", "add", "default", "dev", INTERFACE])?;
        Ok(host)
    }

    /// Of a process in the namespace.
    pub(crate) fn pid(&self) -> u32 {
        self.keeper.id()
    }

    pub(crate) fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Another address takes the place of the present one, as when somebody walks out of the house.
    pub(crate) fn readdress(&mut self, address: Ipv4Addr) -> anyhow::Result<()> {
        self.ip(&["address", "add", &format!("{address}/32"), "dev", INTERFACE])?;
        self.ip(&["address", "del", &format!("{}/32", self.address), "dev", INTERFACE])?;
        self.address = address;
        Ok(())
    }

    fn ip(&self, args: &[&str]) -> anyhow::Result<()> {
        let enter = format!("--net=/proc/{}/ns/net", self.pid());
        let status = Command::new("nsenter").args([&enter, "ip"]).args(args).stdin(Stdio::null()).status()?;
        ensure!(status.success(), "ip {}: {status}", args.join(" "));
        Ok(())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // It cannot fail in a way that anything could be done about.
        let _ended = self.keeper.wait();
    }
}

/// Does something in the network namespace of a process. There is one thread here, so nothing else is moved.
fn inside<T>(pid: u32, act: impl FnOnce() -> T) -> anyhow::Result<T> {
    let home = File::open("/proc/self/ns/net")?;
    let away = File::open(format!("/proc/{pid}/ns/net"))?;
    move_into_link_name_space(away.as_fd(), Some(LinkNameSpaceType::Network))?;
    let done = act();
    move_into_link_name_space(home.as_fd(), Some(LinkNameSpaceType::Network))?;
    Ok(done)
}
