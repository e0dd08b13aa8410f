import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { ConnectionLost, RequestError } from './errors.js';
import { Preference, sound } from './preference.js';

beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
afterEach(() => mock.timers.reset());

const settled = () => new Promise((resolve) => setImmediate(resolve));

function wish() {
  const sent = [];
  const preference = new Preference((prefer) => new Promise((answer, refuse) => sent.push({ prefer, answer, refuse })));
  return { sent, preference, sizes: () => sent.map(({ prefer }) => prefer.maxHeight) };
}

test('many changes at once are told once, and the same again not at all', () => {
  const { preference, sizes } = wish();
  for (const maxHeight of [100, 200, 300]) preference.set({ maxHeight });
  mock.timers.tick(200);
  preference.set({ maxHeight: 300 });
  mock.timers.tick(1_000);
  assert.deepEqual(sizes(), [300]);
});

test('what went out with the subscribe is not told again; what changed meanwhile is', () => {
  const { preference, sizes } = wish();
  preference.set({ maxHeight: 100 });
  preference.told({ maxHeight: 100 });
  mock.timers.tick(1_000);
  preference.set({ maxHeight: 150 });
  preference.told({ maxHeight: 100 });
  mock.timers.tick(1_000);
  assert.deepEqual(sizes(), [150]);
});

test('an older server is asked once for each change and no more; a lost connection is asked again', async () => {
  const { preference, sent, sizes } = wish();
  preference.set({ maxHeight: 100 });
  mock.timers.tick(200);
  sent[0].refuse(new RequestError('prefer', 14, 'unknown method'));
  await settled();
  mock.timers.tick(60_000);
  assert.deepEqual(sizes(), [100]);
  preference.set({ maxHeight: 200 });
  mock.timers.tick(200);
  sent[1].refuse(new ConnectionLost('gone'));
  await settled();
  mock.timers.tick(2_000);
  assert.deepEqual(sizes(), [100, 200, 200]);
  sent[2].refuse(new RequestError('prefer', 9, 'no such subscription'));
  await settled();
  mock.timers.tick(60_000);
  assert.equal(sent.length, 3);
});

test('no more than the server takes is told', () => {
  assert.deepEqual(sound({ maxHeight: 0.2, priority: 300, maxBitrate: 1e6, rid: 'q', other: 1 }), { maxHeight: 1, priority: 255, maxBitrate: 1e6, rid: 'q' });
  assert.deepEqual(sound({}), {});
  assert.throws(() => sound({ maxHeight: 'high' }), /maxHeight/);
  assert.throws(() => sound({ rid: 3 }), /rid/);
});
