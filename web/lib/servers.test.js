import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Servers } from './servers.js';

const one = 'ws://one/ws';
const two = 'ws://two/ws';

test('another server is tried at once, and only after a full round there is a pause', () => {
  const servers = new Servers([one, two]);
  const tried = [];
  const waits = [];
  for (let round = 0; round < 4; round += 1) {
    tried.push(servers.current.href);
    waits.push(servers.failed());
  }
  assert.deepEqual(tried, [one, two, one, two]);
  assert.ok(waits[0] <= 150 && waits[2] <= 150, String(waits));
  assert.ok(waits[1] >= 200 && waits[3] >= 400, String(waits));
  assert.equal(servers.attempt, 2);
  servers.succeeded();
  assert.equal(servers.attempt, 0);
});

test('a single server is paused for at once', () => {
  const servers = new Servers([one]);
  assert.ok(servers.failed() >= 200);
  assert.equal(servers.current.href, one);
  assert.deepEqual(servers.others.map(({ href }) => href), [one]);
});

test('each server counts once, and what is no address is refused', () => {
  const servers = new Servers([one, one]);
  servers.add([two, one, 'ws://three/ws']);
  assert.deepEqual(servers.others.map(({ href }) => href), [two, 'ws://three/ws']);
  servers.choose(new URL(two));
  assert.deepEqual(servers.others.map(({ href }) => href), ['ws://three/ws', one]);
  assert.throws(() => servers.add(['nonsense']), TypeError);
  assert.throws(() => new Servers([]), TypeError);
});
