// What the server says of how it forwards: which layers of ours are taken, and which subscriptions get no picture for
// want of bandwidth. It may say so before its answer has named the stream: then it waits here.

/** More ids that nobody knows are not kept; a client has few requests under way at once. */
const MOST = 64;

/**
 * @typedef {import('./layers.js').LayerWanted} LayerWanted
 *
 * @typedef {object} Sessions of the room
 * @property {readonly import('./publication.js').Publication[]} publications
 * @property {readonly import('./subscription.js').Subscription[]} subscriptions
 */

export class Forwarding {
  #sessions;
  /** @type {Kept<LayerWanted[]>} */
  #layers = new Kept();
  /** @type {Kept<boolean>} */
  #pauses = new Kept();

  /** @param {Sessions} sessions */
  constructor(sessions) {
    this.#sessions = sessions;
  }

  /** @param {string} method of a notification @param {any} data @returns {boolean} whether it was about this */
  heard(method, data) {
    if (method === 'stream-layers') this.#layersWanted(String(data.mid), data.layers);
    else if (method === 'stream-paused' || method === 'stream-resumed') this.#paused(String(data.sid), method === 'stream-paused');
    else return false;
    return true;
  }

  /** What was said of a stream that has its id only now. @param {string | null} mid */
  takeLayers(mid) {
    return this.#layers.take(mid ?? '');
  }

  /** What was said of a subscription that has its id only now. @param {string | null} sid */
  takePause(sid) {
    return this.#pauses.take(sid ?? '');
  }

  /** @param {string} mid @param {unknown} layers */
  #layersWanted(mid, layers) {
    if (!Array.isArray(layers)) return;
    const publication = this.#sessions.publications.find((one) => one.mid === mid);
    if (publication) publication.layersWanted(layers);
    else this.#layers.keep(mid, layers);
  }

  /** @param {string} sid @param {boolean} paused */
  #paused(sid, paused) {
    const subscription = this.#sessions.subscriptions.find((one) => one.sid === sid);
    if (subscription) subscription.pausedByServer(paused);
    else this.#pauses.keep(sid, paused);
  }
}

/** The latest for each id, of a bounded number of ids. @template T */
class Kept {
  /** @type {Map<string, T>} */
  #kept = new Map();

  /** @param {string} id @param {T} notice */
  keep(id, notice) {
    this.#kept.delete(id);
    this.#kept.set(id, notice);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST && oldest !== undefined) this.#kept.delete(oldest);
  }

  /** @param {string} id @returns {T | undefined} */
  take(id) {
    const notice = this.#kept.get(id);
    this.#kept.delete(id);
    return notice;
  }
}
