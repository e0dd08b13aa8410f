// The browser's statistics of one peer connection, boiled down to what a person wants to see.

/**
 * @typedef {object} TrackStats one sent or received track since the last reading
 * @property {'send' | 'receive'} direction
 * @property {'audio' | 'video'} kind
 * @property {string | null} rid name of the layer, where several are sent
 * @property {number | null} bitrate bit/s; null at the first reading
 * @property {number | null} loss share of packets lost, 0 to 1
 * @property {number | null} roundTrip seconds
 * @property {string | null} codec such as `VP8`
 * @property {number | null} width pixels
 * @property {number | null} height pixels
 * @property {number | null} frameRate frames per second
 * @property {number | null} jitter seconds
 *
 * @typedef {{ at: number, bytes: number, packets: number, lost: number }} Counters
 */

export class StatsReader {
  /** The last reading's counters, by the id of the statistic. @type {Map<string, Counters>} */
  #last = new Map();

  /**
   * @param {RTCPeerConnection} pc
   * @returns {Promise<TrackStats[]>}
   */
  async read(pc) {
    const report = await pc.getStats();
    const all = [.../** @type {any} */ (report).values()];
    const wanted = all.filter(({ type }) => type === 'inbound-rtp' || type === 'outbound-rtp');
    const roundTrip = pathRoundTrip(all);
    const last = this.#last;
    this.#last = new Map();
    return wanted.map((rtp) => {
      const remote = all.find(({ type, localId }) => type === 'remote-inbound-rtp' && localId === rtp.id);
      const now = counters(rtp, remote);
      this.#last.set(rtp.id, now);
      return summary(rtp, report.get(rtp.codecId), now, last.get(rtp.id), roundTrip ?? remote?.roundTripTime ?? null);
    });
  }
}

/**
 * @param {any} rtp an inbound-rtp or outbound-rtp statistic
 * @param {any} remote what the other side reports of it, where it does
 * @returns {Counters}
 */
function counters(rtp, remote) {
  const sent = rtp.type === 'outbound-rtp';
  return {
    at: rtp.timestamp,
    bytes: (sent ? rtp.bytesSent : rtp.bytesReceived) ?? 0,
    packets: (sent ? rtp.packetsSent : rtp.packetsReceived) ?? 0,
    lost: (sent ? remote?.packetsLost : rtp.packetsLost) ?? 0,
  };
}

/**
 * @param {any} rtp
 * @param {any} codec
 * @param {Counters} now
 * @param {Counters | undefined} last
 * @param {number | null} roundTrip
 * @returns {TrackStats}
 */
function summary(rtp, codec, now, last, roundTrip) {
  return {
    direction: rtp.type === 'outbound-rtp' ? 'send' : 'receive',
    kind: rtp.kind,
    rid: rtp.rid ?? null,
    ...rates(rtp.type === 'outbound-rtp', now, last),
    roundTrip,
    codec: codec?.mimeType?.replace(/^\w+\//, '') ?? null,
    width: rtp.frameWidth ?? null,
    height: rtp.frameHeight ?? null,
    frameRate: rtp.framesPerSecond ?? null,
    jitter: rtp.jitter ?? null,
  };
}

/**
 * @param {boolean} sent packets that were sent count the lost ones already
 * @param {Counters} now
 * @param {Counters | undefined} last
 */
function rates(sent, now, last) {
  if (!last || now.at <= last.at) return { bitrate: null, loss: null };
  const lost = Math.max(0, now.lost - last.lost);
  const packets = Math.max(0, now.packets - last.packets);
  const expected = sent ? packets : packets + lost;
  const bits = Math.max(0, now.bytes - last.bytes) * 8;
  return {
    bitrate: bits / ((now.at - last.at) / 1000),
    loss: expected > 0 ? Math.min(1, lost / expected) : null,
  };
}

/** @param {any[]} all the round trip of the path in use, in seconds, from its connectivity checks */
function pathRoundTrip(all) {
  const transport = all.find(({ type }) => type === 'transport');
  const chosen = all.find(
    ({ type, id, nominated, state }) =>
      type === 'candidate-pair' &&
      (transport?.selectedCandidatePairId ? id === transport.selectedCandidatePairId : nominated && state === 'succeeded'),
  );
  return chosen?.currentRoundTripTime ?? null;
}
