// One encrypted frame, after the idea of SFrame (RFC 9605) in a format of our own:
//
//     clear bytes | AES-256-GCM of the rest | tag (16) | counter (4, big endian) | number of clear bytes (1) | key id (1)
//
// The nonce is the track's IV with the counter added into its last four bytes (exclusive or); a sender never uses a
// counter twice. Clear bytes, counter and the rest of the trailer are authenticated. There are clear bytes only where a
// packetizer or a receiver needs them, see `clearBytes`.

const TAG = 16;
const TRAILER = 6;
/** The counter's end: a sender has to take another key then, after years. */
export const LAST_COUNTER = 0xffff_ffff;

/**
 * @typedef {import('./keys.js').TrackKey} TrackKey
 * @typedef {{ counter: number, clear: number, keyId: number }} Trailer
 */

/**
 * @param {TrackKey} key
 * @param {BufferSource & { byteLength: number }} data the frame
 * @param {Trailer} trailer `clear` is at most the frame's length
 * @returns {Promise<ArrayBuffer>}
 */
export async function seal(key, data, trailer) {
  const frame = view(data);
  const clear = frame.slice(0, trailer.clear);
  const end = written(trailer);
  const sealed = await crypto.subtle.encrypt(algorithm(key, clear, end, trailer.counter), key.aes, frame.subarray(trailer.clear));
  return joined(clear, new Uint8Array(sealed), end).buffer;
}

/**
 * @param {TrackKey} key
 * @param {BufferSource & { byteLength: number }} data
 * @param {Trailer} trailer of this frame, from {@link trailerOf}
 * @returns {Promise<ArrayBuffer>} rejects what was not sealed with this key
 */
export async function open(key, data, trailer) {
  const frame = view(data);
  const clear = frame.slice(0, trailer.clear);
  const end = frame.slice(frame.length - TRAILER);
  const sealed = frame.subarray(trailer.clear, frame.length - TRAILER);
  const opened = await crypto.subtle.decrypt(algorithm(key, clear, end, trailer.counter), key.aes, sealed);
  return joined(clear, new Uint8Array(opened)).buffer;
}

/** @param {BufferSource & { byteLength: number }} data @returns {Trailer | null} null: this is no encrypted frame */
export function trailerOf(data) {
  const frame = view(data);
  if (frame.length < TRAILER + TAG) return null;
  const at = new DataView(frame.buffer, frame.byteOffset + frame.length - TRAILER);
  const trailer = { counter: at.getUint32(0), clear: at.getUint8(4), keyId: at.getUint8(5) };
  return trailer.clear + TAG + TRAILER <= frame.length ? trailer : null;
}

/**
 * How many bytes of a VP8 frame stay clear where the dependency descriptor does not go along with it: then receivers
 * and servers take from the frame itself whether it is a key frame (RFC 6386 section 9.1: a bit of the first byte; a key
 * frame has start code and size in the next nine).
 *
 * @param {'key' | 'delta' | string | undefined} type
 * @param {number} length
 */
export function clearBytes(type, length) {
  return Math.min(length, type === 'key' ? 10 : 1);
}

/** @param {TrackKey} key @param {Uint8Array} clear @param {Uint8Array} end @param {number} counter */
function algorithm({ iv }, clear, end, counter) {
  const nonce = iv.slice();
  const last = new DataView(nonce.buffer, nonce.length - 4);
  last.setUint32(0, (last.getUint32(0) ^ counter) >>> 0);
  return { name: 'AES-GCM', iv: nonce, additionalData: joined(clear, end), tagLength: TAG * 8 };
}

/** @param {Trailer} trailer */
function written({ counter, clear, keyId }) {
  const end = new Uint8Array(TRAILER);
  new DataView(end.buffer).setUint32(0, counter);
  end.set([clear, keyId], 4);
  return end;
}

/** @param {BufferSource & { byteLength: number }} data @returns {Uint8Array<ArrayBuffer>} */
function view(data) {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return new Uint8Array(data);
}

/** @param {Uint8Array[]} parts */
function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
