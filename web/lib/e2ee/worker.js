// The worker in which the frames of a room are sealed and opened, away from the page's own work.

import { Opener, Sealer } from './transform.js';

/**
 * @typedef {object} Task what the page says of a transform when it makes it
 * @property {number} id
 * @property {'seal' | 'open'} task
 * @property {import('./keys.js').Track | null} track
 *
 * @typedef {{ key: import('./keys.js').RoomKey | null } | { headers: number }} Order `headers`: of the transform with this id,
 *   some bytes stay clear
 */

/** @type {Map<number, Sealer | Opener>} */
const transforms = new Map();
/** undefined: it is still being derived. @type {import('./keys.js').RoomKey | null | undefined} */
let key;
/** An order may overtake the transform that it is about. @type {Set<number>} */
const early = new Set();

const scope = /** @type {any} */ (globalThis);

scope.onmessage = (/** @type {{ data: Order }} */ { data }) => {
  if ('headers' in data) return showHeaders(data.headers);
  key = data.key;
  for (const transform of transforms.values()) transform.setKey(key);
};

scope.onrtctransform = (/** @type {{ transformer: any }} */ { transformer }) => {
  const { id, task, track } = /** @type {Task} */ (transformer.options);
  const transform = task === 'seal' ? new Sealer(track) : new Opener(track, (opening) => scope.postMessage({ id, opening }));
  transforms.set(id, transform);
  if (early.delete(id)) showHeaders(id);
  if (key !== undefined) transform.setKey(key);
  const through = new TransformStream({ transform: (frame, out) => transform.transform(frame, out) });
  const ended = transformer.readable.pipeThrough(through).pipeTo(transformer.writable);
  ended.catch(() => {}).finally(() => transforms.delete(id)); // ended by the peer connection
};

/** @param {number} id */
function showHeaders(id) {
  const transform = transforms.get(id);
  if (transform instanceof Sealer) transform.headers = true;
  else early.add(id);
}
