//! A client behind its network: checks, handshake, what it says, and when it gives up.

use super::listener::Listener;
use crate::forwarding::client::Client;
use crate::forwarding::publisher::{Media, Publisher};
use crate::network::Link;
use rtp::NtpTime;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Checks come this often while they are answered, as libwebrtc's do, and more often while they are not.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_millis(2_500);
const ANXIOUS_INTERVAL: Duration = Duration::from_millis(500);

/// Without an answer for so long it gives up: longer than a browser, which begins ICE anew before.
const PATIENCE: Duration = Duration::from_secs(60);

/// A restart of which it hears nothing for so long is tried again.
const RESTART_INTERVAL: Duration = Duration::from_secs(10);

const REPORT_INTERVAL: Duration = Duration::from_secs(1);

pub(super) enum Role {
    Publisher(Box<Publisher>),
    Listener(Box<Listener>),
}

/// What a device sends.
pub(super) enum Sent {
    Check(Vec<u8>),
    Media(Vec<u8>, Media),
    Other(Vec<u8>),
}

pub(super) struct Device {
    pub(super) role: Role,
    pub(super) up: Link,
    pub(super) down: Link,
    /// Nothing gets through before this.
    pub(super) cut_until: Option<(Instant, Link, Link)>,
    /// All addresses that it ever had: the last one is the present one.
    pub(super) addresses: Vec<SocketAddr>,
    /// It is not there any more, or does not want to be.
    pub(super) gone: bool,
    pub(super) connected: Option<Instant>,
    /// It said goodbye.
    pub(super) said_goodbye: bool,
    /// What a publisher's time of day is.
    pub(super) ntp: NtpTime,
    /// What it offered in the beginning.
    pub(super) offer: String,
    /// When it began ICE anew, until it hears of it.
    pub(super) restarted: Option<Instant>,
    next_check: Instant,
    next_report: Instant,
    heard: Instant,
    begun: bool,
}

impl Device {
    pub(super) fn new(
        now: Instant,
        role: Role,
        (up, down): (Link, Link),
        ntp: NtpTime,
        offer: String,
    ) -> Self {
        let mut device = Self {
            role,
            up,
            down,
            cut_until: None,
            addresses: Vec::new(),
            gone: false,
            connected: None,
            said_goodbye: false,
            ntp,
            offer,
            restarted: None,
            next_check: now,
            next_report: now,
            heard: now,
            begun: false,
        };
        let address = device.client().address;
        device.addresses.push(address);
        device
    }

    pub(super) fn client(&mut self) -> &mut Client {
        match &mut self.role {
            Role::Publisher(publisher) => &mut publisher.client,
            Role::Listener(listener) => &mut listener.client,
        }
    }

    pub(super) fn listener(&mut self) -> Option<&mut Listener> {
        match &mut self.role {
            Role::Listener(listener) => Some(listener),
            Role::Publisher(_) => None,
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.addresses[self.addresses.len() - 1]
    }

    /// Its packets come from there from now on, without its knowing.
    pub(super) fn rename(&mut self, address: SocketAddr) {
        self.addresses.push(address);
    }

    /// When it does something by itself.
    pub(super) fn wakes(&mut self) -> Option<Instant> {
        if self.gone {
            return None;
        }
        let mut wakes = self.next_check.min(self.gives_up());
        wakes = wakes.min(self.begins_again().unwrap_or(wakes));
        if self.begun {
            wakes = wakes.min(self.client().due.unwrap_or(wakes));
        }
        if self.connected.is_some() {
            wakes = wakes.min(match &self.role {
                Role::Publisher(publisher) => publisher.next_frame().unwrap_or(wakes).min(self.next_report),
                Role::Listener(listener) => listener.wakes(),
            });
        }
        Some(wakes)
    }

    /// When it takes the server for gone.
    pub(super) fn gives_up(&self) -> Instant {
        self.heard + PATIENCE
    }

    /// When it begins ICE anew once more, because it has heard nothing of the last time.
    pub(super) fn begins_again(&self) -> Option<Instant> {
        self.restarted.map(|restarted| restarted + RESTART_INTERVAL)
    }

    /// It begins ICE anew. Returns the offer.
    pub(super) fn restart(&mut self, now: Instant) -> String {
        (self.restarted, self.next_check) = (Some(now), now);
        let offer = self.offer.clone();
        self.client().restart(&offer)
    }

    /// Does what is due.
    pub(super) fn drive(&mut self, now: Instant, passed: Duration) -> Vec<Sent> {
        let mut sent = Vec::new();
        if self.gone {
            return sent;
        }
        if now >= self.gives_up() {
            self.gone = true;
            return sent;
        }
        if self.next_check <= now {
            self.next_check = now + ANXIOUS_INTERVAL;
            sent.push(Sent::Check(self.client().check()));
        }
        if self.begun && self.client().due.is_some_and(|due| due <= now) {
            sent.extend(self.client().connect(now).into_iter().map(Sent::Other));
            self.notice(now);
        }
        if self.connected.is_some() {
            self.speak(now, passed, &mut sent);
        }
        sent
    }

    fn speak(&mut self, now: Instant, passed: Duration, sent: &mut Vec<Sent>) {
        match &mut self.role {
            Role::Publisher(publisher) => {
                let media = publisher.produce(now).into_iter();
                sent.extend(media.map(|(data, media, _)| Sent::Media(data, media)));
                if self.next_report <= now {
                    self.next_report = now + REPORT_INTERVAL;
                    let ntp = self.ntp + passed;
                    let reports = (0..publisher.lines.len()).filter_map(|at| publisher.report(now, ntp, at));
                    sent.extend(reports.map(Sent::Other));
                }
            }
            Role::Listener(listener) => sent.extend(listener.speak(now).into_iter().map(Sent::Other)),
        }
    }

    /// Takes a datagram. Returns what is to be sent.
    pub(super) fn receive(&mut self, now: Instant, data: Vec<u8>) -> Vec<Sent> {
        let others = |sent: Vec<Vec<u8>>| sent.into_iter().map(Sent::Other).collect();
        if self.gone {
            return Vec::new();
        }
        match data[0] {
            0..=3 => {
                let Some(address) = self.client().seen_from(&data) else { return Vec::new() };
                assert!(self.addresses.contains(&address), "it never was at {address}");
                (self.heard, self.restarted) = (now, None);
                self.next_check = now + CHECK_INTERVAL;
                if !std::mem::replace(&mut self.begun, true) {
                    return others(self.client().connect(now));
                }
                Vec::new()
            }
            20..=63 if self.begun => {
                let sent = others(self.client().receive(now, &data));
                self.notice(now);
                sent
            }
            20..=63 => Vec::new(),
            _ => self.receive_media(now, data),
        }
    }

    fn receive_media(&mut self, now: Instant, mut data: Vec<u8>) -> Vec<Sent> {
        match &mut self.role {
            Role::Listener(listener) => {
                listener.receive(now, data);
                Vec::new()
            }
            Role::Publisher(publisher) => {
                let Some((_, receiver)) = publisher.client.keys.as_mut() else { return Vec::new() };
                let Ok(opened) = receiver.open_rtcp(&mut data) else { return Vec::new() };
                let again = publisher.heed(now, &data[..opened.len]);
                again.into_iter().map(|(data, media, _)| Sent::Media(data, media)).collect()
            }
        }
    }

    /// Says goodbye and leaves.
    pub(super) fn leave(&mut self, now: Instant) -> Vec<Vec<u8>> {
        self.gone = true;
        self.said_goodbye = self.connected.is_some();
        if self.said_goodbye { self.client().close(now) } else { Vec::new() }
    }

    fn notice(&mut self, now: Instant) {
        if self.client().closed {
            self.gone = true;
        }
        if self.connected.is_none() && self.client().keys.is_some() {
            self.connected = Some(now);
            self.next_report = now + REPORT_INTERVAL / 2;
            if let Role::Publisher(publisher) = &mut self.role {
                publisher.rest_until(now);
            }
        }
    }
}
