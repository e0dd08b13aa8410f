//! `links`: hosts of their own on this machine, and between them a network as bad as one likes. The browser tests run
//! a server and browsers on them (`tests/e2e/harness/links.js`); by hand:
//!
//! ```text
//! links --seed 1 server alice bob          # as root; prints one line of JSON: who has which address
//! to alice rate 1000000 queue 300          # bits a second, and how long a packet may wait, in milliseconds
//! to alice delay 20 jitter 50 loss 10      # milliseconds, percent; each direction of each line has its own
//! cut alice                                # and: mend alice
//! calm alice                               # all as at first
//! move alice                               # to another address
//! counts alice
//! ```
//!
//! Each line is answered by one line of JSON. With the end of its input everything ends, and nothing stays behind.
//!
//! Traffic control (`tc`) is not used: netem is not in every kernel, and loss and jitter of one's own can be seeded,
//! repeated, and tested in virtual time.
#![expect(clippy::print_stdout, reason = "it is spoken to over its standard input and output")]

mod conditions;
mod host;
mod internet;
mod line;
mod orders;
mod random;
mod tun;

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use clap::Parser;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::json;

use crate::internet::Internet;
use crate::orders::Orders;

/// Bytes of a packet with its IP header: Ethernet's.
const MTU: usize = 1500;

/// Above what else runs: packets that come late because of others would look like jitter.
const NICE: i32 = -10;

#[derive(Debug, Parser)]
#[command(name = "links", about = "Hosts with a network between them that is as bad as one likes")]
struct Options {
    /// The same losses and delays each time.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Names of the hosts.
    #[arg(required = true)]
    hosts: Vec<String>,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let mut internet = Internet::start(&options.hosts, options.seed)?;
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        eprintln!("links: goes on at an ordinary priority: {error}");
    }
    println!("{}", internet.describe());
    let (start, mut orders) = (Instant::now(), Orders::default());
    while !orders.ended() {
        internet.turn(start.elapsed())?;
        if !are_there_orders(&internet, start)? {
            continue;
        }
        for order in orders.read()? {
            let answer = internet.obey(start.elapsed(), &order);
            println!("{}", answer.unwrap_or_else(|error| json!({ "error": format!("{error:#}") })));
        }
    }
    Ok(())
}

/// Waits until a host has sent something, something is due, or there are orders.
fn are_there_orders(internet: &Internet, start: Instant) -> anyhow::Result<bool> {
    let stdin = rustix::stdio::stdin();
    let mut fds = vec![PollFd::new(&stdin, PollFlags::IN)];
    fds.extend(internet.hosts().map(|host| PollFd::from_borrowed_fd(host.tun.as_fd(), PollFlags::IN)));
    let rest = internet.next().map(|next| next.saturating_sub(start.elapsed()));
    match poll(&mut fds, rest.map(timespec).as_ref()) {
        Ok(_) => Ok(fds.first().is_some_and(|stdin| !stdin.revents().is_empty())),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn timespec(time: Duration) -> Timespec {
    Timespec { tv_sec: time.as_secs().cast_signed(), tv_nsec: time.subsec_nanos().into() }
}
