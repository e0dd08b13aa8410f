// From a passphrase to the keys of frames. Everybody in the room derives the same room key; each sent track has a key
// of its own under it, so that no two senders, and no two connections of one, ever use a key with the same counter.

/**
 * @typedef {object} RoomKey
 * @property {number} id 0 to 255, the same for everybody who has the key: tells another key apart before it is tried
 * @property {CryptoKey} material for {@link trackKey} alone; it cannot be exported
 *
 * @typedef {object} Track whose frames, and which
 * @property {string} uid the publisher's: the server cannot pass off one's frames as another's
 * @property {'audio' | 'video'} kind
 * @property {Uint8Array<ArrayBuffer>} salt random, of each peer connection of the publisher
 *
 * @typedef {object} TrackKey
 * @property {CryptoKey} aes
 * @property {Uint8Array<ArrayBuffer>} iv 12 bytes, to be combined with the frame's counter
 */

/** For PBKDF2 with HMAC-SHA-256, as OWASP's password storage cheat sheet has it: a guess costs as much as this. */
const ITERATIONS = 600_000;
/** Bytes. */
export const SALT = 16;
const IV = 12;
const SHORTEST_KEY = 16;

/**
 * @param {string | BufferSource} secret a passphrase, or at least 16 random bytes
 * @param {string} rid the same passphrase is another key in another room
 * @returns {Promise<RoomKey>} it takes some tenths of a second for a passphrase
 */
export async function roomKey(secret, rid) {
  if (!globalThis.crypto?.subtle) throw new TypeError('encryption needs a page over https, or from localhost');
  const salt = bytes(`anabranch e2ee 1 ${rid}`);
  const raw = typeof secret === 'string' ? await stretched(secret, salt) : checked(secret);
  const material = await crypto.subtle.importKey('raw', raw, 'HKDF', false, ['deriveBits', 'deriveKey']);
  const named = await crypto.subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt, info: bytes('key id') }, material, 8);
  return { id: new Uint8Array(named)[0] ?? 0, material };
}

/**
 * @param {RoomKey} key
 * @param {Track} track
 * @returns {Promise<TrackKey>}
 */
export async function trackKey({ material }, { uid, kind, salt }) {
  const from = (/** @type {string} */ use) => ({ name: 'HKDF', hash: 'SHA-256', salt, info: bytes(JSON.stringify([use, kind, uid])) });
  const aes = await crypto.subtle.deriveKey(from('key'), material, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
  const iv = await crypto.subtle.deriveBits(from('iv'), material, IV * 8);
  return { aes, iv: new Uint8Array(iv) };
}

export function newSalt() {
  return crypto.getRandomValues(new Uint8Array(SALT));
}

/** @param {string} passphrase @param {BufferSource} salt */
async function stretched(passphrase, salt) {
  if (passphrase === '') throw new TypeError('the passphrase is empty');
  // The same letters, however a keyboard composes them.
  const typed = await crypto.subtle.importKey('raw', bytes(passphrase.normalize('NFC')), 'PBKDF2', false, ['deriveBits']);
  return crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt, iterations: ITERATIONS }, typed, 256);
}

/** @param {BufferSource} secret */
function checked(secret) {
  if (secret.byteLength < SHORTEST_KEY) throw new TypeError(`a key has at least ${SHORTEST_KEY} bytes`);
  return secret;
}

/** @param {string} text */
function bytes(text) {
  return new TextEncoder().encode(text);
}
