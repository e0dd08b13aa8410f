import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { RequestError } from './errors.js';
import { Publication } from './publication.js';
import { Subscription } from './subscription.js';

/** As much of a peer connection as a session touches. */
class FakePeerConnection {
  static made = [];
  connectionState = 'new';
  onconnectionstatechange = null;

  constructor() {
    FakePeerConnection.made.push(this);
  }

  addTransceiver() {
    return { sender: { getParameters: () => ({}), setParameters: async () => {}, replaceTrack: async (track) => this.tracks.push(track) } };
  }
  tracks = [];
  getReceivers() {
    return [];
  }
  async createOffer() {
    return { type: 'offer', sdp: 'v=0\r\n' };
  }
  async setLocalDescription() {}
  async setRemoteDescription() {}
  close() {
    this.connectionState = 'closed';
  }
  become(state) {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
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

function subscribe() {
  const asked = [];
  const request = (method, data) => new Promise((answer, refuse) => asked.push({ method, data, answer, refuse }));
  const stream = { rid: 'r', uid: 'a', mid: 'a#1', sfuid: 'f', minfo: { audio: true, video: true, audiotype: 0, videotype: 0 } };
  const session = new Subscription({ rid: 'r', rtc: {}, request }, stream);
  return { session, asked };
}

/** @param {{ method: string, answer: Function }} request */
const agree = async (request, sid) => {
  request.answer({ sid, mid: sid, sfuid: 'f', jsep: { type: 'answer', sdp: '' } });
  await settled();
};

const methods = (asked) => asked.map(({ method, data }) => [method, data.sid].filter(Boolean).join(' '));

test('closed while the server is at it: what comes late is given back', async () => {
  const { session, asked } = subscribe();
  session.start();
  await settled();
  session.close();
  await agree(asked[0], 'me#1');
  assert.deepEqual(methods(asked), ['subscribe', 'unsubscribe me#1']);
  assert.equal(session.state, 'closed');
  await assert.rejects(session.ready);
});

test('the stream ends while it is subscribed: closed, whatever the answer', async () => {
  const { session, asked } = subscribe();
  session.start();
  await settled();
  session.ended();
  asked[0].refuse(new RequestError('subscribe', 8, 'no such stream'));
  await settled();
  assert.deepEqual(methods(asked), ['subscribe']);
  assert.equal(session.state, 'closed');
});

test('the room goes and comes while it is under way: the old try is void, the new one counts', async () => {
  const { session, asked } = subscribe();
  session.start();
  await settled();
  session.hold();
  session.start();
  await settled();
  await agree(asked[1], 'me#2');
  await agree(asked[0], 'me#1');
  assert.equal(session.id, 'me#2');
  assert.deepEqual(methods(asked), ['subscribe', 'subscribe', 'unsubscribe me#1']);
  assert.equal(FakePeerConnection.made.length, 2);
  assert.equal(FakePeerConnection.made[0].connectionState, 'closed');
});

test('media that fails is let go of, and tried again', async () => {
  const { session, asked } = subscribe();
  session.start();
  await settled();
  await agree(asked[0], 'me#1');
  FakePeerConnection.made[0].become('connected');
  assert.equal(session.state, 'live');
  FakePeerConnection.made[0].become('failed');
  assert.equal(session.state, 'waiting');
  mock.timers.tick(1_000);
  await settled();
  assert.deepEqual(methods(asked), ['subscribe', 'unsubscribe me#1', 'subscribe']);
});

test('a short break of the media is none; a long one starts over', async () => {
  const { session, asked } = subscribe();
  session.start();
  await settled();
  await agree(asked[0], 'me#1');
  const [pc] = FakePeerConnection.made;
  pc.become('connected');
  pc.become('disconnected');
  mock.timers.tick(5_000);
  pc.become('connected');
  mock.timers.tick(60_000);
  assert.equal(session.id, 'me#1');
  pc.become('disconnected');
  mock.timers.tick(7_000);
  assert.equal(session.id, null);
});

test('media that never comes starts over', async () => {
  const { session, asked } = subscribe();
  session.start();
  await settled();
  await agree(asked[0], 'me#1');
  mock.timers.tick(15_000);
  assert.deepEqual(methods(asked), ['subscribe', 'unsubscribe me#1']);
});

test('an SFU that is not there is tried again with growing pauses; a refusal is final', async () => {
  const { session, asked } = subscribe();
  const failures = [];
  session.on('failed', (error) => failures.push(error.code));
  session.start();
  for (let tries = 0; tries < 3; tries += 1) {
    await settled();
    asked.at(-1).refuse(new RequestError('subscribe', 10, 'no SFU available'));
    await settled();
    assert.equal(session.state, 'waiting');
    mock.timers.tick(400 * 2 ** tries);
  }
  await settled();
  assert.equal(asked.length, 4);
  asked.at(-1).refuse(new RequestError('subscribe', 6, 'no shared codec'));
  await settled();
  assert.equal(session.state, 'closed');
  assert.deepEqual(failures, [6]);
});

async function live() {
  const { session, asked } = subscribe();
  const media = [];
  const states = [];
  session.on('media', () => media.push(session.id));
  session.on('state', (state) => states.push(state));
  session.start();
  await settled();
  await agree(asked[0], 'me#1');
  FakePeerConnection.made[0].become('connected');
  await settled();
  return { session, asked, media, states };
}

test('media outlives the connection to the server, and the server still has it', async () => {
  const { session, asked, states } = await live();
  session.hold();
  session.start();
  await settled();
  assert.deepEqual([session.isHeld, session.claim], [true, { mid: 'a#1', sid: 'me#1', sfuid: 'f' }]);
  session.resumed(true);
  assert.equal(FakePeerConnection.made.length, 1);
  assert.equal(asked.length, 1);
  assert.deepEqual(states, ['connecting', 'live'], 'nothing to be seen of it');
});

test('media that the server has lost starts over', async () => {
  const { session, asked } = await live();
  session.hold();
  session.resumed(false);
  await settled();
  assert.deepEqual(methods(asked), ['subscribe', 'subscribe'], 'there is nothing to take back');
  assert.equal(FakePeerConnection.made[0].connectionState, 'closed');
});

test('media that fails while the room is away waits for its return', async () => {
  const { session, asked } = await live();
  session.hold();
  FakePeerConnection.made[0].become('failed');
  mock.timers.tick(60_000);
  await settled();
  assert.deepEqual([session.state, session.isHeld], ['waiting', false]);
  session.start();
  await settled();
  assert.equal(asked.filter(({ method }) => method === 'subscribe').length, 2);
});

test('a stream that moves has its next pictures before the former ones end', async () => {
  const { session, asked, media, states } = await live();
  session.moveTo({ ...session.stream, mid: 'a#2', sfuid: 'g' });
  await settled();
  const [former, next] = FakePeerConnection.made;
  assert.equal(asked[1].data.mid, 'a#2');
  await agree(asked[1], 'me#2');
  assert.deepEqual(media, ['me#1'], 'not before something came');
  next.become('connected');
  await settled();
  assert.deepEqual([media, states.at(-1)], [['me#1', 'me#2'], 'live']);
  assert.equal(former.connectionState, 'connected');
  mock.timers.tick(3_000);
  assert.equal(former.connectionState, 'closed');
  assert.deepEqual(asked[2].data, { rid: 'r', mid: 'a#1', sid: 'me#1', sfuid: 'f' });
});

test('a move that fails is tried again, and the former media goes on; a lost room takes it back', async () => {
  const { session, asked } = await live();
  session.moveTo({ ...session.stream, mid: 'a#2' });
  await settled();
  asked[1].refuse(new RequestError('subscribe', 10, 'no SFU available'));
  await settled();
  assert.equal(session.state, 'live');
  mock.timers.tick(1_000);
  await settled();
  assert.equal(asked.length, 3);
  session.hold();
  assert.deepEqual([session.id, session.isHeld], ['me#1', true]);
  await agree(asked[2], 'me#2');
  assert.equal(asked.at(-1).data.sid, 'me#2', 'what comes late is given back');
  mock.timers.tick(60_000);
  assert.equal(FakePeerConnection.made[0].connectionState, 'connected');
});

test('a publication says what it takes the place of, and its tracks change on both sides', async () => {
  const asked = [];
  const request = (method, data) => new Promise((answer, refuse) => asked.push({ method, data, answer, refuse }));
  const publication = new Publication({ rid: 'r', rtc: {}, request }, { audio: null });
  const moved = [];
  publication.on('moved', ({ from }) => moved.push(from));
  publication.start();
  await settled();
  assert.equal(asked[0].data.minfo.replaces, undefined);
  await agree(asked[0], 'me#1');
  FakePeerConnection.made[0].become('connected');
  await settled();
  publication.move();
  await settled();
  assert.equal(asked[1].data.minfo.replaces, 'me#1');
  await publication.replaceTrack('audio', null);
  assert.deepEqual(FakePeerConnection.made.map(({ tracks }) => tracks.length), [1, 1]);
  await agree(asked[1], 'me#2');
  FakePeerConnection.made[1].become('connected');
  await settled();
  assert.deepEqual([moved, publication.mid], [['me#1'], 'me#2']);
  mock.timers.tick(3_000);
  assert.deepEqual([asked[2].method, asked[2].data.mid], ['unpublish', 'me#1']);
  assert.deepEqual(publication.claim, { mid: 'me#2', sfuid: 'f', minfo: asked[1].data.minfo });
});
