// What this client receives: one stream of somebody else, on one peer connection.

import { saltOf } from './e2ee/encryption.js';
import { ErrorCode, hasCode } from './errors.js';
import { describeFrames } from './frames.js';
import { MediaSession } from './media-session.js';
import { Preference } from './preference.js';
import { QualityWatch, reading } from './quality.js';

/** A stream that moves shows its next pictures at the latest after this, whatever has come. */
const FIRST_MEDIA_MS = 2_000;

export class Subscription extends MediaSession {
  #stream;
  /** @type {MediaStream | null} */
  #media = null;
  #preference;
  #paused = false;
  #quality;
  /** @type {import('./e2ee/transform.js').Opening | null} */
  #opening = null;

  /**
   * @param {import('./media-session.js').Link} link
   * @param {import('./media-info.js').Stream} stream
   * @param {{ prefer?: import('./preference.js').Prefer }} [options]
   */
  constructor(link, stream, { prefer = {} } = {}) {
    super(link);
    this.#stream = stream;
    this.#preference = new Preference((wanted) => this.#tellPreference(wanted));
    this.#preference.set(prefer);
    this.#quality = new QualityWatch(
      () => this.#read(),
      (quality) => this.emit('quality', quality),
    );
    this.on('state', (state) => state === 'closed' && this.#rest());
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

  /** Whether the server sends no picture for want of bandwidth; sound goes on. */
  get paused() {
    return this.#paused;
  }

  /** How well it arrives; 'good' until there is something to say. */
  get quality() {
    return this.#quality.quality;
  }

  /** Whether it can be decrypted; null where it is not encrypted, and need not be, or nothing has come yet. */
  get encryption() {
    return this.#opening;
  }

  /**
   * What the receiver would like of it, in place of what was said before: told to the server once it has settled. An
   * older server sends what there is.
   *
   * @param {import('./preference.js').Prefer} prefer
   */
  prefer(prefer) {
    this.#preference.set(prefer);
  }

  /** The server has stopped the picture, or gone on with it. @param {boolean} paused */
  pausedByServer(paused) {
    if (this.#paused === paused) return;
    this.#paused = paused;
    this.emit(paused ? 'paused' : 'resumed', null);
    void this.#quality.look();
  }

  /** Ends it. */
  unsubscribe() {
    this.close();
  }

  /** @override @param {RTCPeerConnection} pc */
  prepare(pc) {
    const { audio, video } = this.#stream.minfo;
    // A stream that claims to hold neither is asked for both: its publisher may just not say.
    if (audio || !video) this.#receive(pc, 'audio');
    if (video || !audio) this.#receive(pc, 'video');
  }

  /** @override */
  configuration() {
    const { rtc, encryption } = this.link;
    return encryption && this.#isSealed ? encryption.configuration(rtc) : rtc;
  }

  /** An encrypted stream is never shown as it comes, nor any other where there is a key. */
  get #isSealed() {
    return this.#stream.minfo.e2ee !== undefined || this.link.encryption?.active === true;
  }

  /** @param {RTCPeerConnection} pc @param {'audio' | 'video'} kind */
  #receive(pc, kind) {
    const transceiver = pc.addTransceiver(kind, { direction: 'recvonly' });
    // It comes where the publisher sends it.
    if (kind === 'video') describeFrames(transceiver);
    if (!this.#isSealed) return;
    const { uid, minfo } = this.#stream;
    const salt = saltOf(minfo.e2ee);
    this.link.encryption?.open(transceiver.receiver, salt && { uid, kind, salt }, (opening) => {
      if (this.pcs.includes(pc)) this.#opened(opening);
    });
  }

  /** @param {import('./e2ee/transform.js').Opening} opening */
  #opened(opening) {
    if (opening === this.#opening) return;
    this.#opening = opening;
    this.emit('encryption', opening);
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
    const prefer = this.#preference.wanted;
    const wish = Object.keys(prefer).length > 0 ? { prefer } : {};
    const answer = await this.link.request('subscribe', { rid, mid, sfuid, jsep, ...wish });
    this.#preference.told(prefer);
    const sid = String(answer.sid);
    return { id: sid, sfuid, jsep: answer.jsep, release: () => this.#unsubscribe({ rid, mid, sid, sfuid }) };
  }

  /** @override @param {{ type: 'offer', sdp: string }} jsep */
  async mend(jsep) {
    const { mid, sid, sfuid } = this.claim;
    return (await this.link.request('restart', { rid: this.link.rid, mid, sid, sfuid, jsep })).jsep;
  }

  /** @override @param {boolean} alive */
  resumed(alive) {
    super.resumed(alive);
    this.#preference.flush();
  }

  /** @param {import('./preference.js').Prefer} prefer @returns {Promise<unknown> | null} */
  #tellPreference(prefer) {
    const { mid, sid, sfuid } = this.claim;
    if (sid === null || this.isHeld || this.link.isJoined?.() === false) return null;
    return this.link.request('prefer', { rid: this.link.rid, mid, sid, sfuid, prefer });
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
    this.pausedByServer(this.link.forwarding?.takePause(this.id) ?? false);
    this.#preference.flush();
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

  /** @returns {Promise<import('./quality.js').Reading | null>} */
  async #read() {
    const { pc } = this;
    if (!this.#media) return null;
    const report = pc ? /** @type {any} */ (await pc.getStats()).values() : [];
    return reading(report, { at: performance.now(), connected: pc?.connectionState === 'connected', paused: this.#paused });
  }

  #rest() {
    this.#preference.close();
    this.#quality.close();
  }
}

/** Waits until every track has had a packet: they are muted until then. @param {MediaStreamTrack[]} tracks */
async function firstMedia(tracks) {
  const heard = tracks.filter(({ muted }) => muted).map((track) => new Promise((resolve) => (track.onunmute = resolve)));
  await Promise.race([Promise.all(heard), new Promise((resolve) => setTimeout(resolve, FIRST_MEDIA_MS))]);
}
