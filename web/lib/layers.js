// The sizes in which a camera's picture is sent at once (simulcast, RFC 8853): each receiver gets the one that fits
// its place on the screen and its network. Which ones a capture is worth; nothing here touches the network.

/**
 * @typedef {object} Layer
 * @property {string} rid its name: 1 to 16 letters and digits (RFC 8851)
 * @property {number} [scaleResolutionDownBy] 1 (default) or more: how much smaller than the capture, in each dimension
 * @property {number} [maxBitrate] bit/s
 *
 * @typedef {object} Simulcast
 * @property {Layer[]} [layers] from the smallest to the largest, at most 4; default: by the size of the capture
 * @property {boolean} [onDemand] whether a layer that nobody takes is not sent meanwhile (default)
 *
 * @typedef {{ rid: string, wanted: boolean }} LayerWanted what the server says of a layer
 */

/** As much as most cameras and networks carry together; the smallest first, as libwebrtc expects them. @type {Layer[]} */
const USUAL = [
  { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 1_500_000 },
];

/**
 * Pixels from which on a capture has so many layers. libwebrtc sends no more of them whatever is asked, and would leave out
 * the largest (`LimitSimulcastLayerCount` in video/config/simulcast.cc).
 */
const WORTH = [
  { layers: 3, pixels: 960 * 540 },
  { layers: 2, pixels: 480 * 270 },
];

const MOST_LAYERS = 4;
const RID = /^[A-Za-z0-9]{1,16}$/;

/**
 * @param {boolean | Simulcast | undefined} simulcast as asked for
 * @param {{ width?: number, height?: number }} size of the capture in pixels; unknown: as a large one
 * @param {{ maxBitrate?: number, codec?: string }} [limits] `maxBitrate`: bit/s of each layer at most
 * @returns {RTCRtpEncodingParameters[]} empty: one plain picture
 */
export function encodingsFor(simulcast, { width, height }, { maxBitrate, codec } = {}) {
  if (!simulcast) return [];
  const asked = simulcast === true ? undefined : simulcast.layers;
  const layers = asked ? checked(asked) : usual(width && height ? width * height : Infinity);
  if (layers.length < 2) return [];
  return layers.map((layer) => ({ ...layer, ...bounded(layer, maxBitrate), ...mode(codec), active: true }));
}

/** @param {boolean | Simulcast | undefined} simulcast */
export function isOnDemand(simulcast) {
  return typeof simulcast !== 'object' || simulcast.onDemand !== false;
}

/**
 * One picture in place of layers that the server did not agree to: what is left of them is the first, and the smallest.
 *
 * @param {RTCRtpEncodingParameters} encoding changed to the size and bitrate of the largest
 * @param {RTCRtpEncodingParameters[]} offered
 */
export function makePlain(encoding, offered) {
  const { scaleResolutionDownBy = 1, maxBitrate } = offered.at(-1) ?? {};
  encoding.scaleResolutionDownBy = scaleResolutionDownBy;
  if (maxBitrate === undefined) delete encoding.maxBitrate;
  else encoding.maxBitrate = maxBitrate;
  encoding.active = true;
}

/**
 * Switches off what nobody takes, and on what somebody does. Layers that the server says nothing of are sent.
 *
 * @param {RTCRtpEncodingParameters[]} encodings changed in place
 * @param {LayerWanted[]} wanted
 * @returns {boolean} whether anything changed
 */
export function activate(encodings, wanted) {
  const unwanted = new Set(wanted.filter((layer) => layer.wanted === false).map(({ rid }) => rid));
  let changed = false;
  for (const encoding of encodings) {
    const active = !unwanted.has(encoding.rid ?? '');
    changed ||= (encoding.active ?? true) !== active;
    encoding.active = active;
  }
  return changed;
}

/** @param {number} pixels */
function usual(pixels) {
  const count = WORTH.find((step) => pixels >= step.pixels)?.layers ?? 1;
  return USUAL.slice(-count);
}

/** @param {Layer[]} layers */
function checked(layers) {
  const rids = new Set(layers.map(({ rid }) => rid));
  const sound = layers.length <= MOST_LAYERS && rids.size === layers.length && layers.every(({ rid }) => RID.test(rid));
  if (!sound) throw new TypeError(`layers: expected at most ${MOST_LAYERS}, each with another rid of 1 to 16 letters and digits`);
  return layers;
}

/** @param {Layer} layer @param {number | undefined} most */
function bounded({ maxBitrate }, most) {
  return most === undefined ? {} : { maxBitrate: Math.min(maxBitrate ?? most, most) };
}

/** Chromium takes several encodings of these for one stream of layers that build on each other, unless told otherwise. @param {string} [codec] */
function mode(codec) {
  return /^(vp9|av1)$/i.test(codec ?? '') ? { scalabilityMode: 'L1T1' } : {};
}
