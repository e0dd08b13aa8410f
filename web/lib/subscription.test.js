import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { agree, fakePeerConnections, FakePeerConnection, settled, subscribe } from '../tests/fake-peer-connection.js';
import { RequestError } from './errors.js';
import { Forwarding } from './forwarding.js';

fakePeerConnections();

async function live(wanted) {
  const { session, asked } = subscribe(wanted);
  const events = [];
  for (const name of ['paused', 'resumed', 'quality', 'encryption']) session.on(name, (detail) => events.push([name, detail].filter(Boolean).join(' ')));
  session.start();
  await settled();
  await agree(asked[0], 'me#1');
  FakePeerConnection.made[0].become('connected');
  await settled();
  return { session, asked, events };
}

test('what is preferred goes with the subscribe, and a change of it after it, once', async () => {
  const { session, asked } = await live({ options: { prefer: { maxHeight: 360 } } });
  assert.deepEqual(asked[0].data.prefer, { maxHeight: 360 });
  mock.timers.tick(1_000);
  for (const maxHeight of [100, 180]) session.prefer({ maxHeight, priority: 5 });
  mock.timers.tick(1_000);
  assert.deepEqual(asked.slice(1).map(({ method, data }) => [method, data]), [
    ['prefer', { rid: 'r', mid: 'a#1', sid: 'me#1', sfuid: 'f', prefer: { maxHeight: 180, priority: 5 } }],
  ]);
  session.close();
});

test('a subscription without a wish says nothing of any', async () => {
  const { session, asked } = await live();
  mock.timers.tick(60_000);
  assert.equal('prefer' in asked[0].data, false);
  assert.equal(asked.length, 1);
  session.close();
});

test('a wish while the room is away is told at its return, and to an older server it is no harm', async () => {
  const { session, asked } = await live();
  session.hold();
  session.prefer({ priority: 9 });
  mock.timers.tick(10_000);
  assert.equal(asked.length, 1);
  session.resumed(true);
  mock.timers.tick(1_000);
  assert.equal(asked[1].method, 'prefer');
  asked[1].refuse(new RequestError('prefer', 14, 'unknown method'));
  await settled();
  mock.timers.tick(60_000);
  assert.deepEqual([session.state, asked.length], ['live', 2]);
  session.close();
});

test('a picture that is paused, and comes again', async () => {
  const { session, events } = await live();
  session.pausedByServer(true);
  session.pausedByServer(true);
  assert.equal(session.paused, true);
  session.pausedByServer(false);
  assert.deepEqual(events.filter((event) => /paused|resumed/.test(event)), ['paused', 'resumed']);
  session.close();
});

test('a pause that is told before the answer holds, and not for the next subscription', async () => {
  const forwarding = new Forwarding({ publications: [], subscriptions: [] });
  for (let other = 0; other < 60; other += 1) forwarding.heard('stream-paused', { sid: `x#${other}` });
  forwarding.heard('stream-paused', { sid: 'me#1' });
  const { session } = await live({ link: { forwarding } });
  assert.equal(session.paused, true);
  session.restart({ soon: true });
  mock.timers.tick(0);
  await settled();
  session.close();
  assert.equal(forwarding.takePause('me#1'), undefined);
  forwarding.heard('stream-paused', { sid: 'me#2' });
  for (let other = 0; other < 100; other += 1) forwarding.heard('stream-resumed', { sid: `x#${other}` });
  assert.equal(forwarding.takePause('me#2'), undefined, 'what strangers say is not kept without end');
});

test('the quality is read while it lives, and told when it changes', async () => {
  const { session, events } = await live();
  const [pc] = FakePeerConnection.made;
  pc.getStats = async () => new Map([['v', { type: 'inbound-rtp', packetsReceived: 50, packetsLost: 0 }]]);
  mock.timers.tick(2_000);
  await settled();
  assert.equal(session.quality, 'good');
  pc.connectionState = 'disconnected';
  mock.timers.tick(2_000);
  await settled();
  assert.deepEqual(events, ['quality lost']);
  session.close();
  mock.timers.tick(60_000);
  assert.equal(session.quality, 'lost');
});

/** @param {boolean} active */
function fakeEncryption(active) {
  const opened = [];
  return { opened, active, configuration: (rtc) => ({ ...rtc, opened: true }), open: (receiver, track, tell) => opened.push({ receiver, track, tell }) };
}

const salt = btoa('0123456789abcdef');

test('an encrypted stream is opened as its publisher says, whether or not there is a key yet', async () => {
  for (const active of [true, false]) {
    FakePeerConnection.made = [];
    const encryption = fakeEncryption(active);
    const { session, events } = await live({ link: { encryption }, minfo: { e2ee: { salt } } });
    assert.equal(FakePeerConnection.made[0].configuration.opened, true);
    assert.deepEqual(encryption.opened.map(({ track }) => [track.uid, track.kind, track.salt.length]), [['a', 'audio', 16], ['a', 'video', 16]]);
    for (const { tell } of encryption.opened) tell('wrong-key');
    encryption.opened[0].tell('open');
    assert.deepEqual(events, ['encryption wrong-key', 'encryption open']);
    assert.equal(session.encryption, 'open');
    session.close();
  }
});

test('where there is a key, a stream without encryption, or with a nonsensical one, is not taken for a sealed one', async () => {
  for (const minfo of [{}, { e2ee: 7 }, { e2ee: { salt: '~' } }]) {
    FakePeerConnection.made = [];
    const encryption = fakeEncryption(true);
    const { session } = await live({ link: { encryption }, minfo });
    assert.deepEqual(encryption.opened.map(({ track }) => track), [null, null]);
    session.close();
  }
});

test('without key and encryption nothing stands in the way', async () => {
  const encryption = fakeEncryption(false);
  const { session } = await live({ link: { encryption } });
  assert.deepEqual([encryption.opened, FakePeerConnection.made[0].configuration], [[], {}]);
  session.close();
});
