// What is put into a page before its own scripts, and what is asked of it afterwards. These functions run in
// the browser, Chromium and Firefox alike: each stands alone, and uses nothing of this file.

/**
 * Keeps hold of the peer connections, and takes small pictures: a test machine has few cores.
 *
 * @param {MediaTrackConstraints} [camera] unless another size is wanted
 */
export function prepare(camera) {
  const Native = window.RTCPeerConnection;
  window.peerConnections = [];
  window.RTCPeerConnection = class extends Native {
    constructor(...options) {
      super(...options);
      window.peerConnections.push(this);
    }
  };
  const devices = navigator.mediaDevices;
  if (!devices) return;
  const ask = devices.getUserMedia.bind(devices);
  devices.getUserMedia = (wish) =>
    ask({ ...wish, ...(wish.video && { video: camera ?? { width: 320, height: 240, frameRate: 15 } }) });
}

/**
 * One row per media stream that arrives or leaves, from the browser's own statistics.
 *
 * @param {'inbound-rtp' | 'outbound-rtp'} type
 */
export async function flows(type) {
  const live = window.peerConnections.filter((pc) => pc.connectionState !== 'closed');
  const reports = await Promise.all(live.map((pc) => pc.getStats()));
  return reports.flatMap((report) =>
    [...report.values()]
      .filter((row) => row.type === type)
      .map((row) => ({
        kind: row.kind,
        codec: report.get(row.codecId)?.mimeType,
        fmtp: report.get(row.codecId)?.sdpFmtpLine,
        frames: row.framesDecoded ?? row.framesEncoded ?? 0,
        packets: row.packetsReceived ?? row.packetsSent ?? 0,
        samples: row.totalSamplesReceived ?? 0,
        energy: row.totalAudioEnergy ?? 0,
        rid: row.rid,
        concealed: row.concealedSamples ?? 0,
        freezes: row.freezeCount ?? 0,
        width: row.frameWidth ?? 0,
        height: row.frameHeight ?? 0,
      })),
  );
}

/** The tiles of the demo page as a person reads them. */
export function tiles() {
  return [...document.querySelectorAll('.tile')].map((tile) => ({
    name: tile.querySelector('.tile-name').textContent,
    picture: !tile.classList.contains('no-picture'),
    muted: !tile.querySelector('.tile-muted').hidden,
    status: tile.querySelector('.tile-status').textContent,
    quality: tile.querySelector('.tile-quality:not([hidden])')?.textContent ?? '',
    note: tile.querySelector('.tile-note:not([hidden])')?.textContent ?? '',
  }));
}

/**
 * Notes down, from now on, the longest time without a packet of each kind, over all peer connections: as
 * exact as its looks, a tenth of a second. `window.gaps()` answers milliseconds.
 */
export function watchGaps() {
  const LOOK_MS = 100;
  const longest = { audio: 0, video: 0 };
  const arrived = {};
  const counts = new Map();
  const look = async () => {
    const live = window.peerConnections.filter((pc) => pc.connectionState !== 'closed');
    const reports = await Promise.all(live.map((pc) => pc.getStats()));
    const now = performance.now();
    reports.forEach((report, at) => {
      for (const row of report.values()) {
        if (row.type !== 'inbound-rtp') continue;
        const key = `${window.peerConnections.indexOf(live[at])} ${row.id}`;
        if (row.packetsReceived > (counts.get(key) ?? 0)) arrived[row.kind] = now;
        counts.set(key, row.packetsReceived);
      }
    });
    for (const kind of Object.keys(longest)) {
      if (arrived[kind] !== undefined) longest[kind] = Math.max(longest[kind], now - arrived[kind]);
    }
  };
  setInterval(look, LOOK_MS);
  window.gaps = () => longest;
}

/**
 * What has been received so far of all streams together, for differences over a time.
 *
 * @returns {Promise<import('./reception.js').Counts>}
 */
export async function reception() {
  const live = window.peerConnections.filter((pc) => pc.connectionState !== 'closed');
  const reports = await Promise.all(live.map((pc) => pc.getStats()));
  const rows = reports.flatMap((report) => [...report.values()].filter(({ type }) => type === 'inbound-rtp'));
  const sum = (kind, name) => rows.filter((row) => row.kind === kind).reduce((total, row) => total + (row[name] ?? 0), 0);
  const largest = (name) => Math.max(0, ...rows.map((row) => (row.kind === 'video' && row[name]) || 0));
  return {
    at: performance.now(),
    width: largest('frameWidth'),
    height: largest('frameHeight'),
    frames: sum('video', 'framesDecoded'),
    keyFrames: sum('video', 'keyFramesDecoded'),
    freezes: sum('video', 'freezeCount'),
    frozen: sum('video', 'totalFreezesDuration'),
    videoBytes: sum('video', 'bytesReceived'),
    audioBytes: sum('audio', 'bytesReceived'),
    samples: sum('audio', 'totalSamplesReceived'),
    concealed: sum('audio', 'concealedSamples'),
    concealments: sum('audio', 'concealmentEvents'),
  };
}
