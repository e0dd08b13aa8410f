import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { Path } from './path.js';

beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
afterEach(() => mock.timers.reset());

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A peer connection, and what the path told and asked. */
function watch(state = 'new') {
  const pc = { connectionState: state, iceConnectionState: state, onconnectionstatechange: null };
  const story = [];
  let answer = null;
  const path = new Path(pc, {
    up: () => story.push('up'),
    down: () => story.push('down'),
    mend: () => {
      story.push('mend');
      return new Promise((resolve, reject) => (answer = { resolve, reject }));
    },
  });
  const become = (now, ice = now) => {
    Object.assign(pc, { connectionState: now, iceConnectionState: ice });
    pc.onconnectionstatechange();
  };
  const answered = async (how) => {
    if (how instanceof Error) answer.reject(how);
    else answer.resolve(how);
    await settled();
  };
  return { path, become, story, answered };
}

test('a path that never comes up is given up', () => {
  const { become, story } = watch();
  become('connecting');
  mock.timers.tick(14_000);
  assert.deepEqual(story, []);
  mock.timers.tick(1_000);
  assert.deepEqual(story, ['down']);
});

test('a short break is none, a longer one is mended, once', async () => {
  const { become, story, answered } = watch();
  become('connected');
  become('disconnected');
  mock.timers.tick(2_900);
  become('connected');
  mock.timers.tick(60_000);
  assert.deepEqual(story, ['up', 'up']);
  become('disconnected');
  mock.timers.tick(3_000);
  become('failed');
  assert.deepEqual(story.slice(2), ['mend']);
  await answered(true);
  become('connected');
  mock.timers.tick(60_000);
  assert.deepEqual(story.slice(2), ['mend', 'up']);
});

test('what cannot be mended is given up: refused, or in vain', async () => {
  const refused = watch();
  refused.become('connected');
  refused.become('failed');
  await refused.answered(new Error('unknown method'));
  assert.deepEqual(refused.story, ['up', 'mend', 'down']);
  const vain = watch();
  vain.become('connected');
  vain.become('failed');
  await vain.answered(true);
  mock.timers.tick(6_000);
  assert.deepEqual(vain.story, ['up', 'mend', 'down']);
});

test('an encryption that failed is not mended by another path', () => {
  const { become, story } = watch();
  become('failed', 'connected');
  assert.deepEqual(story, ['down']);
});

test('in another network it is mended at once; a server that cannot leaves it as it is', async () => {
  const { path, become, story, answered } = watch();
  path.networkChanged();
  assert.deepEqual(story, [], 'it is being made anyway');
  become('connected');
  path.networkChanged();
  path.networkChanged();
  assert.deepEqual(story, ['up', 'mend']);
  await answered(new Error('unknown method'));
  mock.timers.tick(60_000);
  assert.deepEqual(story, ['up', 'mend'], 'it still stands');
});

test('while there is no server to ask it waits, and is mended when there is one', async () => {
  const { path, become, story, answered } = watch();
  become('connected');
  path.resume();
  assert.deepEqual(story, ['up'], 'nothing to mend');
  become('failed');
  await answered(false);
  mock.timers.tick(60_000);
  path.resume();
  assert.deepEqual(story, ['up', 'mend', 'mend']);
  await answered(true);
  path.close();
  mock.timers.tick(60_000);
  assert.deepEqual(story, ['up', 'mend', 'mend']);
});

test('a network that changed while the server was away is mended too, although the path seems to stand', async () => {
  const { path, become, story, answered } = watch();
  become('connected');
  path.networkChanged();
  await answered(false);
  path.resume();
  assert.deepEqual(story, ['up', 'mend', 'mend']);
});
