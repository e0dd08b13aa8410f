// As much of a peer connection as the sessions of the library touch, and a server that answers when a test says so.

import { afterEach, beforeEach, mock } from 'node:test';
import { Publication } from '../lib/publication.js';
import { Subscription } from '../lib/subscription.js';

export class FakePeerConnection {
  static made = [];
  connectionState = 'new';
  iceConnectionState = 'new';
  onconnectionstatechange = null;
  remoteDescription = null;
  /** Types of the local descriptions, in order. */
  descriptions = [];
  tracks = [];
  transceivers = [];

  constructor(configuration) {
    this.configuration = configuration;
    FakePeerConnection.made.push(this);
  }

  addTransceiver(kind, init) {
    const sender = new FakeSender(init?.sendEncodings ?? [{}], this.tracks);
    const transceiver = { kind, init, sender, receiver: { track: { kind, muted: false } }, setCodecPreferences() {} };
    this.transceivers.push(transceiver);
    return transceiver;
  }
  getReceivers() {
    return [];
  }
  async createOffer({ iceRestart } = {}) {
    return { type: 'offer', sdp: iceRestart ? 'v=0\r\ns=restart\r\n' : 'v=0\r\n' };
  }
  async setLocalDescription({ type }) {
    this.descriptions.push(type);
  }
  /** A server without simulcast leaves the first of the layers. */
  async setRemoteDescription(answer) {
    this.remoteDescription = answer;
    if (answer.sdp.includes('a=simulcast:recv')) return;
    for (const { sender } of this.transceivers) sender.encodings.splice(1);
  }
  async getStats() {
    return new Map();
  }
  close() {
    this.connectionState = 'closed';
  }
  become(state, ice = state) {
    Object.assign(this, { connectionState: state, iceConnectionState: ice });
    this.onconnectionstatechange?.();
  }
}

class FakeSender {
  encodings;
  #tracks;
  /** As in browsers: who writes must have read last. */
  #reads = 0;

  constructor(encodings, tracks) {
    this.encodings = structuredClone(encodings);
    this.#tracks = tracks;
  }
  getParameters() {
    return { encodings: structuredClone(this.encodings), transactionId: ++this.#reads };
  }
  async setParameters({ encodings, transactionId }) {
    if (transactionId !== this.#reads) throw new DOMException('read again', 'InvalidStateError');
    await settled();
    if (transactionId !== this.#reads) throw new DOMException('somebody else has read', 'InvalidStateError');
    this.encodings = structuredClone(encodings);
    this.#reads += 1;
  }
  async replaceTrack(track) {
    this.#tracks.push(track);
  }
}

/** So that what waits for an answer has gone on. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

/** For the tests of this file: fakes, and time that stands still. */
export function fakePeerConnections() {
  const real = { RTCPeerConnection: globalThis.RTCPeerConnection, MediaStream: globalThis.MediaStream };
  beforeEach(() => {
    FakePeerConnection.made = [];
    Object.assign(globalThis, { RTCPeerConnection: FakePeerConnection, MediaStream: class {} });
    mock.timers.enable({ apis: ['setTimeout'] });
  });
  afterEach(() => {
    Object.assign(globalThis, real);
    mock.timers.reset();
  });
}

export function fakeServer() {
  const asked = [];
  const request = (method, data) => new Promise((answer, refuse) => asked.push({ method, data, answer, refuse }));
  return { asked, request };
}

export function subscribe({ options = {}, link = {}, minfo = {} } = {}) {
  const { asked, request } = fakeServer();
  const stream = { rid: 'r', uid: 'a', mid: 'a#1', sfuid: 'f', minfo: { audio: true, video: true, audiotype: 0, videotype: 0, ...minfo } };
  const session = new Subscription({ rid: 'r', rtc: {}, request, ...link }, stream, options);
  return { session, asked };
}

export function publish({ options = {}, link = {} } = {}) {
  const { asked, request } = fakeServer();
  const session = new Publication({ rid: 'r', rtc: {}, request, ...link }, options);
  return { session, asked };
}

/** @param {{ method: string, answer: Function }} request */
export const agree = async (request, id, sdp = '') => {
  request.answer({ sid: id, mid: id, sfuid: 'f', jsep: { type: 'answer', sdp } });
  await settled();
};

export const methods = (asked) => asked.map(({ method, data }) => [method, data.sid].filter(Boolean).join(' '));
