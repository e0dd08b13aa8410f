// One client's WebSocket to the servers, speaking protoo: requests with answers, notifications, coming back
// by itself after a loss, and going elsewhere when the server asks for it. Knows nothing of rooms or media.

import { Emitter } from './emitter.js';
import { Closed, ConnectionLost, RequestError } from './errors.js';
import { HandOver } from './hand-over.js';
import { Servers } from './servers.js';

/** The server's own calls end after 3 s; an answer that has not come by then will not come. */
const ANSWER_MS = 10_000;
/** A socket that does not open in this time is given up. */
const OPEN_MS = 4_000;
/** Only a connection that lived this long counts as a success that resets the back-off. */
const STABLE_MS = 5_000;
/** So many connections may be left alone at a time. */
const ABANDONED = 4;
/** A timer that took so many times its time says that the page was asleep. */
const LATE = 1.5;
/** Closed by the server because the same user came on another connection: never reconnect. */
const KICKED = 4000;

/**
 * @typedef {'idle' | 'connecting' | 'open' | 'waiting' | 'closed'} ConnectionState
 *
 * @typedef {object} ConnectionEvents
 * @property {{ again: boolean, moved: boolean }} open the socket stands; `again`: not for the first time; `moved`: the
 *   one before it stands too, for a moment
 * @property {{ reason: string, attempt: number, retryMs: number }} lost it fell, or did not come up; tried again in `retryMs`
 * @property {{ kicked: boolean }} closed for good
 * @property {{ method: string, data: any, former: boolean }} notification `former`: of the connection before the last move
 *
 * @typedef {object} Pending
 * @property {string} method
 * @property {WebSocket} socket
 * @property {number} within
 * @property {(data: any) => void} resolve
 * @property {(error: Error) => void} reject
 * @property {ReturnType<typeof setTimeout> | undefined} timer
 */

/** @extends {Emitter<ConnectionEvents>} */
export class Connection extends Emitter {
  /** @type {ConnectionState} */
  #state = 'idle';
  #servers;
  #uid;
  /** Sent with each new connection. @type {string | undefined} */
  token;
  #opened = false;
  /** @type {WebSocket | null} */
  #socket = null;
  /** The one before the last move, until it closes. @type {WebSocket | null} */
  #former = null;
  /**
   * On which nothing came any more. To the server they may stand still, and closing one is leaving: a network that comes back
   * would deliver that before the next one has joined. So they are left alone until then. @type {Set<WebSocket>}
   */
  #abandoned = new Set();
  /** @type {HandOver | null} */
  #handOver = null;
  /** Requests that wait for their answer, by id. @type {Map<number, Pending>} */
  #pending = new Map();
  #lastId = 0;
  /** When anything came from the server. */
  #heard = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #stable;
  #online = () => this.retryNow();

  /**
   * @param {{ url: string | URL | Iterable<string | URL>, uid: string, token?: string }} options `url`: of the servers'
   *   `/ws`
   */
  constructor({ url, uid, token }) {
    super();
    this.#uid = uid;
    this.token = token;
    this.#servers = new Servers(typeof url === 'string' || url instanceof URL ? [url] : url);
  }

  get state() {
    return this.#state;
  }

  /** Further servers of the same cluster. @param {Iterable<string | URL>} urls of their `/ws` */
  addServers(urls) {
    this.#servers.add(urls);
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
   * @param {{ within?: number }} [options] milliseconds in which something must come from a server that is alive
   * @returns {Promise<any>} the answer's data; rejects with RequestError, ConnectionLost or Closed
   */
  request(method, data, { within = ANSWER_MS } = {}) {
    if (this.#state === 'closed') return Promise.reject(new Closed('the connection'));
    const socket = this.#socket;
    if (this.#state !== 'open' || !socket) return Promise.reject(new ConnectionLost('not connected'));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { method, socket, within, resolve, reject, timer: undefined });
      this.#arm(id);
      socket.send(JSON.stringify({ request: true, id, method, data }));
    });
  }

  /**
   * Without its answer nobody knows what the server did; a new connection is the one clean slate. A timer that
   * comes late is no evidence, though: the page was asleep, and the answer may lie in the queue.
   *
   * @param {number} id of a request
   */
  #arm(id) {
    const pending = this.#pending.get(id);
    if (!pending) return;
    const { method, socket, within } = pending;
    const since = performance.now();
    pending.timer = setTimeout(() => {
      const late = performance.now() - since > within * LATE;
      const alive = within < ANSWER_MS && this.#heard > since;
      if (late || alive) this.#arm(id);
      else if (socket === this.#socket) this.#lose(`no answer to ${method}`);
    }, within);
  }

  #connect() {
    clearTimeout(this.#timer);
    this.#state = 'connecting';
    const socket = this.#socketTo(this.#servers.current);
    this.#socket = socket;
    socket.onopen = () => socket === this.#socket && this.#standing({ moved: false });
    this.#listen(socket);
    this.#timer = setTimeout(() => socket === this.#socket && this.#lose('no answer'), OPEN_MS);
  }

  /** @param {URL} server */
  #socketTo(server) {
    const url = new URL(server);
    url.searchParams.set('peer', this.#uid);
    // The one place where a page can put a token that no log of addresses has.
    return new WebSocket(url, this.token ? ['protoo', `bearer.${this.token}`] : ['protoo']);
  }

  /** A socket that was given up still reports its end: everything asks first whether it is the one. @param {WebSocket} socket */
  #listen(socket) {
    socket.onmessage = ({ data }) => {
      if (socket === this.#socket || socket === this.#former) this.#receive(socket, data);
    };
    socket.onclose = ({ code, reason }) => {
      this.#abandoned.delete(socket);
      if (socket === this.#former) this.#forgetFormer();
      if (socket !== this.#socket) return;
      this.#socket = null;
      if (code === KICKED) this.#end(true);
      else this.#lose(reason || `closed with ${code}`);
    };
  }

  /** @param {{ moved: boolean }} how */
  #standing({ moved }) {
    clearTimeout(this.#timer);
    clearTimeout(this.#stable);
    this.#state = 'open';
    this.#heard = performance.now();
    this.#stable = setTimeout(() => this.#servers.succeeded(), STABLE_MS);
    const again = this.#opened;
    this.#opened = true;
    this.emit('open', { again, moved });
    // What it joins takes no longer.
    const before = [...this.#abandoned];
    setTimeout(() => this.#close(before), ANSWER_MS);
  }

  /** @param {WebSocket} socket @param {unknown} text */
  #receive(socket, text) {
    const message = parse(text);
    if (!message) return;
    if (socket === this.#socket) this.#heard = performance.now();
    if (message.notification === true && typeof message.method === 'string') {
      this.#notified(socket, message.method, message.data ?? {});
    } else if (message.response === true) {
      this.#answer(message);
    } else if (message.request === true) {
      // The protocol has no requests of the server; protoo wants every request answered.
      const refusal = { response: true, id: message.id, ok: false, errorCode: 14, errorReason: 'unknown method' };
      socket.send(JSON.stringify(refusal));
    }
  }

  /** @param {WebSocket} socket @param {string} method @param {any} data */
  #notified(socket, method, data) {
    if (method !== 'reconnect') this.emit('notification', { method, data, former: socket === this.#former });
    else if (socket === this.#socket) this.#moveOn();
  }

  /** The server is to end: the next connection stands before this one falls. */
  #moveOn() {
    this.#handOver ??= new HandOver({
      urls: () => this.#servers.others,
      open: (url) => this.#socketTo(url),
      isBusy: () => [...this.#pending.values()].some(({ method }) => method !== 'keepalive'),
      moved: (socket, url) => this.#moved(socket, url),
    });
  }

  /** @param {WebSocket} socket that stands @param {URL} url */
  #moved(socket, url) {
    this.#handOver = null;
    this.#servers.choose(url);
    this.#forgetFormer();
    this.#former = this.#socket;
    this.#socket = socket;
    this.#listen(socket);
    const former = this.#former;
    // The server closes it when the last room has moved.
    setTimeout(() => former === this.#former && this.#forgetFormer(), STABLE_MS);
    this.#standing({ moved: true });
  }

  #forgetFormer() {
    const former = this.#former;
    this.#former = null;
    if (!former) return;
    former.close();
    this.#refuse(new ConnectionLost('the connection has moved'), (pending) => pending.socket === former);
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
    if (this.#socket && this.#state === 'open') {
      this.#abandoned.add(this.#socket);
      this.#close([...this.#abandoned].slice(0, -ABANDONED));
      this.#socket = null;
    }
    this.#drop(new ConnectionLost(reason));
    const { attempt } = this.#servers;
    const retryMs = this.#servers.failed();
    this.#state = 'waiting';
    this.#timer = setTimeout(() => this.#connect(), retryMs);
    this.emit('lost', { reason, attempt: attempt + 1, retryMs });
  }

  /** @param {boolean} kicked */
  #end(kicked) {
    if (this.#state === 'closed') return;
    this.#drop(new Closed('the connection'));
    this.#close([...this.#abandoned]);
    this.#state = 'closed';
    globalThis.removeEventListener?.('online', this.#online);
    this.emit('closed', { kicked });
  }

  /** @param {WebSocket[]} abandoned */
  #close(abandoned) {
    for (const socket of abandoned) {
      if (this.#abandoned.delete(socket)) socket.close();
    }
  }

  /** @param {Error} error for the requests that will get no answer */
  #drop(error) {
    clearTimeout(this.#timer);
    clearTimeout(this.#stable);
    this.#handOver?.cancel();
    this.#handOver = null;
    this.#forgetFormer();
    this.#socket?.close();
    this.#socket = null;
    this.#refuse(error, () => true);
  }

  /** @param {Error} error @param {(pending: Pending) => boolean} which */
  #refuse(error, which) {
    for (const [id, pending] of [...this.#pending].filter(([, one]) => which(one))) {
      this.#pending.delete(id);
      clearTimeout(pending.timer);
      pending.reject(error);
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
