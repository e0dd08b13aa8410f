// One room that the client is in. Brings back what the caller wants (to be there, with these publications and
// subscriptions) whenever the connection or the server has lost it.

import { Backoff } from './backoff.js';
import { Encryption } from './e2ee/encryption.js';
import { Emitter } from './emitter.js';
import { Closed, ConnectionLost, ErrorCode, hasCode, isTransient } from './errors.js';
import { Forwarding } from './forwarding.js';
import { onNetworkChange } from './network.js';
import { RoomState } from './room-state.js';
import { Sessions, claims } from './sessions.js';
import { sameSpeakers, speakersOf } from './speakers.js';

/** How often a server is asked whether it lives. It is left in time: the room takes us out 10 s after it died. */
const KEEPALIVE_MS = 4_000;
/** How long it may take to say so. */
const ALIVE_MS = 4_000;
/** Streams that reach us and are in no list: so long their publishers may take to come back. The server's grace, and a little. */
const SPARED_MS = 12_000;

/**
 * @typedef {'joining' | 'joined' | 'away' | 'left'} RoomStatus
 * @typedef {import('./media-info.js').User} User
 * @typedef {import('./media-info.js').Stream} Stream
 * @typedef {import('./publication.js').Publication} Publication
 * @typedef {import('./subscription.js').Subscription} Subscription
 *
 * @typedef {object} RoomEvents
 * @property {{ again: boolean }} joined in the room, for the first time or back after a loss
 * @property {{ reason: string }} away the connection is lost; the room comes back by itself
 * @property {{ error: Error | null }} left for good: by `leave()`, a kick, or the server's refusal
 * @property {User} peer-join
 * @property {{ uid: string }} peer-leave
 * @property {Stream} stream-add
 * @property {Stream} stream-remove
 * @property {{ from: Stream, to: Stream }} stream-move another stream takes the place of one; its subscription goes on
 * @property {{ uid: string, data: any }} broadcast
 * @property {{ speakers: import('./media-info.js').Speaker[] }} active-speakers who speaks, the loudest first; older servers do not tell
 */

/** @extends {Emitter<RoomEvents>} */
export class Room extends Emitter {
  /** @type {RoomStatus} */
  #status = 'joining';
  #connection;
  #state = new RoomState();
  #sessions;
  /** Notifications that came before the answer to `join`; null when it is answered. @type {[string, any][] | null} */
  #early = null;
  #again = false;
  /** Changes with every try to enter: the answer to an older one is void. */
  #epoch = 0;
  #backoff = new Backoff();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #recheck;
  /** @type {ReturnType<typeof setInterval>} */
  #keepalive;
  /** @type {(() => void)[]} */
  #stops;
  #encryption;
  #forwarding = new Forwarding(this);
  /** @type {import('./media-info.js').Speaker[]} */
  #speakers = [];

  /**
   * Use `client.join()`.
   *
   * @param {import('./connection.js').Connection} connection
   * @param {{ rid: string, uid: string, rtc: RTCConfiguration, e2ee?: { key: import('./e2ee/encryption.js').Secret } }} options
   */
  constructor(connection, { rid, uid, rtc, e2ee }) {
    super();
    this.#connection = connection;
    this.rid = rid;
    this.uid = uid;
    this.#encryption = new Encryption(rid);
    if (e2ee) this.#encryption.setKey(e2ee.key);
    this.#sessions = new Sessions({
      ...{ rid, uid, rtc, encryption: this.#encryption, forwarding: this.#forwarding },
      request: this.#request.bind(this),
      isJoined: () => this.#status === 'joined',
    });
    this.#stops = [
      connection.on('open', () => void this.#enter()),
      connection.on('lost', ({ reason }) => this.#lost(reason)),
      connection.on('closed', () => this.#gone(new Closed('the connection'))),
      connection.on('notification', (notification) => this.#notified(notification)),
      onNetworkChange(() => this.#networkChanged()),
      () => this.#encryption.close(),
    ];
    this.#keepalive = setInterval(() => this.#keepAlive(), KEEPALIVE_MS);
    if (connection.state === 'open') void this.#enter();
  }

  get status() {
    return this.#status;
  }

  /** The others in the room. */
  get users() {
    return this.#state.users;
  }

  /** What the others publish. */
  get streams() {
    return this.#state.streams;
  }

  /** Who speaks, the loudest first; nobody as far as an older server tells. */
  get speakers() {
    return this.#speakers;
  }

  /** Whether what is sent here is end-to-end encrypted. */
  get encrypted() {
    return this.#encryption.active;
  }

  get publications() {
    return this.#sessions.publications;
  }

  get subscriptions() {
    return this.#sessions.subscriptions;
  }

  /**
   * Sends tracks to the room, until `unpublish()`; survives losses of the connection, of media and of the server.
   *
   * @param {import('./publication.js').PublishOptions} options
   * @returns {Publication} await its `ready` to know that the server has taken it
   */
  publish(options) {
    this.#assertHere();
    return this.#sessions.publish(options);
  }

  /**
   * Receives one of {@link streams}, until `unsubscribe()` or the stream's end.
   *
   * @param {string} mid
   * @param {{ prefer?: import('./preference.js').Prefer }} [options] `prefer`: what of it, see {@link Subscription.prefer}
   * @returns {Subscription} its `media` event brings the tracks, anew after each loss
   */
  subscribe(mid, options) {
    this.#assertHere();
    const known = this.#sessions.subscription(mid);
    if (known && options?.prefer) known.prefer(options.prefer);
    if (known) return known;
    const stream = this.#state.stream(mid);
    if (!stream) throw new Closed(`the stream ${mid}`);
    return this.#sessions.subscribe(stream, options);
  }

  /**
   * Encrypts what is sent here from now on, end to end, and shows nothing that was not encrypted with the same key. A first
   * key, and none any more, publish and subscribe anew; another key is taken up where it is.
   *
   * @param {import('./e2ee/encryption.js').Secret | null} key a passphrase, or at least 16 random bytes; null: nothing is encrypted
   * @returns {Promise<void>} rejects where it cannot be used: nothing is sent then
   */
  async setKey(key) {
    this.#assertHere();
    const before = this.#encryption.active;
    const ready = this.#encryption.setKey(key);
    if (before !== this.#encryption.active) this.#sessions.restart();
    await ready;
  }

  /**
   * Sends any JSON value to the others in the room.
   *
   * @param {unknown} data
   * @returns {Promise<void>}
   */
  async broadcast(data) {
    await this.#request('broadcast', { rid: this.rid, data });
  }

  /** Asks the server who else is here. @returns {Promise<User[]>} */
  async fetchUsers() {
    return (await this.#request('getusers', { rid: this.rid })).users;
  }

  /** Asks the server what the others publish. @returns {Promise<Stream[]>} */
  async fetchStreams() {
    return (await this.#request('getpubs', { rid: this.rid })).pubs;
  }

  /** Leaves for good. Everything of this room ends. */
  async leave() {
    if (this.#status === 'left') return;
    const told = this.#connection.request('leave', { rid: this.rid }).catch(() => {});
    this.#gone(null);
    await told;
  }

  /** Finds out now, not at the next keepalive, whether the server still has us: after a sleep, say. */
  check() {
    this.#keepAlive();
  }

  async #enter() {
    if (this.#status === 'left') return;
    const epoch = ++this.#epoch;
    clearTimeout(this.#retry);
    this.#early = [];
    const claimed = this.#again ? this.#sessions.named() : [];
    try {
      const resume = this.#again && { resume: claims(claimed) };
      const lists = await this.#connection.request('join', { rid: this.rid, ...resume });
      if (epoch === this.#epoch) this.#entered(lists, new Set(claimed.map(({ id }) => id)));
    } catch (error) {
      if (epoch === this.#epoch) this.#refused(error);
    }
  }

  /**
   * @param {{ users?: User[], pubs?: Stream[], resumed?: { pubs: string[], subs: string[] } }} lists
   * @param {ReadonlySet<string | null>} claimed ids of what we said that we still have
   */
  #entered(lists, claimed) {
    const early = this.#early ?? [];
    this.#early = null;
    this.#backoff.reset();
    const again = this.#again;
    this.#again = true;
    this.#status = 'joined';
    const alive = new Set([...(lists.resumed?.pubs ?? []), ...(lists.resumed?.subs ?? [])]);
    const reaching = this.subscriptions.filter(({ sid }) => sid !== null && alive.has(sid));
    this.#tell(this.#state.reset(lists, new Set(reaching.map(({ mid }) => mid))));
    // A server tells who speaks when that changes: what another one told before may be over.
    if (!early.some(([method]) => method === 'active-speakers')) this.#spoken([]);
    for (const [method, data] of early) this.#deliver(method, data);
    this.emit('joined', { again });
    this.#sessions.entered(claimed, alive);
    clearTimeout(this.#recheck);
    if (reaching.length > 0) this.#recheck = setTimeout(() => void this.#lookAgain(), SPARED_MS);
  }

  /** Streams that were spared have come back by now, or do not. */
  async #lookAgain() {
    const epoch = this.#epoch;
    try {
      const lists = await this.#connection.request('join', { rid: this.rid });
      if (epoch === this.#epoch && this.#status === 'joined') this.#tell(this.#state.reset(lists));
    } catch {
      // the next connection asks for the lists anyway
    }
  }

  /** @param {unknown} error the answer to `join` */
  #refused(error) {
    if (error instanceof ConnectionLost) return; // its return brings us here again
    if (hasCode(error, ErrorCode.draining)) {
      this.#connection.reset('the node is draining');
    } else if (isTransient(error)) {
      this.#retry = setTimeout(() => void this.#enter(), this.#backoff.next());
    } else {
      this.#gone(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** @param {string} reason */
  #lost(reason) {
    if (this.#status === 'left') return;
    this.#epoch += 1;
    clearTimeout(this.#retry);
    clearTimeout(this.#recheck);
    for (const session of this.#sessions.all) session.hold();
    this.#spoken([]);
    if (this.#status === 'away') return;
    this.#status = 'away';
    this.emit('away', { reason });
  }

  /** @param {Error | null} error */
  #gone(error) {
    if (this.#status === 'left') return;
    this.#status = 'left';
    this.#epoch += 1;
    clearTimeout(this.#retry);
    clearTimeout(this.#recheck);
    clearInterval(this.#keepalive);
    for (const stop of this.#stops) stop();
    for (const session of this.#sessions.all) session.ended();
    this.emit('left', { error });
  }

  /** @param {{ method: string, data: any, former?: boolean }} notification */
  #notified({ method, data, former = false }) {
    if (data?.rid !== this.rid) return;
    // The connection before the last move tells until the present one has taken over.
    if (former && this.#early === null) return;
    if (this.#early && !former) this.#early.push([method, data]);
    else this.#deliver(method, data);
  }

  /**
   * @param {string} method
   * @param {any} data
   */
  #deliver(method, data) {
    if (this.#forwarding.heard(method, data)) return;
    if (method === 'broadcast') {
      this.emit('broadcast', { uid: data.uid, data: data.data });
    } else if (method === 'active-speakers') {
      this.#spoken(speakersOf(data));
    } else if (data.uid === this.uid) {
      const ours = this.#sessions.published(data.mid);
      // The server itself has ended what we publish, because no media came or its SFU died: publish it again.
      if (method === 'stream-remove') ours?.restart({ soon: true });
      // Its SFU is to end: publish it elsewhere before that.
      if (method === 'stream-move') ours?.move();
    } else {
      this.#tell(this.#state.apply(method, data));
    }
  }

  /** @param {import('./room-state.js').Change[]} changes */
  #tell(changes) {
    for (const { name, detail } of changes) {
      if (name === 'stream-remove') this.#sessions.subscription(detail.mid)?.ended();
      if (name === 'stream-move') this.#sessions.follow(detail.from.mid, detail.to);
      this.emit(name, /** @type {any} */ (detail));
    }
  }

  /** @param {import('./media-info.js').Speaker[]} speakers */
  #spoken(speakers) {
    if (sameSpeakers(speakers, this.#speakers)) return;
    this.#speakers = speakers;
    this.emit('active-speakers', { speakers });
  }

  /** The server may be out of reach in the old way, and the peer connections are. */
  #networkChanged() {
    this.#keepAlive();
    for (const session of this.#sessions.all) session.networkChanged();
  }

  #keepAlive() {
    if (this.#status === 'joined') this.#request('keepalive', { rid: this.rid }, { within: ALIVE_MS }).catch(() => {});
  }

  /**
   * A request about this room. A server that no longer has us in it is joined again.
   *
   * @param {string} method
   * @param {object} data
   * @param {{ within?: number }} [options]
   */
  async #request(method, data, options) {
    const epoch = this.#epoch;
    try {
      return await this.#connection.request(method, data, options);
    } catch (error) {
      const current = epoch === this.#epoch && this.#status === 'joined';
      if (current && hasCode(error, ErrorCode.notInRoom)) {
        this.#lost('the server had put us out of the room');
        void this.#enter();
      }
      throw error;
    }
  }

  #assertHere() {
    if (this.#status === 'left') throw new Closed('the room');
  }
}
