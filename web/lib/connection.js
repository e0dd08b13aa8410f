// One client's WebSocket to the server, speaking protoo: requests with answers, notifications, and
// coming back by itself after a loss. Knows nothing of rooms or media.

import { Backoff } from './backoff.js';
import { Emitter } from './emitter.js';
import { Closed, ConnectionLost, RequestError } from './errors.js';

/** The server's own calls end after 3 s; an answer that has not come by then will not come. */
const ANSWER_MS = 10_000;
/** A socket that does not open in this time is given up. */
const OPEN_MS = 8_000;
/** Only a connection that lived this long counts as a success that resets the back-off. */
const STABLE_MS = 5_000;
/** Closed by the server because the same user came on another connection: never reconnect. */
const KICKED = 4000;

/**
 * @typedef {'idle' | 'connecting' | 'open' | 'waiting' | 'closed'} ConnectionState
 *
 * @typedef {object} ConnectionEvents
 * @property {{ again: boolean }} open the socket stands; `again`: after a loss
 * @property {{ reason: string, attempt: number, retryMs: number }} lost it fell, or did not come up; tried again in `retryMs`
 * @property {{ kicked: boolean }} closed for good
 * @property {{ method: string, data: any }} notification
 *
 * @typedef {object} Pending
 * @property {string} method
 * @property {(data: any) => void} resolve
 * @property {(error: Error) => void} reject
 * @property {ReturnType<typeof setTimeout>} timer
 */

/** @extends {Emitter<ConnectionEvents>} */
export class Connection extends Emitter {
  /** @type {ConnectionState} */
  #state = 'idle';
  #url;
  #opened = false;
  /** @type {WebSocket | null} */
  #socket = null;
  /** Requests of the present socket that wait for their answer, by id. @type {Map<number, Pending>} */
  #pending = new Map();
  #lastId = 0;
  #backoff = new Backoff();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #stable;
  #online = () => this.retryNow();

  /** @param {{ url: string | URL, uid: string }} options `url`: of the server's `/ws` */
  constructor({ url, uid }) {
    super();
    this.#url = new URL(url);
    this.#url.searchParams.set('peer', uid);
  }

  get state() {
    return this.#state;
  }

  /** Begins to connect, and goes on until {@link close} or a kick. */
  open() {
    if (this.#state !== 'idle') return;
    globalThis.addEventListener?.('online', this.#online);
    this.#connect();
  }

  /** Ends the connection for good. */
  close() {
    this.#end(false);
  }

  /** Does not wait for the back-off. */
  retryNow() {
    if (this.#state === 'waiting') this.#connect();
  }

  /**
   * Gives the present socket up and connects anew: for a connection that is found out to be dead.
   *
   * @param {string} reason
   */
  reset(reason) {
    if (this.#state === 'open' || this.#state === 'connecting') this.#lose(reason);
  }

  /**
   * @param {string} method
   * @param {object} data
   * @returns {Promise<any>} the answer's data; rejects with RequestError, ConnectionLost or Closed
   */
  request(method, data) {
    if (this.#state === 'closed') return Promise.reject(new Closed('the connection'));
    const socket = this.#socket;
    if (this.#state !== 'open' || !socket) return Promise.reject(new ConnectionLost('not connected'));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      // Without its answer nobody knows what the server did; a new connection is the one clean slate.
      const timer = setTimeout(() => this.#lose(`no answer to ${method}`), ANSWER_MS);
      this.#pending.set(id, { method, resolve, reject, timer });
      socket.send(JSON.stringify({ request: true, id, method, data }));
    });
  }

  #connect() {
    clearTimeout(this.#timer);
    this.#state = 'connecting';
    const socket = new WebSocket(this.#url, 'protoo');
    this.#socket = socket;
    // A socket that was given up still reports its end: everything asks first whether it is the one.
    const mine = () => this.#socket === socket;
    socket.onopen = () => mine() && this.#standing();
    socket.onmessage = ({ data }) => mine() && this.#receive(data);
    socket.onclose = ({ code, reason }) => {
      if (!mine()) return;
      if (code === KICKED) this.#end(true);
      else this.#lose(reason || `closed with ${code}`);
    };
    this.#timer = setTimeout(() => mine() && this.#lose('no answer'), OPEN_MS);
  }

  #standing() {
    clearTimeout(this.#timer);
    this.#state = 'open';
    this.#stable = setTimeout(() => this.#backoff.reset(), STABLE_MS);
    const again = this.#opened;
    this.#opened = true;
    this.emit('open', { again });
  }

  /** @param {unknown} text */
  #receive(text) {
    const message = parse(text);
    if (!message) return;
    if (message.notification === true && typeof message.method === 'string') {
      this.emit('notification', { method: message.method, data: message.data ?? {} });
    } else if (message.response === true) {
      this.#answer(message);
    } else if (message.request === true) {
      // The protocol has no requests of the server; protoo wants every request answered.
      const refusal = { response: true, id: message.id, ok: false, errorCode: 14, errorReason: 'unknown method' };
      this.#socket?.send(JSON.stringify(refusal));
    }
  }

  /** @param {any} message */
  #answer(message) {
    const pending = this.#pending.get(message.id);
    if (!pending) return;
    this.#pending.delete(message.id);
    clearTimeout(pending.timer);
    if (message.ok === true) pending.resolve(message.data ?? {});
    else pending.reject(new RequestError(pending.method, Number(message.errorCode), String(message.errorReason)));
  }

  /** @param {string} reason */
  #lose(reason) {
    this.#drop(new ConnectionLost(reason));
    const { attempt } = this.#backoff;
    const retryMs = this.#backoff.next();
    this.#state = 'waiting';
    this.#timer = setTimeout(() => this.#connect(), retryMs);
    this.emit('lost', { reason, attempt: attempt + 1, retryMs });
  }

  /** @param {boolean} kicked */
  #end(kicked) {
    if (this.#state === 'closed') return;
    this.#drop(new Closed('the connection'));
    this.#state = 'closed';
    globalThis.removeEventListener?.('online', this.#online);
    this.emit('closed', { kicked });
  }

  /** @param {Error} error for the requests that will get no answer */
  #drop(error) {
    clearTimeout(this.#timer);
    clearTimeout(this.#stable);
    this.#socket?.close();
    this.#socket = null;
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { timer, reject } of pending) {
      clearTimeout(timer);
      reject(error);
    }
  }
}

/**
 * @param {unknown} text
 * @returns {any} null for what is no JSON object
 */
function parse(text) {
  try {
    const value = JSON.parse(String(text));
    return value !== null && typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}
