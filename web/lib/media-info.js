// What a stream says of itself: the protocol's `minfo`, which the server hands on as it is.

/** Values of `audiotype` and `videotype`: where the sound or picture comes from. */
export const Source = Object.freeze({ device: 0, screen: 1 });

/**
 * @typedef {object} MediaInfo
 * @property {boolean} audio
 * @property {boolean} video
 * @property {number} audiotype one of {@link Source}
 * @property {number} videotype one of {@link Source}
 * @property {string} [replaces] mid of the stream, of the same user, whose place this one takes
 * @property {{ salt: string }} [e2ee] it is end-to-end encrypted; what its keys are derived with, in base64
 *
 * @typedef {object} User somebody else in the room
 * @property {string} rid
 * @property {string} uid
 * @property {string} signalid
 *
 * @typedef {object} Stream what somebody else publishes
 * @property {string} rid
 * @property {string} uid
 * @property {string} mid
 * @property {string} sfuid
 * @property {MediaInfo} minfo
 *
 * @typedef {object} Speaker somebody who speaks
 * @property {string} uid
 * @property {string} mid
 * @property {number} level dBov, -127 to 0
 */
