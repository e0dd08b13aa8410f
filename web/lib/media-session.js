// One publish or one subscription: a peer connection of its own, and whatever it takes to keep it alive.
// Starts over with back-off when media or server fail, sleeps while the room is away, never outlives close().

import { Backoff } from './backoff.js';
import { Emitter } from './emitter.js';
import { Closed, ConnectionLost, ErrorCode, hasCode, isTransient } from './errors.js';
import { makeOffer } from './offer.js';
import { StatsReader } from './stats.js';

/** A peer connection that has not connected in this time starts over. */
const CONNECT_MS = 15_000;
/** So long a 'disconnected' peer connection may take to recover by itself. */
const RECOVER_MS = 6_000;

/**
 * @typedef {'waiting' | 'connecting' | 'live' | 'closed'} SessionState
 *
 * @typedef {object} Link what a session needs of its room
 * @property {string} rid
 * @property {RTCConfiguration} rtc
 * @property {(method: string, data: object) => Promise<any>} request
 *
 * @typedef {object} Agreement the server's answer to an offer
 * @property {string} id mid or sid
 * @property {RTCSessionDescriptionInit} jsep
 *
 * @typedef {object} SessionEvents
 * @property {SessionState} state
 * @property {MediaStream} media a subscription's tracks, anew each time it starts over
 * @property {Error} failed it is closed, and this is why
 */

/** @extends {Emitter<SessionEvents>} */
export class MediaSession extends Emitter {
  /** @type {SessionState} */
  #state = 'waiting';
  /** @type {RTCPeerConnection | null} */
  #pc = null;
  /** @type {string | null} */
  #id = null;
  /** Changes with every start, stop and loss: what began under another number is void. */
  #epoch = 0;
  #backoff = new Backoff();
  #stats = new StatsReader();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
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

  /** The peer connection of the moment. */
  get pc() {
    return this.#pc;
  }

  /** Resolves when the server has answered for the first time, rejects when it is closed before. */
  get ready() {
    return this.#ready.promise;
  }

  /** One row per track with bitrate, loss, round trip, codec and resolution since the last call. */
  async stats() {
    return this.#pc ? this.#stats.read(this.#pc) : [];
  }

  /** The room is there: begin, or begin again. */
  start() {
    if (this.#state !== 'waiting') return;
    void this.#attempt();
  }

  /** The room is away, and the server has forgotten this session: stop, and wait for {@link start}. */
  suspend() {
    if (this.#state === 'closed') return;
    this.#stop();
    this.#backoff.reset();
    this.#become('waiting');
  }

  /** Media has failed, or the server ended it: tell the server, and try again a little later. */
  restart() {
    if (this.#state === 'closed') return;
    this.#forget();
    this.#stop();
    this.#become('waiting');
    this.#timer = setTimeout(() => this.start(), this.#backoff.next());
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
   * Tells the server that the session with this id is over.
   *
   * @param {string} _id
   * @returns {Promise<unknown>}
   */
  async release(_id) {
    return undefined;
  }

  /**
   * The answer is applied.
   *
   * @param {RTCPeerConnection} _pc
   */
  agreed(_pc) {}

  async #attempt() {
    const epoch = this.#stop();
    const pc = new RTCPeerConnection(this.link.rtc);
    this.#pc = pc;
    this.#become('connecting');
    try {
      this.prepare(pc);
      const offer = await makeOffer(pc);
      if (epoch !== this.#epoch) return;
      const { id, jsep } = await this.negotiate(offer);
      if (epoch !== this.#epoch) {
        // Closed or lost while the server was at it: it must not keep what nobody holds.
        this.release(id).catch(() => {});
        return;
      }
      this.#id = id;
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
    } else if (error instanceof ConnectionLost || hasCode(error, ErrorCode.notInRoom)) {
      this.suspend(); // the room comes back and starts it
    } else {
      this.restart();
    }
  }

  /**
   * @param {RTCPeerConnection} pc
   * @param {number} epoch
   */
  #watch(pc, epoch) {
    const startOver = () => {
      if (epoch === this.#epoch) this.restart();
    };
    const wait = (/** @type {number} */ ms) => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(startOver, ms);
    };
    wait(CONNECT_MS);
    pc.onconnectionstatechange = () => {
      if (epoch !== this.#epoch) return;
      if (pc.connectionState === 'connected') {
        clearTimeout(this.#timer);
        this.#backoff.reset();
        this.#become('live');
      } else if (pc.connectionState === 'disconnected') {
        wait(RECOVER_MS);
      } else if (pc.connectionState === 'failed') {
        startOver();
      }
    };
  }

  /**
   * @param {Error | null} error
   * @param {boolean} tell the server
   */
  #finish(error, tell) {
    if (this.#state === 'closed') return;
    if (tell) this.#forget();
    this.#stop();
    this.#become('closed');
    this.#ready.reject(error ?? new Closed('the session'));
    if (error) this.emit('failed', error);
  }

  /** Lets the server know, and does not mind when it cannot be told: it knows then anyway. */
  #forget() {
    if (this.#id !== null) this.release(this.#id).catch(() => {});
    this.#id = null;
  }

  /** Ends the peer connection and everything that is under way. Returns the number of the new epoch. */
  #stop() {
    clearTimeout(this.#timer);
    this.#pc?.close();
    this.#pc = null;
    this.#id = null;
    return ++this.#epoch;
  }

  /** @param {SessionState} state */
  #become(state) {
    if (this.#state === state) return;
    this.#state = state;
    this.emit('state', state);
  }
}

/** `Promise.withResolvers`, which not every supported browser has. @returns {PromiseWithResolvers<void>} */
function withResolvers() {
  /** @type {any} */
  const all = {};
  all.promise = new Promise((resolve, reject) => Object.assign(all, { resolve, reject }));
  return all;
}
