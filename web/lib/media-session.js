// One publish or one subscription: a peer connection of its own, and whatever it takes to keep it alive.
// Starts over with back-off when media or server fail, takes another path when the network breaks, outlives a lost
// connection to the server with its media, moves from one SFU to another without a gap, and never outlives close().

import { Backoff } from './backoff.js';
import { Emitter } from './emitter.js';
import { Closed, ConnectionLost, ErrorCode, hasCode, isTransient } from './errors.js';
import { makeOffer } from './offer.js';
import { Path } from './path.js';
import { StatsReader } from './stats.js';

/** So long the former peer connection lasts once the next one has media: others move, too. */
const LINGER_MS = 3_000;

/**
 * @typedef {'waiting' | 'connecting' | 'live' | 'closed'} SessionState
 *
 * @typedef {object} Link what a session needs of its room
 * @property {string} rid
 * @property {RTCConfiguration} rtc
 * @property {(method: string, data: object) => Promise<any>} request
 * @property {() => boolean} [isJoined] whether the room is there
 * @property {string} [uid] who we are
 * @property {import('./e2ee/encryption.js').Encryption} [encryption]
 * @property {import('./forwarding.js').Forwarding} [forwarding]
 *
 * @typedef {object} Agreement the server's answer to an offer
 * @property {string} id mid or sid
 * @property {string} sfuid the node that holds it
 * @property {RTCSessionDescriptionInit} jsep
 * @property {() => Promise<unknown>} release tells the server that it is over
 *
 * @typedef {object} Former the peer connection that media comes from until the next one has some
 * @property {RTCPeerConnection} pc
 * @property {string} id
 * @property {string} sfuid
 * @property {() => Promise<unknown>} release
 *
 * @typedef {object} SessionEvents
 * @property {SessionState} state
 * @property {MediaStream} media a subscription's tracks, anew each time it starts over or moves
 * @property {{ from: string }} moved it has another id, and goes on from where it was; `from`: the id before
 * @property {Error} failed it is closed, and this is why
 * @property {null} paused the server sends no picture, for want of bandwidth; sound goes on
 * @property {null} resumed the picture comes again
 * @property {import('./quality.js').Quality} quality how well a subscription arrives, from now on
 * @property {import('./e2ee/transform.js').Opening} encryption whether a subscription can be decrypted, from now on; what cannot is
 *   not shown
 */

/** @extends {Emitter<SessionEvents>} */
export class MediaSession extends Emitter {
  /** @type {SessionState} */
  #state = 'waiting';
  /** @type {RTCPeerConnection | null} */
  #pc = null;
  /** @type {string | null} */
  #id = null;
  #sfuid = '';
  /** @type {() => Promise<unknown>} */
  #release = async () => {};
  /** The id before this one: what a new stream stands in for. @type {string | null} */
  #lastId = null;
  /** @type {Former | null} */
  #former = null;
  /** The room is away, and the peer connection goes on without it. */
  #held = false;
  /** Changes with every start, stop and loss: what began under another number is void. */
  #epoch = 0;
  #backoff = new Backoff();
  #stats = new StatsReader();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {Path | null} */
  #path = null;
  /** @type {PromiseWithResolvers<void>} */
  #ready = withResolvers();

  /** @param {Link} link */
  constructor(link) {
    super();
    this.link = link;
    // Whoever does not wait for it hears of a failure through the event.
    this.#ready.promise.catch(() => {});
  }

  get state() {
    return this.#state;
  }

  /** The server's id of it (mid or sid) while the server has it. */
  get id() {
    return this.#id;
  }

  /** The node that holds it. */
  get sfuid() {
    return this.#sfuid;
  }

  /** The id that it had before this one. */
  get lastId() {
    return this.#lastId;
  }

  /** The peer connection of the moment. */
  get pc() {
    return this.#former?.pc ?? this.#pc;
  }

  /** All peer connections: two while it moves. @returns {RTCPeerConnection[]} */
  get pcs() {
    return [this.#former?.pc ?? null, this.#pc].filter((pc) => pc !== null);
  }

  /** Whether it has gone on while the room was away, and waits to hear whether the server still has it. */
  get isHeld() {
    return this.#held;
  }

  /** Resolves when the server has answered for the first time, rejects when it is closed before. */
  get ready() {
    return this.#ready.promise;
  }

  /** One row per track with bitrate, loss, round trip, codec and resolution since the last call. */
  async stats() {
    const { pc } = this;
    return pc ? this.#stats.read(pc) : [];
  }

  /** The room is there: begin, or begin again. */
  start() {
    if (this.#state !== 'waiting') return;
    void this.#attempt();
  }

  /** The room is away: what has media goes on, what is under way stops and waits for {@link start}. */
  hold() {
    if (this.#state === 'closed') return;
    this.#backoff.reset();
    this.#moveBack();
    // Also one whose path has failed: the server may have it still, and then the path is mended.
    this.#held = this.#id !== null && this.#pc !== null;
    if (this.#held) return;
    this.#stop();
    this.#become('waiting');
  }

  /** The room is back. @param {boolean} alive whether the server still has what was held */
  resumed(alive) {
    if (!this.#held) return;
    this.#held = false;
    if (alive) {
      this.#path?.resume();
      return;
    }
    this.#stop();
    this.#become('waiting');
    this.start();
  }

  /** The machine may have another address now. */
  networkChanged() {
    this.#path?.networkChanged();
  }

  /**
   * Media has failed, or the server ended it: tell the server, and try again a little later.
   *
   * @param {{ soon?: boolean }} [options] soon: the first time at once
   */
  restart({ soon = false } = {}) {
    if (this.#state === 'closed') return;
    const wait = soon && this.#backoff.attempt === 0;
    this.#forget();
    this.#stop();
    if (!this.#former) this.#become('waiting');
    // While the room is away, its return starts it.
    const held = this.#held;
    this.#held = false;
    if (held) return;
    const pause = this.#backoff.next();
    this.#timer = setTimeout(() => this.#again(), wait ? 0 : pause);
  }

  /** Starts over elsewhere, while the present peer connection goes on until the next one has media. */
  move() {
    if (this.#state !== 'live' || this.#held || !this.#pc || this.#id === null || this.#former) return;
    this.#former = { pc: this.#pc, id: this.#id, sfuid: this.#sfuid, release: this.#release };
    this.#lastId = this.#id;
    this.#pc = null;
    this.#id = null;
    void this.#attempt();
  }

  /** Ends it for good. Repeating it is harmless. */
  close() {
    this.#finish(null, true);
  }

  /** The server has ended it for good; it need not be told. */
  ended() {
    this.#finish(null, false);
  }

  // What a publication and a subscription do differently.

  /** @returns {RTCConfiguration} of the next peer connection */
  configuration() {
    return this.link.rtc;
  }

  /**
   * Puts the transceivers in.
   *
   * @param {RTCPeerConnection} _pc
   */
  prepare(_pc) {}

  /**
   * @param {{ type: 'offer', sdp: string }} _jsep
   * @returns {Promise<Agreement>}
   */
  async negotiate(_jsep) {
    throw new Error('not a session');
  }

  /**
   * Asks the server to go on with the same media on another path.
   *
   * @param {{ type: 'offer', sdp: string }} _jsep
   * @returns {Promise<RTCSessionDescriptionInit>}
   */
  async mend(_jsep) {
    throw new Error('not a session');
  }

  /**
   * The peer connection is connected. Of a session that moves, the former one ends after this.
   *
   * @param {RTCPeerConnection} _pc
   * @returns {Promise<void>}
   */
  async arrived(_pc) {}

  /**
   * The answer is applied.
   *
   * @param {RTCPeerConnection} _pc
   */
  agreed(_pc) {}

  #again() {
    if (this.#former) void this.#attempt();
    else this.start();
  }

  async #attempt() {
    const epoch = this.#stop();
    const pc = new RTCPeerConnection(this.configuration());
    this.#pc = pc;
    this.#become('connecting');
    try {
      this.prepare(pc);
      const offer = await makeOffer(pc);
      if (epoch !== this.#epoch) return;
      const { id, sfuid, jsep, release } = await this.negotiate(offer);
      if (epoch !== this.#epoch) {
        // Closed or lost while the server was at it: it must not keep what nobody holds.
        release().catch(() => {});
        return;
      }
      this.#id = id;
      this.#sfuid = sfuid;
      this.#release = release;
      this.#watch(pc, epoch);
      await pc.setRemoteDescription(jsep);
      if (epoch !== this.#epoch) return;
      this.agreed(pc);
      this.#ready.resolve();
    } catch (error) {
      if (epoch === this.#epoch) this.#failed(error);
    }
  }

  /** @param {unknown} error */
  #failed(error) {
    if (!isTransient(error)) {
      this.#finish(error instanceof Error ? error : new Error(String(error)), true);
    } else if (this.#awaitsRoom(error)) {
      this.hold(); // the room comes back and starts it
    } else {
      this.restart();
    }
  }

  /** @param {unknown} error */
  #awaitsRoom(error) {
    if (this.link.isJoined?.()) return false; // the request went to the connection before the present one
    return error instanceof ConnectionLost || hasCode(error, ErrorCode.notInRoom);
  }

  /**
   * @param {RTCPeerConnection} pc
   * @param {number} epoch
   */
  #watch(pc, epoch) {
    this.#path?.close();
    this.#path = new Path(pc, {
      up: () => {
        this.#backoff.reset();
        this.#become('live');
        void this.#settle(pc, epoch);
      },
      mend: () => this.#mend(pc),
      down: () => this.restart(),
    });
  }

  /** @param {RTCPeerConnection} pc @returns {Promise<boolean>} false: the room is away, and its return brings us here again */
  async #mend(pc) {
    if (this.#held || this.link.isJoined?.() === false) return false;
    try {
      const jsep = await this.mend(await makeOffer(pc, { iceRestart: true }));
      await pc.setRemoteDescription(jsep);
      return true;
    } catch (error) {
      await pc.setLocalDescription({ type: 'rollback' }).catch(() => {}); // closed meanwhile
      if (this.#held || this.#awaitsRoom(error)) return false;
      throw error;
    }
  }

  /** @param {RTCPeerConnection} pc that is connected @param {number} epoch */
  async #settle(pc, epoch) {
    const former = this.#former;
    await this.arrived(pc);
    if (!former || former !== this.#former || epoch !== this.#epoch) return;
    this.#former = null;
    this.emit('moved', { from: former.id });
    setTimeout(() => endFormer(former, true), LINGER_MS);
  }

  /** The next peer connection is given up for the former one, which still has media. */
  #moveBack() {
    const former = this.#former;
    if (!former) return;
    this.#forget();
    this.#stop();
    this.#former = null;
    this.#pc = former.pc;
    this.#id = former.id;
    this.#sfuid = former.sfuid;
    this.#release = former.release;
    this.#watch(former.pc, this.#epoch);
  }

  /**
   * @param {Error | null} error
   * @param {boolean} tell the server
   */
  #finish(error, tell) {
    if (this.#state === 'closed') return;
    if (this.#former) endFormer(this.#former, tell);
    this.#former = null;
    this.#held = false;
    if (tell) this.#forget();
    this.#stop();
    this.#become('closed');
    this.#ready.reject(error ?? new Closed('the session'));
    if (error) this.emit('failed', error);
  }

  /** Lets the server know, and does not mind when it cannot be told: it knows then anyway. */
  #forget() {
    if (this.#id !== null) this.#release().catch(() => {});
    if (!this.#former) this.#lastId = this.#id ?? this.#lastId;
    this.#id = null;
  }

  /** Ends the peer connection and everything that is under way. Returns the number of the new epoch. */
  #stop() {
    clearTimeout(this.#timer);
    this.#path?.close();
    this.#path = null;
    this.#pc?.close();
    this.#pc = null;
    if (!this.#former) this.#lastId = this.#id ?? this.#lastId;
    this.#id = null;
    return ++this.#epoch;
  }

  /** While it moves, it is as live as before. @param {SessionState} state */
  #become(state) {
    if (this.#state === state || (this.#former && state !== 'closed')) return;
    this.#state = state;
    this.emit('state', state);
  }
}

/** @param {Former} former @param {boolean} tell the server */
function endFormer({ pc, release }, tell) {
  if (tell) release().catch(() => {});
  pc.close();
}

/** `Promise.withResolvers`, which not every supported browser has. @returns {PromiseWithResolvers<void>} */
function withResolvers() {
  /** @type {any} */
  const all = {};
  all.promise = new Promise((resolve, reject) => Object.assign(all, { resolve, reject }));
  return all;
}
