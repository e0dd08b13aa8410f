import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clearBytes, open, seal, trailerOf } from './frame.js';
import { newSalt, roomKey, trackKey } from './keys.js';
import { ReplayWindow } from './replay.js';
import { Opener, Sealer } from './transform.js';

const frameOf = (...bytes) => Uint8Array.from(bytes).buffer;
const hex = (buffer) => Buffer.from(buffer).toString('hex');
const RAW = Uint8Array.from({ length: 32 }, (_, index) => index);
const track = { uid: 'ada', kind: 'video', salt: newSalt() };

async function pair(keys = {}) {
  const told = [];
  const sealer = new Sealer(keys.sent ?? track);
  const opener = new Opener(keys.received ?? track, (opening) => told.push(opening));
  sealer.setKey(await roomKey(keys.ours ?? RAW, 'tea'));
  opener.setKey(await roomKey(keys.theirs ?? RAW, keys.room ?? 'tea'));
  const sent = async (...bytes) => {
    const out = [];
    await sealer.transform({ data: frameOf(...bytes), type: 'delta' }, { enqueue: (frame) => out.push(frame.data) });
    return out[0];
  };
  const received = async (data) => {
    const out = [];
    await opener.transform({ data }, { enqueue: (frame) => out.push(hex(frame.data)) });
    return out;
  };
  return { sealer, opener, sent, received, told };
}

test('a passphrase is the same key for everybody in the room, and another one in another room', async () => {
  const [one, same, composed, elsewhere] = await Promise.all([
    roomKey('caf\u00e9', 'tea'),
    roomKey('caf\u00e9', 'tea'),
    roomKey('cafe\u0301', 'tea'),
    roomKey('caf\u00e9', 'coffee'),
  ]);
  const sealed = await seal(await trackKey(one, track), frameOf(1, 2, 3), { counter: 7, clear: 0, keyId: one.id });
  for (const key of [same, composed]) {
    assert.equal(key.id, one.id);
    assert.equal(hex(await open(await trackKey(key, track), sealed, trailerOf(sealed))), '010203');
  }
  await assert.rejects(trackKey(elsewhere, track).then((key) => open(key, sealed, trailerOf(sealed))));
  await assert.rejects(roomKey('', 'tea'), /empty/);
  await assert.rejects(roomKey(new Uint8Array(8), 'tea'), /16 bytes/);
});

test('a frame keeps nothing of its content but the bytes that must stay clear, and costs 22 bytes', async () => {
  const { sent, sealer } = await pair();
  const content = Array.from({ length: 64 }, () => 0xaa);
  const sealed = await sent(...content);
  assert.equal(sealed.byteLength, 64 + 22);
  assert.equal(hex(sealed).includes('aaaaaa'), false);
  sealer.headers = true;
  const readable = await sent(...content);
  assert.equal(hex(readable).indexOf('aa'), 0);
  assert.equal(hex(readable).includes('aaaaaa'), false);
  assert.deepEqual([clearBytes('key', 500), clearBytes('delta', 500), clearBytes('key', 4), clearBytes(undefined, 9)], [10, 1, 4, 1]);
});

test('no two frames are sealed alike, of one sender or of two', async () => {
  const { sent } = await pair();
  const other = await pair({ sent: { ...track, salt: newSalt() } });
  const sealed = [await sent(1, 2, 3), await sent(1, 2, 3), await other.sent(1, 2, 3)];
  const bodies = sealed.map((data) => hex(data).slice(0, 6));
  assert.equal(new Set(bodies).size, 3);
});

test('who has the key reads it, bit by bit; a frame that was sent again is not shown again', async () => {
  const { sent, received, told } = await pair();
  const first = await sent(1, 2, 3);
  const second = await sent(4);
  assert.deepEqual([await received(second.slice(0)), await received(first.slice(0)), await received(first.slice(0))], [['04'], ['010203'], []]);
  assert.deepEqual(told, ['open']);
});

test('a bit that was changed anywhere is found out', async () => {
  const { sealer, sent } = await pair();
  sealer.headers = true;
  const sealed = new Uint8Array(await sent(9, 8, 7, 6));
  for (let at = 0; at < sealed.length; at += 1) {
    const { opener, received } = await pair();
    opener.setKey(await roomKey(RAW, 'tea'));
    const forged = sealed.slice();
    forged[at] ^= 1;
    assert.deepEqual(await received(forged.buffer), [], `byte ${at}`);
  }
});

test('another key, another room, another sender: nothing is shown, and it is told', async () => {
  const other = RAW.map((byte) => byte + 1);
  for (const wrong of [{ theirs: other }, { room: 'coffee' }, { received: { ...track, uid: 'eve' } }, { received: { ...track, kind: 'audio' } }]) {
    const { sent, received, told } = await pair(wrong);
    for (let count = 0; count < 5; count += 1) assert.deepEqual(await received(await sent(1, 2, 3)), []);
    assert.deepEqual(told, ['wrong-key'], JSON.stringify(Object.keys(wrong)));
  }
});

test('the right key opens what a wrong one did not', async () => {
  const { sent, received, opener, told } = await pair({ theirs: RAW.map((byte) => byte ^ 1) });
  for (let count = 0; count < 3; count += 1) await received(await sent(1));
  opener.setKey(await roomKey(RAW, 'tea'));
  assert.deepEqual(await received(await sent(5)), ['05']);
  assert.deepEqual(told, ['wrong-key', 'open']);
});

test('without a key nothing goes out and nothing comes in', async () => {
  const { sealer, opener, sent, received, told } = await pair();
  const sealed = await sent(1);
  sealer.setKey(null);
  opener.setKey(null);
  assert.equal(await sent(1), undefined);
  assert.deepEqual(await received(sealed), []);
  assert.deepEqual(told, ['no-key']);
});

test('what is not encrypted is not shown where encryption is asked for', async () => {
  const told = [];
  const opener = new Opener(null, (opening) => told.push(opening));
  opener.setKey(await roomKey(RAW, 'tea'));
  await opener.transform({ data: frameOf(1, 2, 3) }, { enqueue: () => assert.fail('shown') });
  assert.deepEqual(told, ['not-encrypted']);
});

test('garbage of any length is no frame', async () => {
  const { received, told } = await pair();
  for (let length = 0; length < 60; length += 1) {
    assert.deepEqual(await received(new Uint8Array(length).fill(255).buffer), []);
  }
  assert.deepEqual(told, ['wrong-key']);
});

test('the window knows the last counters, in any order, and forgets none of them too early', () => {
  const window = new ReplayWindow();
  for (const counter of [3, 1, 2]) {
    assert.equal(window.isFresh(counter), true);
    window.note(counter);
    assert.equal(window.isFresh(counter), false);
  }
  assert.equal(window.isFresh(0), true);
  for (let counter = 4; counter < 5_000; counter += 1) window.note(counter);
  assert.deepEqual([0, 3, 4_400, 4_999, 5_000].map((counter) => window.isFresh(counter)), [false, false, false, false, true]);
});
