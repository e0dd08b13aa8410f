// How well media has arrived over a time, from two looks at a browser's counts.

/**
 * @typedef {object} Counts by the names of W3C's webrtc-stats, over all streams
 * @property {number} at milliseconds
 * @property {number} width of the largest picture at present
 * @property {number} height
 * @property {number} frames decoded
 * @property {number} keyFrames decoded
 * @property {number} freezes times that a picture stood for long (`freezeCount`)
 * @property {number} frozen seconds of that
 * @property {number} videoBytes
 * @property {number} audioBytes
 * @property {number} samples of audio that were played
 * @property {number} concealed of those, made up for what did not come in time
 * @property {number} concealments times that it had to be made up
 *
 * @typedef {object} Reception
 * @property {number} seconds
 * @property {number} fps
 * @property {number} videoBitrate bit/s
 * @property {number} concealed share of the audio, 0 to 1
 * @property {number} freezes
 * @property {number} frozen seconds
 * @property {number} keyFrames
 */

/** @param {Counts} before @param {Counts} after @returns {Reception} */
export function between(before, after) {
  const more = (/** @type {keyof Counts} */ name) => after[name] - before[name];
  const seconds = more('at') / 1000;
  return {
    seconds,
    fps: more('frames') / seconds,
    videoBitrate: (more('videoBytes') * 8) / seconds,
    concealed: more('concealed') / Math.max(1, more('samples')),
    freezes: more('freezes'),
    frozen: more('frozen'),
    keyFrames: more('keyFrames'),
  };
}
