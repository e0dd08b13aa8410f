// What is put into a page before its own scripts, and what is asked of it afterwards. These functions run in
// the browser, Chromium and Firefox alike: each stands alone, and uses nothing of this file.

/** Keeps hold of the peer connections, and takes small pictures: a test machine has few cores. */
export function prepare() {
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
    ask({ ...wish, ...(wish.video && { video: { width: 320, height: 240, frameRate: 15 } }) });
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
  }));
}
