import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { agree, fakePeerConnections, FakePeerConnection, fakeServer, publish, settled } from '../tests/fake-peer-connection.js';
import { Forwarding } from './forwarding.js';
import { DEPENDENCY_DESCRIPTOR } from './frames.js';
import { Source } from './media-info.js';
import { Publication } from './publication.js';

fakePeerConnections();

const camera = (width, height) => ({ kind: 'video', getSettings: () => ({ width, height }) });
const AGREED = 'a=simulcast:recv q;h;f\r\n';

async function published(options, { sdp = '', link } = {}) {
  const { session, asked } = publish({ options, link });
  session.start();
  await settled();
  await agree(asked[0], 'me#1', sdp);
  await settled();
  const [pc] = FakePeerConnection.made;
  const sender = () => pc.transceivers.find(({ init }) => init.sendEncodings)?.sender ?? pc.transceivers[0].sender;
  const layers = () => sender().encodings.map(({ rid, active }) => `${rid}:${active ? 'on' : 'off'}`).join(' ');
  return { session, asked, pc, sender, layers };
}

test('a camera is sent in three sizes, and those that nobody takes are not', async () => {
  const { session, layers } = await published({ video: camera(1280, 720), simulcast: true }, { sdp: AGREED });
  assert.equal(layers(), 'q:on h:on f:on');
  session.layersWanted([{ rid: 'q', wanted: true }, { rid: 'h', wanted: false }, { rid: 'f', wanted: false }]);
  await settled();
  await settled();
  assert.equal(layers(), 'q:on h:off f:off');
  session.layersWanted([{ rid: 'q', wanted: false }, { rid: 'h', wanted: false }, { rid: 'f', wanted: true }]);
  session.layersWanted([{ rid: 'q', wanted: false }, { rid: 'h', wanted: true }, { rid: 'f', wanted: true }]);
  for (let turns = 0; turns < 4; turns += 1) await settled();
  assert.equal(layers(), 'q:off h:on f:on', 'one after the other, the last one counts');
});

test('layers are all sent where that is wanted', async () => {
  const { session, layers } = await published({ video: camera(1280, 720), simulcast: { onDemand: false } }, { sdp: AGREED });
  session.layersWanted([{ rid: 'f', wanted: false }]);
  await settled();
  await settled();
  assert.equal(layers(), 'q:on h:on f:on');
});

test('what the server says of the layers before its own answer is not lost', async () => {
  const forwarding = new Forwarding({ publications: [], subscriptions: [] });
  forwarding.heard('stream-layers', { mid: 'me#1', layers: [{ rid: 'f', wanted: false }] });
  const made = await published({ video: camera(1280, 720), simulcast: true }, { sdp: AGREED, link: { forwarding } });
  assert.equal(made.layers(), 'q:on h:on f:off');
});

test('a server without simulcast gets one whole picture', async () => {
  const { sender } = await published({ video: camera(1280, 720), simulcast: true, degradationPreference: 'balanced' });
  assert.deepEqual(sender().encodings.map(({ scaleResolutionDownBy, maxBitrate }) => [scaleResolutionDownBy, maxBitrate]), [[1, 1_500_000]]);
});

test('a screen and a small picture are sent plainly, and a bound of the bitrate holds', async () => {
  const screen = await published({ video: camera(1920, 1080), simulcast: true, source: Source.screen, maxVideoBitrate: 1 });
  assert.equal(screen.pc.transceivers[0].init.sendEncodings, undefined);
  assert.equal(screen.sender().encodings[0].maxBitrate, 1);
  FakePeerConnection.made = [];
  const small = await published({ video: camera(320, 240), simulcast: true });
  assert.equal(small.pc.transceivers[0].init.sendEncodings, undefined);
});

test('layers without proper names are refused at once', () => {
  const { request } = fakeServer();
  const layers = [{ rid: 'a b' }, { rid: 'c' }];
  assert.throws(() => new Publication({ rid: 'r', rtc: {}, request }, { video: null, simulcast: { layers } }), /layers/);
});

test('a path that breaks is mended under the same id', async () => {
  const { asked, pc } = await published({ audio: null });
  pc.become('failed');
  await settled();
  assert.deepEqual([asked[1].method, asked[1].data.mid, asked[1].data.sid], ['restart', 'me#1', undefined]);
});

/** What a publication and the encryption say to each other. */
function fakeEncryption() {
  const sealed = [];
  const shown = [];
  const encryption = {
    active: true,
    ready: Promise.resolve(),
    configuration: (rtc) => ({ ...rtc, sealed: true }),
    seal: (sender, track) => {
      sealed.push(track);
      return { showHeaders: () => shown.push(track.kind) };
    },
  };
  return { encryption, sealed, shown };
}

test('all that is sent is sealed before it is offered, and the others are told how', async () => {
  const { encryption, sealed, shown } = fakeEncryption();
  const { asked, pc } = await published({ audio: null, video: null }, { link: { encryption, uid: 'me' }, sdp: `a=extmap:5 ${DEPENDENCY_DESCRIPTOR}\r\n` });
  assert.equal(pc.configuration.sealed, true);
  assert.deepEqual(sealed.map(({ uid, kind }) => [uid, kind]), [['me', 'audio'], ['me', 'video']]);
  assert.equal(sealed[0].salt, sealed[1].salt);
  assert.equal(asked[0].data.minfo.e2ee.salt, btoa(String.fromCharCode(...sealed[0].salt)));
  assert.deepEqual(shown, [], 'nothing stays clear where frames are described');
});

test('where frames are not described, the first bytes of the picture stay clear; of the sound never', async () => {
  const { encryption, shown } = fakeEncryption();
  await published({ audio: null, video: null }, { link: { encryption, uid: 'me' } });
  assert.deepEqual(shown, ['video']);
  const sound = fakeEncryption();
  await published({ audio: null }, { link: { encryption: sound.encryption, uid: 'me' } });
  assert.deepEqual(sound.shown, []);
});

test('each peer connection has a salt of its own', async () => {
  const { encryption, sealed } = fakeEncryption();
  const { session } = await published({ audio: null }, { link: { encryption, uid: 'me' } });
  session.restart({ soon: true });
  mock.timers.tick(0);
  await settled();
  assert.equal(sealed.length, 2);
  assert.notDeepEqual(sealed[0].salt, sealed[1].salt);
});

test('a codec whose packets need the content, and a key that is none, publish nothing', async () => {
  const { request, asked } = fakeServer();
  const failures = [];
  const noKey = Promise.reject(new TypeError('the passphrase is empty'));
  noKey.catch(() => {});
  for (const [options, ready] of [[{ video: null, videoCodec: 'H264' }, Promise.resolve()], [{ audio: null }, noKey]]) {
    globalThis.RTCRtpSender = { getCapabilities: () => ({ codecs: [{ mimeType: 'video/H264' }] }) };
    const publication = new Publication({ rid: 'r', rtc: {}, uid: 'me', request, encryption: { ...fakeEncryption().encryption, ready } }, options);
    publication.on('failed', ({ message }) => failures.push(message));
    publication.start();
    await settled();
    await settled();
    assert.equal(publication.state, 'closed');
  }
  delete globalThis.RTCRtpSender;
  assert.equal(asked.length, 0);
  assert.match(failures.join(), /H264 cannot be encrypted.*passphrase is empty/);
});
