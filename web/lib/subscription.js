// What this client receives: one stream of somebody else, on one peer connection.

import { ErrorCode, hasCode } from './errors.js';
import { MediaSession } from './media-session.js';

export class Subscription extends MediaSession {
  #stream;
  /** @type {MediaStream | null} */
  #media = null;

  /**
   * @param {import('./media-session.js').Link} link
   * @param {import('./media-info.js').Stream} stream
   */
  constructor(link, stream) {
    super(link);
    this.#stream = stream;
  }

  /** The stream that it is a subscription of. */
  get stream() {
    return this.#stream;
  }

  get mid() {
    return this.#stream.mid;
  }

  /** The server's id of the subscription while it has one. */
  get sid() {
    return this.id;
  }

  /** The received tracks, once the server has answered. */
  get media() {
    return this.#media;
  }

  /** Ends it. */
  unsubscribe() {
    this.close();
  }

  /** @override @param {RTCPeerConnection} pc */
  prepare(pc) {
    const { audio, video } = this.#stream.minfo;
    // A stream that claims to hold neither is asked for both: its publisher may just not say.
    if (audio || !video) pc.addTransceiver('audio', { direction: 'recvonly' });
    if (video || !audio) pc.addTransceiver('video', { direction: 'recvonly' });
  }

  /** @override @param {{ type: 'offer', sdp: string }} jsep */
  async negotiate(jsep) {
    const { mid, sfuid } = this.#stream;
    const answer = await this.link.request('subscribe', { rid: this.link.rid, mid, sfuid, jsep });
    return { id: String(answer.sid), jsep: answer.jsep };
  }

  /** @override @param {string} sid */
  async release(sid) {
    const { mid, sfuid } = this.#stream;
    try {
      await this.link.request('unsubscribe', { rid: this.link.rid, mid, sid, sfuid });
    } catch (error) {
      if (!hasCode(error, ErrorCode.noSuchSubscription)) throw error;
    }
  }

  /** @override @param {RTCPeerConnection} pc */
  agreed(pc) {
    this.#media = new MediaStream(pc.getReceivers().map(({ track }) => track));
    this.emit('media', this.#media);
  }
}
