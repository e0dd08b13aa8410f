import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { agree, fakePeerConnections, FakePeerConnection, methods, settled, subscribe } from '../tests/fake-peer-connection.js';
import { RequestError } from './errors.js';
import { Publication } from './publication.js';

fakePeerConnections();

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

test('media that fails is let go of where its path cannot be mended, and tried again', async () => {
  const { session, asked } = subscribe();
  session.start();
  await settled();
  await agree(asked[0], 'me#1');
  FakePeerConnection.made[0].become('connected');
  assert.equal(session.state, 'live');
  FakePeerConnection.made[0].become('failed');
  await settled();
  asked[1].refuse(new RequestError('restart', 14, 'unknown method'));
  await settled();
  assert.equal(session.state, 'waiting');
  mock.timers.tick(1_000);
  await settled();
  assert.deepEqual(methods(asked), ['subscribe', 'restart me#1', 'unsubscribe me#1', 'subscribe']);
});

test('a path that breaks is mended in place: the same media, the same id', async () => {
  const { session, asked, media, states } = await live();
  const [pc] = FakePeerConnection.made;
  pc.become('disconnected');
  mock.timers.tick(2_000);
  pc.become('connected');
  mock.timers.tick(60_000);
  assert.deepEqual(methods(asked), ['subscribe'], 'a short break is none');
  pc.become('disconnected');
  mock.timers.tick(3_000);
  await settled();
  assert.deepEqual(asked[1].data, { rid: 'r', mid: 'a#1', sid: 'me#1', sfuid: 'f', jsep: { type: 'offer', sdp: 'v=0\r\ns=restart\r\n' } });
  asked[1].answer({ jsep: { type: 'answer', sdp: 'mended' } });
  await settled();
  assert.equal(pc.remoteDescription.sdp, 'mended');
  pc.become('connected');
  mock.timers.tick(60_000);
  assert.deepEqual([session.id, media, states.at(-1)], ['me#1', ['me#1'], 'live']);
});

test('in another network the path is renewed at once, and nothing is lost where the server cannot', async () => {
  const { session, asked } = await live();
  session.networkChanged();
  await settled();
  asked[1].refuse(new RequestError('restart', 14, 'unknown method'));
  await settled();
  mock.timers.tick(60_000);
  assert.deepEqual(methods(asked), ['subscribe', 'restart me#1']);
  assert.deepEqual([session.state, FakePeerConnection.made[0].descriptions.at(-1)], ['live', 'rollback']);
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

test('media whose path fails while the room is away is mended at its return', async () => {
  const { session, asked } = await live();
  session.hold();
  FakePeerConnection.made[0].become('failed');
  mock.timers.tick(60_000);
  await settled();
  assert.deepEqual([session.isHeld, session.claim.sid, methods(asked)], [true, 'me#1', ['subscribe']]);
  session.resumed(true);
  await settled();
  assert.deepEqual(methods(asked), ['subscribe', 'restart me#1']);
});

test('media that ends while the room is away waits for its return', async () => {
  const { session, asked } = await live();
  session.hold();
  FakePeerConnection.made[0].become('failed', 'connected');
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
