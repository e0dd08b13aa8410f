//! RTCP: reports, requests for key frames and lost packets, goodbye.

use super::connection::{Client, Event};
use super::ice::Send;
use rtp::NoRoom;
use rtp::rtcp::{self, Nack, Packet, ReportBlock, Writer};
use rtp::srtp::MAX_RTCP_OVERHEAD;
use std::time::Instant;

/// The largest compound: what fits into an Ethernet frame through any tunnel.
const COMPOUND: usize = 1200;

/// The largest packet that is sent again.
const DATAGRAM: usize = 1500;

impl Client {
    /// Asks for a key frame of a track that is received.
    pub fn request_key_frame(&mut self, track: usize, send: Send<'_>) {
        let Some(media) = self.receiving.get(track).map(|track| track.ssrc) else { return };
        let ssrc = self.own_ssrc();
        self.send_control(send, |writer| writer.pli(ssrc, media));
    }

    pub(super) fn control(&mut self, now: Instant, datagram: &mut [u8], send: Send<'_>) {
        let Some((_, receiver)) = self.keys.as_mut() else { return };
        let Ok(opened) = receiver.open_rtcp(datagram) else {
            self.unauthentic += 1;
            return;
        };
        for packet in rtcp::packets(datagram.get(..opened.len).unwrap_or_default()).flatten() {
            match packet {
                Packet::SenderReport(report) => {
                    if let Some(track) = self.receiving.iter_mut().find(|track| track.ssrc == report.ssrc) {
                        track.sender_report(now, report.info.ntp);
                    }
                }
                Packet::Pli(pli) => self.key_frame_wanted(pli.media),
                Packet::Fir(fir) => fir.entries.for_each(|entry| self.key_frame_wanted(entry.ssrc)),
                Packet::Nack(nack) => self.send_again(now, &nack, send),
                _ => {}
            }
        }
    }

    fn key_frame_wanted(&mut self, ssrc: u32) {
        let track = self.sending.iter().position(|track| track.ssrc == ssrc);
        let event = track.map(|track| Event::KeyFrameWanted { track });
        // A frame answers all requests that came before it.
        self.events.extend(event.filter(|event| !self.events.contains(event)));
    }

    fn send_again(&mut self, now: Instant, nack: &Nack<'_>, send: Send<'_>) {
        let Some(to) = self.ice.selected() else { return };
        let mut buffer = [0; DATAGRAM];
        for lost in nack.lost {
            let stamp = self.stamp(now);
            let Some((sender, _)) = self.keys.as_ref() else { return };
            let track = self.sending.iter_mut().find(|track| track.ssrc == nack.media);
            let len = track.and_then(|track| track.send_again(lost, stamp, sender, &mut buffer));
            if let Some(packet) = len.and_then(|len| buffer.get(..len)) {
                send(to, packet);
            }
        }
    }

    /// Sender reports of what is sent, and a receiver report of what is received.
    pub(super) fn report(&mut self, now: Instant, send: Send<'_>) {
        let ntp = self.clock.ntp(now);
        let blocks: Vec<ReportBlock> =
            self.receiving.iter_mut().filter_map(|track| track.report(now)).collect();
        let ssrc = self.own_ssrc();
        let cname = self.cname.clone();
        let sending = std::mem::take(&mut self.sending);
        self.send_control(send, |writer| {
            sending.iter().try_for_each(|track| track.report(now, ntp, writer))?;
            if writer.is_empty() || !blocks.is_empty() {
                writer.receiver_report(ssrc, &blocks)?;
            }
            writer.source_description(&[ssrc], &cname)
        });
        self.sending = sending;
    }

    /// Asks again for packets that are missing.
    pub(super) fn ask_for_missing(&mut self, now: Instant, send: Send<'_>) {
        for track in 0..self.receiving.len() {
            let mut lost = Vec::new();
            let Some(receiving) = self.receiving.get_mut(track) else { return };
            receiving.ask(now, &mut lost);
            let media = receiving.ssrc;
            let given_up = receiving.take_given_up();
            self.given_up += given_up;
            self.asked += lost.len() as u64;
            if !lost.is_empty() {
                let ssrc = self.own_ssrc();
                self.send_control(send, |writer| writer.nack(ssrc, media, &lost));
            }
            if given_up > 0 {
                self.request_key_frame(track, send);
            }
        }
    }

    /// Tells the sender when its packets arrived, if that is due.
    pub(super) fn feed_back(&mut self, now: Instant, send: Send<'_>) {
        let Some(mut arrivals) = self.arrivals.take_if(|arrivals| arrivals.is_due(now)) else { return };
        let ssrc = self.own_ssrc();
        let mut more = true;
        while more {
            more = false;
            self.send_control(send, |writer| {
                more = arrivals.write(ssrc, writer)?;
                Ok(())
            });
        }
        self.arrivals = Some(arrivals);
    }

    pub(super) fn goodbye(&mut self, send: Send<'_>) {
        let ssrcs: Vec<u32> = self.sending.iter().map(|track| track.ssrc).collect();
        if !ssrcs.is_empty() {
            self.send_control(send, |writer| writer.goodbye(&ssrcs, ""));
        }
    }

    /// Who reports: the first track that is sent; for a mere receiver 1, as libwebrtc does.
    fn own_ssrc(&self) -> u32 {
        self.sending.first().map_or(1, |track| track.ssrc)
    }

    fn send_control(&mut self, send: Send<'_>, write: impl FnOnce(&mut Writer<'_>) -> Result<(), NoRoom>) {
        let (Some(to), Some((sender, _))) = (self.ice.selected(), self.keys.as_mut()) else { return };
        let mut buffer = [0; COMPOUND + MAX_RTCP_OVERHEAD];
        let Some(plain) = buffer.get_mut(..COMPOUND) else { return };
        let mut writer = Writer::new(plain);
        let written = write(&mut writer).map(|()| writer.len());
        let sealed =
            written.ok().filter(|len| *len > 0).and_then(|len| sender.seal_rtcp(&mut buffer, len).ok());
        if let Some(compound) = sealed.and_then(|len| buffer.get(..len)) {
            send(to, compound);
        }
    }
}
