// Calls over networks that are slow, lossy, away for a while, or another one all of a sudden: each browser is a host of
// its own, and the server another one. How well it goes is measured by `cargo xtask bench networks`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, farApart, seesFilm } from '../harness/far-call.js';
import { between } from '../harness/reception.js';
import { Scene } from '../harness/scene.js';
import { Server } from '../harness/server.js';
import { until } from '../harness/until.js';

const scene = new Scene(Server, farApart());

const OUTAGE_MS = 30_000;
/** What was away is found again by checks and retransmissions whose pauses have grown meanwhile. */
const RETURN_MS = 60_000;

const SAMPLES_A_SECOND = 48_000;

/** Sound that nobody would call interrupted: a share of it may be made up for what came late. */
const UNINTERRUPTED = 0.02;

/** Sound whose packets are mostly there after all. */
const REPAIRED = 0.05;

/** Lines, and what of 960×540 at 15 pictures a second is to come through them. */
const STEPS = [
  { rate: 3_000_000, film: { least: 960, most: 960, fps: 13 } },
  { rate: 1_000_000, film: { least: 480, most: 480, fps: 13 } },
  { rate: 300_000, film: { least: 240, most: 240, fps: 7 } },
  { rate: 2_000_000, film: { least: 960, most: 960, fps: 13 } },
];

/** As the browser measures it with its connectivity checks. @param {any} coder @returns {Promise<number>} seconds */
function roundTrip(coder) {
  return coder.page.evaluate(async () => {
    const rows = [...(await peerConnections[0].getStats()).values()];
    return rows.find(({ type, nominated }) => type === 'candidate-pair' && nominated).currentRoundTripTime;
  });
}

test('a network takes its time, loses packets, and carries no more than it is said to', async () => {
  const { bob } = await call(scene, {});
  const { network } = scene;
  assert.ok((await roundTrip(bob)) < 0.1, 'at first it is a good one');
  await network.to('bob', { delay: 150 });
  await network.from('bob', { delay: 100 });
  await until('the way back and forth takes 250 ms', async () => (await roundTrip(bob)) >= 0.25);

  await network.calm();
  await network.to('bob', { loss: 100 });
  let last = { bytes: -1, lost: 0 };
  await until('a hundred packets in a row are lost', async () => {
    const { videoBytes, audioBytes } = await bob.reception();
    const { lost } = (await network.counts('bob')).to;
    const bytes = videoBytes + audioBytes;
    if (bytes !== last.bytes) last = { bytes, lost };
    return lost - last.lost >= 100;
  });

  await network.calm();
  await network.to('bob', { rate: 100_000, queue: 100 });
  const since = performance.now();
  const narrow = (await network.counts('bob')).to;
  await until('a hundred packets find the queue full', async () => (await network.counts('bob')).to.dropped >= narrow.dropped + 100);
  const carried = (await network.counts('bob')).to.bytes - narrow.bytes;
  const possible = (100_000 / 8) * ((performance.now() - since) / 1000 + 0.1);
  assert.ok(carried <= possible, `${carried} bytes of ${possible} got through`);
});

test('the line becomes narrower and wider again: so do the pictures, and the sound goes on', async () => {
  const { bob } = await call(scene);
  const before = await bob.reception();
  for (const { rate, film } of STEPS) {
    await scene.network.to('bob', { rate });
    await seesFilm(scene, bob, film);
  }
  const { concealed } = between(before, await bob.reception());
  assert.ok(concealed < UNINTERRUPTED, `${concealed} of the sound was made up`);
});

test('a tenth of all packets gets lost and the others come late: little of it is heard', async () => {
  const { bob } = await call(scene);
  await scene.network.to('bob', { delay: 20, jitter: 50, loss: 10 });
  const before = await bob.reception();
  let now = before;
  await until('15 s of sound have come', async () => {
    now = await bob.reception();
    return now.samples - before.samples > 15 * SAMPLES_A_SECOND;
  }, { within: 40_000 });
  // Without retransmissions it would be a tenth. What is reached is for `cargo xtask bench networks`.
  const { concealed } = between(before, now);
  assert.ok(concealed < REPAIRED, `${concealed} of the sound was made up`);
  assert.ok((await bob.reception()).frames > before.frames, 'and there are pictures');
  assert.ok((await scene.network.counts('bob')).to.lost > 100, 'packets did get lost');
});

/** @param {import('../harness/coder.js').Coder} coder @returns {Promise<number>} peer connections so far */
const connections = (coder) => coder.page.evaluate(() => peerConnections.length);

/** More pictures and more sound come. @param {import('../harness/coder.js').Coder} coder */
async function goesOn(coder) {
  for (const [kind, more] of [['video', 10], ['audio', 1e-3]]) {
    const before = await coder.total(kind);
    await until(`${coder.name} gets more ${kind}`, async () => (await coder.total(kind)) > before + more, { within: RETURN_MS });
  }
}

/** @param {{ alice: any, bob: any, mid: string }} call */
async function isTheSame({ alice, bob, mid }) {
  assert.deepEqual([await connections(alice), await connections(bob)], [1, 1], 'on the same peer connections');
  assert.equal(await alice.page.evaluate(() => publication.mid), mid);
}

test('the network is away for half a minute, and the call goes on', async () => {
  const people = await call(scene);
  for (const host of ['alice', 'bob']) await scene.network.cut(host);
  const cut = performance.now();
  await until('half a minute has passed', () => performance.now() - cut > OUTAGE_MS, { within: 2 * OUTAGE_MS });
  for (const host of ['alice', 'bob']) await scene.network.mend(host);
  await goesOn(people.bob);
  await isTheSame(people);
});

test('the subscriber gets another address, and then the publisher, and the call goes on', async () => {
  const people = await call(scene);
  for (const host of ['bob', 'alice']) {
    await scene.network.move(host);
    await goesOn(people.bob);
  }
  await isTheSame(people);
});
