//! What workers and recorder count, added up when somebody looks.

use std::fmt;
use std::sync::Arc;

use media::Histogram;
use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::mailbox::Mailbox;
use crate::recorder::RecorderStats;
use crate::tcp::Census;
use crate::worker::WorkerStats;
use crate::workers::Workers;

/// The media plane of one SFU, as its workers told it within the last second.
#[derive(Debug)]
pub(super) struct Media(pub(super) Arc<Workers>);

/// What these workers count, for a registry of whoever has workers' numbers. Cheap to clone; every clone is the same.
#[derive(Clone, Debug, Default)]
pub struct WorkerMetrics(Arc<Mutex<Vec<WorkerStats>>>);

impl WorkerMetrics {
    /// The latest numbers.
    pub fn put(&self, workers: Vec<WorkerStats>) {
        *self.0.lock() = workers;
    }
}

impl Collector for WorkerMetrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        moved(&mut Out(encoder), &self.0.lock())
    }
}

impl Collector for Media {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let workers = self.0.latest.lock().clone();
        let mut out = Out(encoder);
        queues(&mut out, &self.0)?;
        moved(&mut out, &workers)?;
        if let Some(visitors) = &self.0.visitors {
            visits(&mut out, visitors)?;
        }
        match &self.0.recording.recorder {
            Some(recorder) => recordings(&mut out, &recorder.stats()),
            None => Ok(()),
        }
    }
}

/// What workers do to media.
fn moved(out: &mut Out<'_>, workers: &[WorkerStats]) -> fmt::Result {
    packets(out, workers)?;
    quality(out, workers)?;
    work(out, workers)
}

/// What waits in the queues between threads, at the moment of looking.
fn queues(out: &mut Out<'_>, workers: &Workers) -> fmt::Result {
    let help = "Commands that wait for a worker, of 1024.";
    let mut family = out.0.encode_descriptor("sfu_commands_waiting", help, None, MetricType::Gauge)?;
    for (n, mailbox) in workers.mailboxes.iter().enumerate() {
        let gauge = ConstGauge::new(mailbox.waiting() as f64);
        gauge.encode(family.encode_family(&[("worker", n.to_string())])?)?;
    }
    let refused = workers.mailboxes.iter().map(Mailbox::refused).sum();
    out.counter("sfu_commands_refused", "Commands refused because too many waited.", refused)?;
    let help = "Batches of packets on their way from one worker to another, of 128 for each stream.";
    out.gauge("sfu_branch_batches_waiting", help, workers.copies.now())?;
    let help = "Streams that ended by themselves, and whose end waits to be told to a register, of 16384.";
    out.gauge("sfu_ends_waiting", help, workers.ends.waiting())?;
    let help = "Ends of streams that no register is told: too many waited.";
    out.counter("sfu_ends_lost", help, workers.ends.lost())?;
    let help = "Signalling nodes that listen to what happens to their clients' media.";
    out.gauge("sfu_notices_watchers", help, workers.notices.watchers())?;
    let help = "Streams and subscriptions of which signalling nodes are still to be told something.";
    out.gauge("sfu_notices_waiting", help, workers.notices.waiting())?;
    let help = "Notices that found no room because a signalling node did not read.";
    out.counter("sfu_notices_dropped", help, workers.notices.dropped())
}

/// Who came over TCP.
fn visits(out: &mut Out<'_>, visitors: &Census) -> fmt::Result {
    let help = "TCP connections, of limits.tcp_connections.";
    out.gauge("sfu_tcp_connections", help, visitors.now())?;
    let visits = [
        ("accepted", visitors.accepted()),
        ("refused", visitors.refused()),
        ("unwelcome", visitors.unwelcome()),
    ];
    let help = "TCP connections taken in, refused because there were too many, and closed because no peer came of them.";
    out.counters("sfu_tcp_visits", help, "result", &visits)
}

fn packets(out: &mut Out<'_>, workers: &[WorkerStats]) -> fmt::Result {
    let sum = |of: fn(&WorkerStats) -> u64| workers.iter().map(of).sum::<u64>();
    let datagrams = [("in", sum(|w| w.media.datagrams_in)), ("out", sum(|w| w.socket.sent))];
    out.counters("sfu_datagrams", "Datagrams that came and left.", "direction", &datagrams)?;
    let framed = [("in", sum(|w| w.socket.tcp_received)), ("out", sum(|w| w.socket.tcp_sent))];
    out.counters("sfu_tcp_datagrams", "Those of them that came and left over TCP.", "direction", &framed)?;
    let help = "What left in one piece: datagrams of one size to one destination.";
    out.counter("sfu_datagram_groups", help, sum(|w| w.socket.groups))?;
    let copies = [("in", sum(|w| w.media.copies_in)), ("out", sum(|w| w.media.copies_out))];
    let help = "Packets that a worker got from another one, or gave it, for subscribers there.";
    out.counters("sfu_branch_packets", help, "direction", &copies)?;
    let bytes = [("in", sum(|w| w.media.bytes_in)), ("out", sum(|w| w.media.bytes_out))];
    out.counters(
        "sfu_bytes",
        "Bytes of datagrams, without headers of UDP, TCP and IP.",
        "direction",
        &bytes,
    )?;
    let media = [("in", sum(|w| w.media.media_in)), ("out", sum(|w| w.media.media_out))];
    out.counters(
        "sfu_media_packets",
        "Media packets from publishers and to subscribers.",
        "direction",
        &media,
    )?;
    let dropped = [
        ("input", sum(|w| w.media.drops)),
        ("unusable", sum(|w| w.socket.unusable)),
        ("congested", sum(|w| w.socket.congested)),
        ("refused", sum(|w| w.socket.refused)),
        ("between_workers", sum(|w| w.not_copied)),
    ];
    out.counters("sfu_dropped_datagrams", "Datagrams thrown away.", "reason", &dropped)
}

fn quality(out: &mut Out<'_>, workers: &[WorkerStats]) -> fmt::Result {
    let sum = |of: fn(&WorkerStats) -> u64| workers.iter().map(of).sum::<u64>();
    let all = |of: fn(&WorkerStats) -> &Histogram| {
        let mut all = Histogram::default();
        workers.iter().for_each(|worker| all.add(of(worker)));
        all
    };
    let lost = [("in", sum(|w| w.media.lost_in)), ("out", sum(|w| w.media.lost_out))];
    out.counters(
        "sfu_lost_packets",
        "Media packets that did not arrive here, or at subscribers.",
        "direction",
        &lost,
    )?;
    let nacked = [
        ("to_publishers", sum(|w| w.media.nacks_sent)),
        ("from_subscribers", sum(|w| w.media.nacks_received)),
    ];
    out.counters("sfu_nacked_packets", "Packets asked for again.", "direction", &nacked)?;
    out.counter(
        "sfu_retransmissions",
        "Packets sent again to subscribers.",
        sum(|w| w.media.retransmissions),
    )?;
    out.counter(
        "sfu_padding_packets",
        "Packets of padding, sent to see what networks carry.",
        sum(|w| w.media.padding_out),
    )?;
    out.counter(
        "sfu_layer_changes",
        "Changes of the layer that a subscriber gets.",
        sum(|w| w.media.layer_changes),
    )?;
    out.counter(
        "sfu_video_pauses",
        "Subscriptions whose video stopped for want of bandwidth.",
        sum(|w| w.media.pauses),
    )?;
    let key_frames = [
        ("to_publishers", sum(|w| w.media.key_frame_requests_sent)),
        ("from_subscribers", sum(|w| w.media.key_frame_requests_received)),
    ];
    out.counters("sfu_key_frame_requests", "Key frames asked for (PLI, FIR).", "direction", &key_frames)?;
    let waits = all(|w| &w.media.key_frame_waits);
    out.histogram("sfu_key_frame_wait_seconds", "From when a key frame is wanted until it comes.", &waits)?;
    let round_trips = all(|w| &w.media.round_trips);
    out.histogram("sfu_round_trip_seconds", "Round trips to subscribers, by their reports.", &round_trips)?;
    let jitter = all(|w| &w.media.jitter_in);
    out.histogram(
        "sfu_jitter_in_seconds",
        "Jitter of what publishers send, each second and track.",
        &jitter,
    )?;
    let jitter = all(|w| &w.media.jitter_out);
    out.histogram("sfu_jitter_out_seconds", "Jitter at subscribers, by their reports.", &jitter)
}

fn work(out: &mut Out<'_>, workers: &[WorkerStats]) -> fmt::Result {
    let sum = |of: fn(&WorkerStats) -> u64| workers.iter().map(of).sum::<u64>();
    let mut delays = Histogram::default();
    workers.iter().for_each(|worker| delays.add(&worker.forwarding));
    let help = "Media packets, from the socket until their copies are handed back to it.";
    out.histogram("sfu_forwarding_delay_seconds", help, &delays)?;
    out.counter("sfu_handshakes", "DTLS handshakes that were finished.", sum(|w| w.media.handshakes))?;
    out.gauge("sfu_transports", "Peer connections that stand.", sum(|w| w.media.connected))?;
    let help = "Peer connections that do not stand yet; after 30 s they do or are gone.";
    out.gauge("sfu_half_open_transports", help, sum(|w| w.media.half_open))?;
    let help = "Checks without an answer: their address has too many connections that do not stand yet.";
    out.counter("sfu_half_open_refused", help, sum(|w| w.media.half_open_refused))?;
    let help = "Processor time of the threads that move media.";
    let mut family = out.0.encode_descriptor("sfu_worker_cpu_seconds", help, None, MetricType::Counter)?;
    for (n, worker) in workers.iter().enumerate() {
        let counter = ConstCounter::new(worker.cpu.as_secs_f64());
        counter.encode(family.encode_family(&[("worker", n.to_string())])?)?;
    }
    Ok(())
}

fn recordings(out: &mut Out<'_>, stats: &RecorderStats) -> fmt::Result {
    out.gauge("sfu_recordings_open", "Files that are being written.", stats.open)?;
    let files = [("finished", stats.finished), ("failed", stats.failed), ("mended", stats.mended)];
    let help = "Recordings that ended: complete, given up, or left open by an earlier run and completed.";
    out.counters("sfu_recordings", help, "result", &files)?;
    let help = "Recordings that did not begin: less of the disk was free than record.min_free.";
    out.counter("sfu_recordings_refused", help, stats.refused)?;
    out.gauge("sfu_recording_free_bytes", "Bytes of the disk that are free.", stats.free)?;
    let help = "Recordings and indices that wait to be told of or handed over, of 4096.";
    out.gauge("sfu_recordings_untold", help, stats.untold)?;
    out.counter("sfu_recorded_bytes", "Bytes written to recordings.", stats.bytes)?;
    out.counter(
        "sfu_recording_dropped_packets",
        "Packets that recordings lack: the disk was slow.",
        stats.dropped,
    )?;
    out.gauge("sfu_recording_queued_bytes", "What waits for the disk, of 16 MiB.", stats.queued)?;
    let help = "Recordings that wait to be forced to the disk, of 4096.";
    out.gauge("sfu_recording_unsynced_files", help, stats.unsynced)?;
    let help = "Times that a recording was forced to the disk a round later: others waited.";
    out.counter("sfu_recording_syncs_put_off", help, stats.syncs_put_off)
}

/// Writes numbers that others have counted.
struct Out<'a>(DescriptorEncoder<'a>);

impl Out<'_> {
    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let counter = ConstCounter::new(value);
        counter.encode(self.0.encode_descriptor(name, help, None, counter.metric_type())?)
    }

    fn counters(&mut self, name: &str, help: &str, label: &str, values: &[(&str, u64)]) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (value, count) in values {
            ConstCounter::new(*count).encode(family.encode_family(&[(label, *value)])?)?;
        }
        Ok(())
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let gauge = ConstGauge::new(value as f64);
        gauge.encode(self.0.encode_descriptor(name, help, None, gauge.metric_type())?)
    }

    fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) -> fmt::Result {
        let mut encoder = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        let buckets: Vec<(f64, u64)> = histogram.buckets().collect();
        encoder.encode_histogram::<NoLabelSet>(
            histogram.sum().as_secs_f64(),
            histogram.count(),
            &buckets,
            None,
        )
    }
}
