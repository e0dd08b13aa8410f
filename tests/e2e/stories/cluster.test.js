// A call over a cluster whose nodes die, hang and are stopped one after the other, and what the two people in it
// notice of that.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cluster } from '../harness/cluster.js';
import { Scene } from '../harness/scene.js';
import { until } from '../harness/until.js';

const scene = new Scene(Cluster);

/** Media that goes on has no gap that anybody would call one; media that starts over takes seconds. */
const UNNOTICED_MS = 1_500;

/** Two programs on different signalling nodes, who see and hear each other. */
async function call() {
  const room = scene.newRoom();
  const [near, far] = ['signal-1', 'signal-2'].map((id) => scene.server.node(id).url);
  const one = await scene.coder('one', { room, url: near });
  const two = await scene.coder('two', { room, url: far });
  const mids = [await one.publish(), await two.publish()];
  for (const coder of [one, two]) {
    await coder.seesPictures(1);
    await coder.hearsSound(1);
    await coder.watchGaps();
  }
  return { room, one, two, mids };
}

/**
 * What somebody has heard since, as names with mids, but for who speaks: the tones of false microphones come and go.
 *
 * @param {import('../harness/coder.js').Coder} coder @param {number} from
 */
async function heardSince(coder, from) {
  const since = (await coder.events()).slice(from).filter(({ name }) => name !== 'active-speakers');
  return since.map(({ name, mid }) => [name, mid].filter(Boolean).join(' '));
}

/** @param {import('../harness/coder.js').Coder[]} coders */
async function noticedNothing(...coders) {
  for (const coder of coders) {
    const gaps = await coder.gaps();
    for (const kind of ['audio', 'video']) {
      assert.ok(gaps[kind] < UNNOTICED_MS, `${coder.name} had no ${kind} for ${Math.round(gaps[kind])} ms`);
    }
  }
}

/** Both still hear each other, in words and in media. */
async function stillTogether({ one, two }) {
  const word = `still here ${Math.random()}`;
  await until('one is in the room', () => one.page.evaluate(() => room.status === 'joined'));
  await one.broadcast(word);
  await two.hears('broadcast', ({ data }) => data === word);
  for (const coder of [one, two]) {
    const before = await coder.total('video');
    await until(`${coder.name} goes on seeing pictures`, async () => (await coder.total('video')) > before);
  }
}

/** @param {import('../harness/coder.js').Coder} coder @returns {Promise<string>} the SFU of what it publishes */
const sfuOf = (coder) => coder.page.evaluate(() => publication.sfuid);

test('a signalling node is killed: its clients come back through the other, and nobody notices', async () => {
  const { one, two, mids } = await call();
  const known = (await two.events()).length;
  const node = scene.server.node('signal-1');
  await node.kill();
  await one.hears('lost');
  await one.hears('joined', ({ again }) => again);
  await stillTogether({ one, two });
  await noticedNothing(one, two);
  assert.equal(await one.page.evaluate(() => publication.mid), mids[0], 'the same stream as before');
  assert.deepEqual(await heardSince(two, known), ['broadcast']);
  await node.start();
});

test('an SFU is killed: what it held is published again elsewhere, and subscribed to', async () => {
  const { one, two } = await call();
  const dead = await sfuOf(one);
  const onDead = [];
  for (const coder of [one, two]) if ((await sfuOf(coder)) === dead) onDead.push(coder);
  const node = scene.server.node(dead);
  await node.kill();
  for (const coder of onDead) {
    await until(`${coder.name} publishes on the other SFU`, async () => {
      const { mid, sfuid } = await coder.page.evaluate(() => ({ mid: publication.mid, sfuid: publication.sfuid }));
      return mid !== null && sfuid !== dead;
    });
  }
  for (const coder of [one, two]) {
    await coder.seesPictures(1);
    await coder.hearsSound(1);
  }
  await stillTogether({ one, two });
  await node.start();
});

test('a signalling node is stopped: its clients go elsewhere first, and it ends when they have', async () => {
  const { one, two, mids } = await call();
  const known = [(await one.events()).length, (await two.events()).length];
  const node = scene.server.node('signal-1');
  await node.stop();
  await stillTogether({ one, two });
  await noticedNothing(one, two);
  assert.equal(await one.page.evaluate(() => publication.mid), mids[0]);
  assert.deepEqual(await heardSince(one, known[0]), ['joined'], 'neither lost nor away');
  assert.deepEqual(await heardSince(two, known[1]), ['broadcast']);
  await node.start();
});

test('an SFU is stopped: its streams are elsewhere before it ends, without a gap', async () => {
  const { one, two } = await call();
  const leaving = await sfuOf(one);
  const node = scene.server.node(leaving);
  await node.stop();
  for (const coder of [one, two]) assert.notEqual(await sfuOf(coder), leaving);
  await stillTogether({ one, two });
  await noticedNothing(one, two);
  await two.hears('stream-move');
  const names = (await two.events()).map(({ name }) => name);
  assert.equal(names.includes('stream-remove'), false, 'to the application it is the same stream');
  assert.equal((await two.received()).filter(({ kind }) => kind === 'video').length, 1, 'and there is one of it');
  await node.start();
});

test('a signalling node hangs for half a minute: its client leaves it in time, and it finds nobody when it goes on', async () => {
  const { one, two, mids } = await call();
  const known = (await two.events()).length;
  const node = scene.server.node('signal-1');
  node.signal('SIGSTOP');
  const stopped = performance.now();
  try {
    await one.hears('joined', ({ again }) => again);
    await stillTogether({ one, two });
    await until('half a minute has passed', () => performance.now() - stopped > 30_000, { within: 40_000 });
  } finally {
    node.signal('SIGCONT');
  }
  await stillTogether({ one, two });
  await noticedNothing(one, two);
  assert.equal(await one.page.evaluate(() => publication.mid), mids[0]);
  assert.deepEqual(await heardSince(two, known), ['broadcast', 'broadcast']);
});
