// What this client receives: one stream of somebody else, on one peer connection.

import { ErrorCode, hasCode } from './errors.js';
import { MediaSession } from './media-session.js';

/** A stream that moves shows its next pictures at the latest after this, whatever has come. */
const FIRST_MEDIA_MS = 2_000;

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

  /** What a server is told that may still have it. */
  get claim() {
    return { mid: this.mid, sid: this.id, sfuid: this.sfuid };
  }

  /** Another stream stands in for this one. @param {import('./media-info.js').Stream} stream */
  moveTo(stream) {
    this.#stream = stream;
    if (this.state === 'live') this.move();
    else if (this.id !== null || this.state === 'connecting') this.restart({ soon: true });
  }

  /** @override @param {{ type: 'offer', sdp: string }} jsep */
  async negotiate(jsep) {
    const { rid } = this.link;
    const { mid, sfuid } = this.#stream;
    const answer = await this.link.request('subscribe', { rid, mid, sfuid, jsep });
    const sid = String(answer.sid);
    return { id: sid, sfuid, jsep: answer.jsep, release: () => this.#unsubscribe({ rid, mid, sid, sfuid }) };
  }

  /** @param {object} subscription */
  async #unsubscribe(subscription) {
    try {
      await this.link.request('unsubscribe', subscription);
    } catch (error) {
      if (!hasCode(error, ErrorCode.noSuchSubscription)) throw error;
    }
  }

  /** @override @param {RTCPeerConnection} pc */
  agreed(pc) {
    if (this.pcs.length === 1) this.#show(pc);
  }

  /** @override Of one that moves, the tracks change hands when there is something to see. @param {RTCPeerConnection} pc */
  async arrived(pc) {
    if (this.pcs.length === 1) return;
    await firstMedia(pc.getReceivers().map(({ track }) => track));
    if (this.pcs.includes(pc)) this.#show(pc);
  }

  /** @param {RTCPeerConnection} pc */
  #show(pc) {
    this.#media = new MediaStream(pc.getReceivers().map(({ track }) => track));
    this.emit('media', this.#media);
  }
}

/** Waits until every track has had a packet: they are muted until then. @param {MediaStreamTrack[]} tracks */
async function firstMedia(tracks) {
  const heard = tracks.filter(({ muted }) => muted).map((track) => new Promise((resolve) => (track.onunmute = resolve)));
  await Promise.race([Promise.all(heard), new Promise((resolve) => setTimeout(resolve, FIRST_MEDIA_MS))]);
}
