// Watches the network path of one peer connection: up, shaky, gone. A path that breaks is first mended in place, with
// an ICE restart (RFC 8445 section 9): media, keys and numbers go on. Only when that fails is it given up.

/** A peer connection that has not connected in this time is given up. */
const CONNECT_MS = 15_000;
/** So long a 'disconnected' path may take to recover by itself. */
const RECOVER_MS = 3_000;
/** So long a path may take to connect once the server has answered the restart. */
const MEND_MS = 6_000;

/**
 * @typedef {object} PathOptions
 * @property {() => void} up it is connected, for the first time or again
 * @property {() => Promise<boolean>} mend restarts ICE and resolves when the answer is applied; false: not now, {@link Path.resume}
 *   comes when it can be
 * @property {() => void} down it is given up
 */

export class Path {
  #pc;
  #options;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #closed = false;
  #mending = false;
  /** It is to be mended as soon as there is a server to ask. */
  #due = false;

  /** @param {RTCPeerConnection} pc @param {PathOptions} options */
  constructor(pc, options) {
    this.#pc = pc;
    this.#options = options;
    pc.onconnectionstatechange = () => !this.#closed && this.#changed();
    if (pc.connectionState !== 'connected') this.#arm(CONNECT_MS, () => this.#end());
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** The server can be asked again: what broke meanwhile is mended now. */
  resume() {
    const { connectionState } = this.#pc;
    if (this.#due || connectionState === 'disconnected' || connectionState === 'failed') void this.#mend();
  }

  /** The machine may have another address now, and the path may be dead without having been noticed. */
  networkChanged() {
    const { connectionState } = this.#pc;
    if (connectionState !== 'new' && connectionState !== 'connecting') void this.#mend();
  }

  #changed() {
    const { connectionState, iceConnectionState } = this.#pc;
    if (connectionState === 'connected') {
      this.#due = false;
      // The answer to a restart under way is still to be applied.
      if (!this.#mending) clearTimeout(this.#timer);
      this.#options.up();
    } else if (connectionState === 'disconnected') {
      if (!this.#mending) this.#arm(RECOVER_MS, () => void this.#mend());
    } else if (connectionState === 'failed') {
      // Of DTLS, which no restart of ICE brings back.
      const hopeless = iceConnectionState === 'connected' || iceConnectionState === 'completed';
      if (hopeless) this.#end();
      else void this.#mend();
    }
  }

  async #mend() {
    if (this.#closed || this.#mending) return;
    this.#mending = true;
    clearTimeout(this.#timer);
    const asked = await this.#options.mend().catch(() => null);
    this.#mending = false;
    if (this.#closed) return;
    if (asked === false) this.#due = true;
    else if (asked) this.#arm(MEND_MS, () => this.#pc.connectionState !== 'connected' && this.#end());
    else if (this.#pc.connectionState !== 'connected') this.#end();
  }

  #end() {
    if (this.#closed) return;
    this.close();
    this.#options.down();
  }

  /** @param {number} ms @param {() => void} then */
  #arm(ms, then) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => !this.#closed && then(), ms);
  }
}
