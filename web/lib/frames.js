// The dependency descriptor: a header extension that says of each frame what it is and which others it needs, so that a
// server picks layers, and finds key frames, without a look into it. Appendix A of the AV1 RTP specification.

export const DEPENDENCY_DESCRIPTOR = 'https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension';

/** Asks for it, where the browser lets one ask. @param {RTCRtpTransceiver} transceiver of video */
export function describeFrames(transceiver) {
  const control = /** @type {any} */ (transceiver);
  const extensions = control.getHeaderExtensionsToNegotiate?.();
  const descriptor = extensions?.find((/** @type {{ uri: string }} */ { uri }) => uri === DEPENDENCY_DESCRIPTOR);
  if (!descriptor) return;
  descriptor.direction = 'sendrecv';
  control.setHeaderExtensionsToNegotiate(extensions);
}

/** Whether it was agreed on. @param {RTCPeerConnection} pc that has its answer */
export function describesFrames(pc) {
  return pc.remoteDescription?.sdp.includes(DEPENDENCY_DESCRIPTOR) ?? false;
}
