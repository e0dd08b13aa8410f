// What this client sends: at most one audio and one video track on one peer connection.

import { isEncryptable, saltToText } from './e2ee/encryption.js';
import { newSalt } from './e2ee/keys.js';
import { describeFrames, describesFrames } from './frames.js';
import { activate, encodingsFor, isOnDemand, makePlain } from './layers.js';
import { Source } from './media-info.js';
import { MediaSession } from './media-session.js';
import { adjust } from './sender.js';

/**
 * @typedef {'audio' | 'video'} Kind
 *
 * @typedef {object} PublishOptions
 * @property {MediaStreamTrack | null} [audio] a kind that is left out is not part of the publication; null: silent for now
 * @property {MediaStreamTrack | null} [video]
 * @property {number} [source] one of {@link Source}: device (default) or screen
 * @property {RTCDegradationPreference} [degradationPreference] default: by source
 * @property {string} [videoCodec] such as `VP9`, `H264` or `AV1`: whoever is to see it must know it. Default: VP8, which all do
 * @property {number} [maxVideoBitrate] bit/s, of each layer; default: the browser's choice
 * @property {boolean | import('./layers.js').Simulcast} [simulcast] a camera's picture in several sizes at once, as far as it
 *   is large enough for that and the server takes them
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
  /** What was offered for the video of each peer connection; none: one plain picture. @type {WeakMap<RTCPeerConnection, RTCRtpEncodingParameters[]>} */
  #encodings = new WeakMap();
  /** What the server says of the layers of the stream that there is now. @type {import('./layers.js').LayerWanted[]} */
  #wanted = [];
  /** Of the peer connection that is made last, where it is encrypted. @type {{ salt: Uint8Array<ArrayBuffer>, showHeaders: () => void } | null} */
  #sealed = null;
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
    encodingsFor(options.simulcast, {}); // throws at who asked for layers that are none
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

  /** Which of its layers anybody takes. @param {import('./layers.js').LayerWanted[]} wanted */
  layersWanted(wanted) {
    this.#wanted = wanted;
    const pc = this.pcs.at(-1);
    if (pc && isOnDemand(this.#options.simulcast)) this.#adjustLayers(pc);
  }

  /** @override */
  configuration() {
    const { rtc, encryption } = this.link;
    return encryption?.active ? encryption.configuration(rtc) : rtc;
  }

  /** @override @param {RTCPeerConnection} pc */
  prepare(pc) {
    this.#wanted = [];
    this.#sealed = null;
    const senders = new Map();
    for (const [kind, track] of this.#tracks) {
      const sendEncodings = kind === 'video' ? this.#layers(track) : [];
      if (kind === 'video') this.#encodings.set(pc, sendEncodings);
      const transceiver = pc.addTransceiver(track ?? kind, {
        direction: 'sendonly',
        streams: [this.#stream],
        ...(sendEncodings.length > 0 && { sendEncodings }),
      });
      if (kind === 'video') this.#choose(transceiver);
      if (this.link.encryption?.active) this.#seal(transceiver, kind);
      senders.set(kind, transceiver.sender);
    }
    this.#senders.set(pc, senders);
  }

  /** @param {MediaStreamTrack | null} track @returns {RTCRtpEncodingParameters[]} */
  #layers(track) {
    const { simulcast, maxVideoBitrate: maxBitrate, videoCodec: codec } = this.#options;
    if (this.source === Source.screen) return [];
    return encodingsFor(simulcast, track?.getSettings() ?? {}, { maxBitrate, codec });
  }

  /** @param {RTCRtpTransceiver} transceiver @param {Kind} kind */
  #seal(transceiver, kind) {
    const { encryption, uid = '' } = this.link;
    if (!encryption) return;
    if (!isEncryptable(this.#options.videoCodec)) throw new TypeError(`${this.#options.videoCodec} cannot be encrypted, VP8 and VP9 can`);
    const salt = this.#sealed?.salt ?? newSalt();
    const { showHeaders } = encryption.seal(transceiver.sender, { uid, kind, salt });
    const vp8 = kind === 'video' && this.#options.videoCodec?.toUpperCase() !== 'VP9';
    if (kind === 'video') describeFrames(transceiver);
    this.#sealed = { salt, showHeaders: vp8 ? showHeaders : (this.#sealed?.showHeaders ?? (() => {})) };
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
    // Nothing else tells AV1's layers apart.
    if (videoCodec.toUpperCase() === 'AV1') describeFrames(transceiver);
  }

  /** @override @param {{ type: 'offer', sdp: string }} jsep */
  async negotiate(jsep) {
    const { rid } = this.link;
    const sealed = this.#sealed;
    if (sealed) await this.link.encryption?.ready;
    // Others who receive the former stream know by it that this one takes its place.
    const replaces = this.lastId === null ? {} : { replaces: this.lastId };
    const minfo = { ...this.minfo, ...replaces, ...(sealed && { e2ee: saltToText(sealed.salt) }) };
    const { record } = this.#options;
    const wanted = record === undefined ? {} : { record };
    const answer = await this.link.request('publish', { rid, jsep, minfo, ...wanted });
    this.#announced = minfo;
    const mid = String(answer.mid);
    const release = () => this.link.request('unpublish', { rid, mid });
    return { id: mid, sfuid: String(answer.sfuid), jsep: answer.jsep, release };
  }

  /** @override @param {{ type: 'offer', sdp: string }} jsep */
  async mend(jsep) {
    const { rid } = this.link;
    return (await this.link.request('restart', { rid, mid: this.id, sfuid: this.sfuid, jsep })).jsep;
  }

  /** @override @param {RTCPeerConnection} pc */
  agreed(pc) {
    this.#wanted = this.link.forwarding?.takeLayers(this.id) ?? this.#wanted;
    const sender = this.#senders.get(pc)?.get('video');
    if (!sender) return;
    if (!describesFrames(pc)) this.#sealed?.showHeaders();
    adjust(sender, (parameters) => this.#tune(parameters, pc)).catch(() => {}); // a wish: not every browser knows every setting
  }

  /** @param {RTCRtpSendParameters & { degradationPreference?: RTCDegradationPreference }} parameters of the video @param {RTCPeerConnection} pc */
  #tune(parameters, pc) {
    const { degradationPreference, maxVideoBitrate, simulcast } = this.#options;
    // A screen must stay legible, a face must stay fluid and may lose some of both.
    const usual = this.source === Source.screen ? 'maintain-resolution' : 'balanced';
    parameters.degradationPreference = degradationPreference ?? usual;
    const { encodings = [] } = parameters;
    const offered = this.#encodings.get(pc) ?? [];
    const [only] = encodings;
    if (offered.length > 1 && encodings.length === 1 && only) makePlain(only, offered);
    else if (offered.length > 1 && isOnDemand(simulcast)) activate(encodings, this.#wanted);
    else if (maxVideoBitrate && offered.length === 0) for (const encoding of encodings) encoding.maxBitrate = maxVideoBitrate;
  }

  /** @param {RTCPeerConnection} pc */
  #adjustLayers(pc) {
    const sender = this.#senders.get(pc)?.get('video');
    // Before the answer, and of one plain picture, there are no layers to switch.
    const switched = (/** @type {RTCRtpSendParameters} */ { encodings }) => encodings.length > 1 && activate(encodings, this.#wanted);
    if (sender) adjust(sender, switched).catch(() => {}); // the peer connection has ended, or the browser sends them all
  }
}
