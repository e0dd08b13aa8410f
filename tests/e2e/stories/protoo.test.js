// The signalling as the npm protoo-client sees it: every request, every notification, every error code.

import assert from 'node:assert/strict';
import { after, before, afterEach, test } from 'node:test';
import { minfo, publisherOffer, strangeOffer, subscriberOffer } from '../fixtures/offers.js';
import { ProtooUser } from '../harness/protoo.js';
import { Server } from '../harness/server.js';
import { until } from '../harness/until.js';

/** @type {Server} */
let server;
const users = [];
let rooms = 0;

before(async () => {
  server = await Server.start();
});
after(() => server.stop());
afterEach(() => users.splice(0).forEach((user) => user.close()));

const newRoom = () => `protoo ${(rooms += 1)} /*.>#:{}`;

/** @param {string} uid */
async function connect(uid) {
  const user = await ProtooUser.connect(server.socketUrl(uid), uid);
  users.push(user);
  return user;
}

/** @param {string} uid @param {string} rid */
async function join(uid, rid) {
  const user = await connect(uid);
  await user.request('join', { rid });
  return user;
}

test('join answers with the others and what they publish, and tells the others', async () => {
  const rid = newRoom();
  const ada = await connect('ada');
  assert.deepEqual(await ada.request('join', { rid }), { users: [], pubs: [] });
  const { mid, sfuid } = await ada.request('publish', { rid, jsep: publisherOffer, minfo });
  const grace = await connect('grace');
  const lists = await grace.request('join', { rid });
  const [{ signalid }] = lists.users;
  assert.equal(typeof signalid, 'string');
  assert.deepEqual(lists, { users: [{ rid, uid: 'ada', signalid }], pubs: [{ rid, uid: 'ada', mid, sfuid, minfo }] });
  assert.deepEqual(await ada.hears('peer-join'), { rid, uid: 'grace', bizid: signalid, signalid });
  assert.deepEqual(await grace.request('getusers', { rid }), { users: lists.users });
  assert.deepEqual(await grace.request('getpubs', { rid }), { pubs: lists.pubs });
  assert.deepEqual(await grace.request('join', { rid }), lists, 'joining twice does no harm');
});

test('publish, subscribe, unsubscribe, unpublish', async () => {
  const rid = newRoom();
  const ada = await join('ada', rid);
  const grace = await join('grace', rid);
  const published = await ada.request('publish', { rid, jsep: publisherOffer, minfo });
  assert.equal(published.jsep.type, 'answer');
  assert.match(published.mid, /^ada#.+/);
  assert.match(published.jsep.sdp, /a=ice-lite/);
  assert.match(published.jsep.sdp, /opus\/48000\/2/);
  assert.match(published.jsep.sdp, /VP8\/90000/);
  assert.match(published.jsep.sdp, /a=recvonly/);
  const { mid, sfuid } = published;
  assert.deepEqual(await grace.hears('stream-add'), { rid, uid: 'ada', mid, sfuid, minfo });
  const subscribed = await grace.request('subscribe', { rid, mid, sfuid, jsep: subscriberOffer });
  assert.equal(subscribed.jsep.type, 'answer');
  assert.match(subscribed.sid, /^grace#.+/);
  assert.match(subscribed.jsep.sdp, /a=sendonly/);
  assert.deepEqual(await grace.request('unsubscribe', { rid, mid, sid: subscribed.sid, sfuid }), {});
  assert.deepEqual(await ada.request('unpublish', { rid, mid, sfuid }), {});
  assert.deepEqual(await grace.hears('stream-remove'), { rid, uid: 'ada', mid });
  assert.equal(ada.heard.some(({ method }) => method.startsWith('stream')), false, 'nobody hears of what he did himself');
});

test('sfuid may be left out, or be one that never was', async () => {
  const rid = newRoom();
  const ada = await join('ada', rid);
  const grace = await join('grace', rid);
  const { mid } = await ada.request('publish', { rid, jsep: publisherOffer, minfo });
  const { sid } = await grace.request('subscribe', { rid, mid, jsep: subscriberOffer });
  await grace.request('unsubscribe', { rid, mid, sid });
  await grace.request('subscribe', { rid, mid, jsep: subscriberOffer, sfuid: 'long gone' });
  await ada.request('unpublish', { rid, mid, sfuid: 'long gone' });
});

test('broadcast, keepalive and leave', async () => {
  const rid = newRoom();
  const ada = await join('ada', rid);
  const grace = await join('grace', rid);
  const data = { text: 'ü', list: [1, 2.5, null, { a: true }] };
  assert.deepEqual(await ada.request('broadcast', { rid, data }), {});
  assert.deepEqual(await grace.hears('broadcast'), { rid, uid: 'ada', data });
  assert.deepEqual(await ada.request('keepalive', { rid }), {});
  assert.deepEqual(await ada.request('leave', { rid }), {});
  assert.deepEqual(await grace.hears('peer-leave'), { rid, uid: 'ada' });
  assert.equal(await ada.refused('keepalive', { rid }), 15);
});

test('one connection, two rooms: each hears its own', async () => {
  const [here, there] = [newRoom(), newRoom()];
  const both = await join('both', here);
  await both.request('join', { rid: there });
  const ada = await join('ada', here);
  await join('grace', there);
  await both.hears('peer-join', ({ rid, uid }) => rid === here && uid === 'ada');
  await both.hears('peer-join', ({ rid, uid }) => rid === there && uid === 'grace');
  await both.request('broadcast', { rid: there, data: 'for there' });
  await both.request('broadcast', { rid: here, data: 'for here' });
  await ada.hears('broadcast', ({ data }) => data === 'for here');
  assert.equal(ada.heard.filter(({ method }) => method === 'broadcast').length, 1);
});

test('a connection that drops leaves its rooms, its streams first', async () => {
  const rid = newRoom();
  const watcher = await join('watcher', rid);
  const ada = await join('ada', rid);
  const { mid } = await ada.request('publish', { rid, jsep: publisherOffer, minfo });
  ada.close();
  await watcher.hears('peer-leave');
  assert.deepEqual(
    watcher.heard.map(({ method, data }) => [method, data.uid, data.mid]),
    [
      ['peer-join', 'ada', undefined],
      ['stream-add', 'ada', mid],
      ['stream-remove', 'ada', mid],
      ['peer-leave', 'ada', undefined],
    ],
  );
});

test('the same user again: the older connection hears peer-kick and is closed for good', async () => {
  const rid = newRoom();
  const first = await join('ada', rid);
  const states = [];
  first.peer.on('disconnected', () => states.push('disconnected'));
  first.peer.on('close', () => states.push('close'));
  await join('ada', rid);
  assert.deepEqual(await first.hears('peer-kick'), { rid, uid: 'ada' });
  await until('the client has given up', () => first.peer.closed);
  // protoo-client says "disconnected" before it tries again; after 4000 it does not try.
  assert.deepEqual(states, ['close']);
});

test('every error code that a client can provoke', async () => {
  const rid = newRoom();
  const ada = await join('ada', rid);
  const grace = await join('grace', rid);
  const { mid } = await ada.request('publish', { rid, jsep: publisherOffer, minfo });
  const { sid } = await grace.request('subscribe', { rid, mid, jsep: subscriberOffer });
  const offer = publisherOffer;
  const cases = [
    [ada, 2, 'join', {}],
    [ada, 2, 'join', { rid: '' }],
    [ada, 2, 'join', { rid: 7 }],
    [ada, 2, 'join', { rid: 'x'.repeat(129) }],
    [ada, 2, 'join', { rid: 'a\nb' }],
    [ada, 19, 'join', ['rid']],
    [ada, 14, 'dance', { rid }],
    [ada, 15, 'leave', { rid: 'elsewhere' }],
    [ada, 15, 'keepalive', { rid: 'elsewhere' }],
    [ada, 15, 'broadcast', { rid: 'elsewhere', data: 1 }],
    [ada, 15, 'publish', { rid: 'elsewhere', jsep: offer, minfo }],
    [ada, 15, 'getusers', { rid: 'elsewhere' }],
    [ada, 15, 'getpubs', { rid: 'elsewhere' }],
    [ada, 5, 'publish', { rid, minfo }],
    [ada, 5, 'publish', { rid, minfo, jsep: 'offer' }],
    [ada, 6, 'publish', { rid, minfo, jsep: { type: 'offer' } }],
    [ada, 6, 'publish', { rid, minfo, jsep: { type: 'offer', sdp: 'nonsense' } }],
    [ada, 7, 'publish', { rid, jsep: offer }],
    [ada, 7, 'publish', { rid, jsep: offer, minfo: [] }],
    [ada, 3, 'unpublish', { rid }],
    [ada, 8, 'unpublish', { rid, mid: 'ada#none' }],
    [grace, 16, 'unpublish', { rid, mid }],
    [grace, 3, 'subscribe', { rid, jsep: subscriberOffer }],
    [grace, 8, 'subscribe', { rid, mid: 'ada#none', jsep: subscriberOffer }],
    [grace, 5, 'subscribe', { rid, mid }],
    [grace, 6, 'subscribe', { rid, mid, jsep: strangeOffer }],
    [grace, 4, 'unsubscribe', { rid, mid }],
    [grace, 9, 'unsubscribe', { rid, mid, sid: 'grace#none' }],
  ];
  for (const [user, code, method, data] of cases) {
    assert.equal(await user.refused(method, data), code, `${method} ${JSON.stringify(data).slice(0, 80)}`);
  }
  assert.ok([9, 16].includes(await ada.refused('unsubscribe', { rid, mid, sid })), 'nobody ends another’s subscription');
  assert.deepEqual(await grace.request('unsubscribe', { rid, mid, sid }), {}, 'it is still there');
});

test('a reason names what was wrong, and repeats little of what came', async () => {
  const ada = await connect('ada');
  const long = 'x'.repeat(4_000);
  const reason = await ada.request('join', { rid: long }).catch(({ message }) => message);
  assert.match(reason, /rid/);
  assert.ok(!reason.includes('x'.repeat(65)));
});

test('requests are answered in the order they came', async () => {
  const rid = newRoom();
  const ada = await join('ada', rid);
  const answered = [];
  const ask = (name, method, data) => ada.request(method, data).catch(() => {}).then(() => answered.push(name));
  await Promise.all([
    ask('publish', 'publish', { rid, jsep: publisherOffer, minfo }),
    ask('getpubs', 'getpubs', { rid }),
    ask('wrong', 'dance', {}),
    ask('keepalive', 'keepalive', { rid }),
  ]);
  assert.deepEqual(answered, ['publish', 'getpubs', 'wrong', 'keepalive']);
});
