// The client's half of the SDP exchange. The server is ICE-lite: it learns the client's address from the
// connectivity checks and has no use for candidates, so the offer goes out at once, without gathering.

/**
 * Makes the offer, applies it, and returns it with stereo and retransmitted sound asked for.
 *
 * @param {RTCPeerConnection} pc
 * @param {{ iceRestart?: boolean }} [options]
 * @returns {Promise<{ type: 'offer', sdp: string }>}
 */
export async function makeOffer(pc, { iceRestart = false } = {}) {
  const offer = await pc.createOffer({ iceRestart });
  const sdp = withNack(withStereo(offer.sdp ?? ''));
  try {
    await pc.setLocalDescription({ type: 'offer', sdp });
  } catch {
    // A browser that takes no edited offer still gets, and sends, what the answer agrees to.
    await pc.setLocalDescription(offer);
  }
  return { type: 'offer', sdp };
}

/**
 * Asks for stereo Opus both ways. Browsers leave it out of their offers, and fall back to mono without it.
 *
 * @param {string} sdp
 * @returns {string}
 */
export function withStereo(sdp) {
  const opus = opusTypes(sdp);
  return sdp.replace(/^a=fmtp:(\d+) ([^\r\n]*)/gm, (line, type, parameters) =>
    opus.has(type) ? `a=fmtp:${type} ${stereo(parameters)}` : line,
  );
}

/**
 * Asks for lost packets of Opus again, as for video. Chromium does so where it is agreed, and leaves it out of its offers:
 * with 10 % loss it makes up some 8 % of the sound without, and less than 1 % with it.
 *
 * @param {string} sdp
 * @returns {string}
 */
export function withNack(sdp) {
  const offered = new Set([...sdp.matchAll(/^a=rtcp-fb:(\d+) nack\r?$/gm)].map(([, type]) => type));
  const opus = opusTypes(sdp);
  return sdp.replace(/^a=rtpmap:(\d+) [^\r\n]*/gm, (line, type) =>
    opus.has(type) && !offered.has(type) ? `${line}\r\na=rtcp-fb:${type} nack` : line,
  );
}

/** @param {string} sdp */
function opusTypes(sdp) {
  return new Set([...sdp.matchAll(/^a=rtpmap:(\d+) opus\/48000\/2/gim)].map(([, type]) => type));
}

/** @param {string} parameters of one fmtp line, as `a=1;b=2` */
function stereo(parameters) {
  const kept = parameters.split(';').filter((parameter) => !/^\s*(sprop-)?stereo=/.test(parameter));
  return [...kept, 'stereo=1', 'sprop-stereo=1'].join(';');
}
