// One user's connection to the server, and the rooms that it is in.

import { Connection } from './connection.js';
import { Emitter } from './emitter.js';
import { Room } from './room.js';

/** The protocol's bound for user and room ids, in bytes of UTF-8. */
export const LONGEST_ID = 128;

/**
 * @typedef {object} ClientOptions
 * @property {string} uid who we are: 1 to 128 bytes, no control characters. The same id on a second connection kicks the first
 * @property {string | URL | Iterable<string | URL>} [url] of the server's `/ws`, or of several servers of one cluster: when one
 *   fails, another is next; default: those of the server which served the page, and those that it names
 * @property {string} [token] lets us in, where the server asks for one: a JSON Web Token whose `sub` is the uid
 * @property {{ key: import('./e2ee/encryption.js').Secret }} [e2ee] encrypts the media of all rooms end to end, see {@link Room.setKey}
 * @property {RTCConfiguration} [rtc] for every peer connection; the server needs no STUN or TURN
 *
 * @typedef {object} ClientEvents
 * @property {{ again: boolean }} connected
 * @property {{ reason: string, attempt: number, retryMs: number }} lost tried again in `retryMs`
 * @property {{ kicked: boolean }} closed for good; `kicked`: the same user came on another connection
 */

/** @extends {Emitter<ClientEvents>} */
export class Client extends Emitter {
  #connection;
  #rtc;
  #e2ee;
  /** @type {Map<string, Room>} */
  #rooms = new Map();

  /** @param {ClientOptions} options */
  constructor({ uid, url, token, e2ee, rtc = {} }) {
    super();
    assertId('uid', uid);
    this.uid = uid;
    this.#rtc = rtc;
    this.#e2ee = e2ee;
    this.#connection = new Connection({ url: url ?? defaultUrl(), uid, token });
    if (url === undefined) void this.#findServers();
    this.#connection.on('open', (detail) => this.emit('connected', detail));
    this.#connection.on('lost', (detail) => this.emit('lost', detail));
    this.#connection.on('closed', (detail) => this.emit('closed', detail));
  }

  get state() {
    return this.#connection.state;
  }

  /** Another token, for the next connection: the one before it may have expired. @param {string | undefined} token */
  set token(token) {
    this.#connection.token = token;
  }

  /** The server of the page may know others of its cluster. */
  async #findServers() {
    try {
      const { urls } = await (await fetch('/servers.json')).json();
      this.#connection.addServers(urls);
    } catch {
      // an older server, or one that is away: its own address is known
    }
  }

  /** Begins to connect, and keeps at it. `join` does it too. */
  connect() {
    this.#connection.open();
  }

  /** Does not wait for the next try to connect. */
  retryNow() {
    this.#connection.retryNow();
  }

  /**
   * Joins a room; waits for the server as long as it takes.
   *
   * @param {string} rid 1 to 128 bytes, no control characters
   * @param {(room: Room) => void} [prepare] called before anything happens: the place to listen from the first event on
   * @returns {Promise<Room>}
   */
  async join(rid, prepare) {
    assertId('rid', rid);
    let room = this.#rooms.get(rid);
    if (!room) {
      this.connect();
      room = new Room(this.#connection, { rid, uid: this.uid, rtc: this.#rtc, e2ee: this.#e2ee });
      this.#rooms.set(rid, room);
      room.on('left', () => this.#rooms.delete(rid));
    }
    prepare?.(room);
    await joined(room);
    return room;
  }

  /** Leaves all rooms and ends the connection. */
  async close() {
    await Promise.all([...this.#rooms.values()].map((room) => room.leave()));
    this.#connection.close();
  }
}

/** @param {Room} room */
async function joined(room) {
  if (room.status === 'joined') return;
  const left = room.once('left').then(({ error }) => {
    throw error ?? new Error('left the room before it was joined');
  });
  await Promise.race([room.once('joined'), left]);
}

function defaultUrl() {
  const url = new URL('/ws', location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url;
}

/**
 * @param {string} name
 * @param {string} id
 */
function assertId(name, id) {
  const bytes = new TextEncoder().encode(id).length;
  if (bytes < 1 || bytes > LONGEST_ID || /\p{Cc}/u.test(id)) {
    throw new TypeError(`${name}: expected 1 to ${LONGEST_ID} bytes without control characters`);
  }
}
