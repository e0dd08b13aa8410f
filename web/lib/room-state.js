// Who is in the room and what they publish: the lists of `join` and the notifications after it, made one
// story in which nobody comes or goes twice. No network, no media.

/**
 * @typedef {import('./media-info.js').User} User
 * @typedef {import('./media-info.js').Stream} Stream
 *
 * @typedef {{ name: 'peer-join', detail: User } | { name: 'peer-leave', detail: { uid: string } }
 *   | { name: 'stream-add', detail: Stream } | { name: 'stream-remove', detail: Stream }
 *   | { name: 'stream-move', detail: { from: Stream, to: Stream } }} Change
 */

export class RoomState {
  /** @type {Map<string, User>} */
  #users = new Map();
  /** @type {Map<string, Stream>} */
  #streams = new Map();

  get users() {
    return [...this.#users.values()];
  }

  get streams() {
    return [...this.#streams.values()];
  }

  /** @param {string} mid */
  stream(mid) {
    return this.#streams.get(mid);
  }

  /**
   * Takes over the lists of a `join` and returns how they differ from what was known: what went while
   * we were away first, what came then.
   *
   * @param {{ users?: User[], pubs?: Stream[] }} lists
   * @param {ReadonlySet<string>} [spared] mids of streams that are there although the lists may not know it yet
   * @returns {Change[]}
   */
  reset({ users = [], pubs = [] }, spared = new Set()) {
    const moved = pubs.flatMap((stream) => this.#move(stream));
    // Whoever comes in the middle of a move hears of the stream that stays.
    const listed = pubs.filter(({ uid, mid }) => !pubs.some((next) => next.uid === uid && next.minfo?.replaces === mid));
    const streams = new Set([...listed.map(({ mid }) => mid), ...spared]);
    const kept = this.streams.filter(({ mid }) => spared.has(mid));
    const present = new Set([...users, ...pubs, ...kept].map(({ uid }) => uid));
    return [
      ...moved,
      ...this.streams.filter(({ mid }) => !streams.has(mid)).flatMap(({ mid }) => this.#remove(mid)),
      ...this.users.filter(({ uid }) => !present.has(uid)).flatMap(({ uid }) => this.#leave(uid)),
      ...users.flatMap((user) => this.#join(user)),
      ...listed.flatMap((stream) => this.#add(stream)),
    ];
  }

  /**
   * Takes over a notification.
   *
   * @param {string} method
   * @param {any} data
   * @returns {Change[]} nothing when it is not news
   */
  apply(method, data) {
    switch (method) {
      case 'peer-join':
        return this.#join(data);
      case 'peer-leave':
        return this.#leave(data.uid);
      case 'stream-add': {
        const moved = this.#move(data);
        return moved.length > 0 ? moved : this.#add(data);
      }
      case 'stream-remove':
        return this.#remove(data.mid);
      default:
        return [];
    }
  }

  /** @param {User} user @returns {Change[]} */
  #join({ rid, uid, signalid }) {
    if (typeof uid !== 'string' || this.#users.has(uid)) return [];
    const user = { rid, uid, signalid };
    this.#users.set(uid, user);
    return [{ name: 'peer-join', detail: user }];
  }

  /** @param {string} uid @returns {Change[]} */
  #leave(uid) {
    const theirs = this.streams.filter((stream) => stream.uid === uid).flatMap(({ mid }) => this.#remove(mid));
    if (!this.#users.delete(uid)) return theirs;
    return [...theirs, { name: 'peer-leave', detail: { uid } }];
  }

  /** @param {Stream} stream @returns {Change[]} */
  #add(stream) {
    if (typeof stream.mid !== 'string' || this.#streams.has(stream.mid)) return [];
    const known = { ...stream, minfo: { ...stream.minfo } };
    this.#streams.set(stream.mid, known);
    const owner = this.#join({ rid: stream.rid, uid: stream.uid, signalid: '' });
    return [...owner, { name: 'stream-add', detail: known }];
  }

  /** A stream that takes the place of one that is known, of the same user: they say so in `minfo`. @param {Stream} to @returns {Change[]} */
  #move(to) {
    const from = this.#streams.get(to.minfo?.replaces ?? '');
    if (!from || from.uid !== to.uid || typeof to.mid !== 'string' || this.#streams.has(to.mid)) return [];
    this.#streams.delete(from.mid);
    const known = { ...to, minfo: { ...to.minfo } };
    this.#streams.set(to.mid, known);
    return [{ name: 'stream-move', detail: { from, to: known } }];
  }

  /** @param {string} mid @returns {Change[]} */
  #remove(mid) {
    const stream = this.#streams.get(mid);
    if (!stream) return [];
    this.#streams.delete(mid);
    return [{ name: 'stream-remove', detail: stream }];
  }
}
