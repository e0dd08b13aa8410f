/**
 * The client library of Anabranch. Plain ES modules, no build step, no dependencies:
 *
 *     import { Client } from '/lib/anabranch.js';
 *
 *     const client = new Client({ uid: 'ada' });
 *     const room = await client.join('engine', (room) => {
 *       room.on('stream-add', ({ mid }) => {
 *         room.subscribe(mid).on('media', (stream) => (video.srcObject = stream));
 *       });
 *     });
 *     const publication = room.publish({ audio, video });
 *
 * Everything that is asked for holds until it is taken back: after a lost connection the client comes back by
 * itself, through another server where there is one, and joins again. Media goes on meanwhile; what a server has
 * lost is published and subscribed to again. A stream that moves to another server keeps its subscription
 * (`stream-move`), whose `media` event brings the new tracks once they have pictures.
 *
 * A camera is sent in several sizes with `publish({ video, simulcast: true })`; `subscription.prefer({ maxHeight })` says
 * which of them is large enough. `new Client({ uid, e2ee: { key } })` encrypts all media end to end with a passphrase that
 * the server never gets.
 */

export { Client, LONGEST_ID } from './client.js';
export { Closed, ConnectionLost, ErrorCode, RequestError } from './errors.js';
export { Source } from './media-info.js';
export { Publication } from './publication.js';
export { Room } from './room.js';
export { Subscription } from './subscription.js';

/** @typedef {import('./media-info.js').MediaInfo} MediaInfo */
/** @typedef {import('./media-info.js').User} User */
/** @typedef {import('./media-info.js').Stream} Stream */
/** @typedef {import('./media-info.js').Speaker} Speaker */
/** @typedef {import('./layers.js').Layer} Layer */
/** @typedef {import('./preference.js').Prefer} Prefer */
/** @typedef {import('./quality.js').Quality} Quality */
/** @typedef {import('./e2ee/transform.js').Opening} Opening */
/** @typedef {import('./stats.js').TrackStats} TrackStats */
