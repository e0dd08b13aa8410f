// What this client sends: at most one audio and one video track on one peer connection.

import { Source } from './media-info.js';
import { MediaSession } from './media-session.js';

/**
 * @typedef {'audio' | 'video'} Kind
 *
 * @typedef {object} PublishOptions
 * @property {MediaStreamTrack | null} [audio] a kind that is left out is not part of the publication; null: silent for now
 * @property {MediaStreamTrack | null} [video]
 * @property {number} [source] one of {@link Source}: device (default) or screen
 * @property {RTCDegradationPreference} [degradationPreference] default: by source
 * @property {string} [videoCodec] such as `VP9`, `H264` or `AV1`: whoever is to see it must know it. Default: VP8, which all do
 * @property {number} [maxVideoBitrate] bit/s; default: the browser's choice
 * @property {Record<string, unknown>} [info] further members for `minfo`
 * @property {boolean} [record] whether the server records the sound; default: as it is configured
 */

export class Publication extends MediaSession {
  /** @type {Map<Kind, MediaStreamTrack | null>} */
  #tracks = new Map();
  /** Of each peer connection: there are two while it moves. @type {WeakMap<RTCPeerConnection, Map<Kind, RTCRtpSender>>} */
  #senders = new WeakMap();
  /** One stream for all tracks, so that the receivers keep them in sync. */
  #stream = new MediaStream();
  #options;
  /** What the server was told of the stream that there is now. @type {import('./media-info.js').MediaInfo | null} */
  #announced = null;

  /**
   * @param {import('./media-session.js').Link} link
   * @param {PublishOptions} options
   */
  constructor(link, options) {
    super(link);
    this.#options = options;
    for (const kind of /** @type {const} */ (['audio', 'video'])) {
      const track = options[kind];
      if (track !== undefined) this.#tracks.set(kind, track);
    }
    if (this.#tracks.size === 0) throw new TypeError('nothing to publish: neither audio nor video');
  }

  /** The server's id of the stream while it has one. */
  get mid() {
    return this.id;
  }

  get source() {
    return this.#options.source ?? Source.device;
  }

  /** @param {Kind} kind */
  has(kind) {
    return this.#tracks.has(kind);
  }

  /**
   * Sends another track, or nothing, in place of the present one of that kind. Needs no negotiation.
   *
   * @param {Kind} kind one that the publication was made with
   * @param {MediaStreamTrack | null} track
   */
  async replaceTrack(kind, track) {
    if (!this.#tracks.has(kind)) throw new TypeError(`this publication has no ${kind}`);
    this.#tracks.set(kind, track);
    await Promise.all(this.pcs.map((pc) => this.#senders.get(pc)?.get(kind)?.replaceTrack(track)));
  }

  /** Ends it: the others get `stream-remove`. */
  unpublish() {
    this.close();
  }

  /** @returns {import('./media-info.js').MediaInfo} */
  get minfo() {
    const { source } = this;
    return { ...this.#options.info, audio: this.has('audio'), video: this.has('video'), audiotype: source, videotype: source };
  }

  /** What a server is told that may still have it. */
  get claim() {
    return { mid: this.id, sfuid: this.sfuid, minfo: this.#announced };
  }

  /** @override @param {RTCPeerConnection} pc */
  prepare(pc) {
    const senders = new Map();
    for (const [kind, track] of this.#tracks) {
      const transceiver = pc.addTransceiver(track ?? kind, { direction: 'sendonly', streams: [this.#stream] });
      if (kind === 'video') this.#choose(transceiver);
      senders.set(kind, transceiver.sender);
    }
    this.#senders.set(pc, senders);
  }

  /** Offers no other codec than the one that was asked for. @param {RTCRtpTransceiver} transceiver */
  #choose(transceiver) {
    const { videoCodec } = this.#options;
    if (videoCodec === undefined) return;
    const named = (/** @type {string} */ name) => (/** @type {RTCRtpCodec} */ { mimeType }) =>
      mimeType.toLowerCase() === `video/${name.toLowerCase()}`;
    const codecs = RTCRtpSender.getCapabilities('video')?.codecs ?? [];
    const wanted = codecs.filter(named(videoCodec));
    if (wanted.length === 0) throw new TypeError(`this browser does not send ${videoCodec}`);
    transceiver.setCodecPreferences([...wanted, ...codecs.filter(named('rtx'))]);
  }

  /** @override @param {{ type: 'offer', sdp: string }} jsep */
  async negotiate(jsep) {
    const { rid } = this.link;
    // Others who receive the former stream know by it that this one takes its place.
    const minfo = { ...this.minfo, ...(this.lastId !== null && { replaces: this.lastId }) };
    const { record } = this.#options;
    const wanted = record === undefined ? {} : { record };
    const answer = await this.link.request('publish', { rid, jsep, minfo, ...wanted });
    this.#announced = minfo;
    const mid = String(answer.mid);
    const release = () => this.link.request('unpublish', { rid, mid });
    return { id: mid, sfuid: String(answer.sfuid), jsep: answer.jsep, release };
  }

  /** @override @param {RTCPeerConnection} pc */
  agreed(pc) {
    const sender = this.#senders.get(pc)?.get('video');
    if (sender) this.#tune(sender).catch(() => {}); // a wish: not every browser knows every setting
  }

  /** @param {RTCRtpSender} sender of the video */
  async #tune(sender) {
    const parameters = /** @type {RTCRtpSendParameters & { degradationPreference?: RTCDegradationPreference }} */ (
      sender.getParameters()
    );
    const { degradationPreference, maxVideoBitrate } = this.#options;
    // A screen must stay legible, a face must stay fluid and may lose some of both.
    const usual = this.source === Source.screen ? 'maintain-resolution' : 'balanced';
    parameters.degradationPreference = degradationPreference ?? usual;
    for (const encoding of parameters.encodings ?? []) {
      if (maxVideoBitrate) encoding.maxBitrate = maxVideoBitrate;
    }
    await sender.setParameters(parameters);
  }
}
