// Opens the next connection while the present one still stands: server after server, until one takes us.

/** A socket that does not open in this time is given up. */
const OPEN_MS = 3_000;
/** Before the servers are tried once more. */
const AGAIN_MS = 1_000;
/** How long requests that are under way on the present connection are waited for. */
const FINISH_MS = 3_000;
const LOOK_MS = 50;

/**
 * @typedef {object} HandOverOptions
 * @property {() => URL[]} urls the servers to try, in order
 * @property {(url: URL) => WebSocket} open
 * @property {() => boolean} isBusy whether requests are under way
 * @property {(socket: WebSocket, url: URL) => void} moved called once, with a socket that stands
 */

export class HandOver {
  #options;
  #cancelled = false;
  /** @type {WebSocket | null} */
  #socket = null;

  /** @param {HandOverOptions} options */
  constructor(options) {
    this.#options = options;
    void this.#run();
  }

  cancel() {
    this.#cancelled = true;
    this.#socket?.close();
    this.#socket = null;
  }

  async #run() {
    while (!this.#cancelled) {
      for (const url of this.#options.urls()) {
        const socket = await this.#try(url);
        if (socket) return this.#finish(socket, url);
        if (this.#cancelled) return;
      }
      await pause(AGAIN_MS);
    }
  }

  /** @param {URL} url @returns {Promise<WebSocket | null>} null where it does not open */
  #try(url) {
    const socket = this.#options.open(url);
    this.#socket = socket;
    return new Promise((resolve) => {
      const fail = () => {
        clearTimeout(timer);
        socket.onopen = socket.onclose = null;
        socket.close();
        resolve(null);
      };
      const timer = setTimeout(fail, OPEN_MS);
      socket.onclose = fail;
      socket.onopen = () => {
        clearTimeout(timer);
        resolve(socket);
      };
    });
  }

  /** What was asked on the present connection is answered on it. @param {WebSocket} socket @param {URL} url */
  async #finish(socket, url) {
    let closed = false;
    socket.onclose = () => (closed = true);
    for (let waited = 0; this.#options.isBusy() && waited < FINISH_MS; waited += LOOK_MS) await pause(LOOK_MS);
    if (this.#cancelled) return;
    if (closed) void this.#run();
    else this.#options.moved(socket, url);
  }
}

/** @param {number} ms */
function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
