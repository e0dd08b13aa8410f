import assert from 'node:assert/strict';
import { test } from 'node:test';
import { activate, encodingsFor, isOnDemand, makePlain } from './layers.js';

const rids = (simulcast, width, height) => encodingsFor(simulcast, { width, height }).map(({ rid }) => rid).join('');

test('a capture has as many layers as it is worth, and always its own size', () => {
  assert.equal(rids(true, 1280, 720), 'qhf');
  assert.equal(rids(true, 960, 540), 'qhf');
  assert.equal(rids(true, 540, 960), 'qhf', 'upright');
  assert.equal(rids(true, 640, 480), 'hf');
  assert.equal(rids(true, 480, 270), 'hf');
  assert.equal(rids(true, 320, 240), '', 'one picture is no simulcast');
  assert.equal(rids(true, undefined, undefined), 'qhf', 'unknown: it may become large');
  assert.equal(rids(false, 1280, 720), '');
  assert.equal(rids(undefined, 1280, 720), '');
});

test('a bound of the bitrate bounds each layer', () => {
  const rates = encodingsFor(true, { width: 1280, height: 720 }, { maxBitrate: 400_000 }).map(({ maxBitrate }) => maxBitrate);
  assert.deepEqual(rates, [150_000, 400_000, 400_000]);
});

test('layers of one’s own are taken as they are, if they have names', () => {
  const layers = [{ rid: 'lo', scaleResolutionDownBy: 3 }, { rid: 'hi' }];
  const made = encodingsFor({ layers }, { width: 100, height: 100 });
  assert.deepEqual(made, [{ rid: 'lo', scaleResolutionDownBy: 3, active: true }, { rid: 'hi', active: true }]);
  assert.deepEqual(encodingsFor({ layers: [{ rid: 'only' }] }, {}), []);
  for (const wrong of [[{ rid: 'a' }, { rid: 'a' }], [{ rid: 'a b' }, { rid: 'c' }], [{ rid: '' }], ['a', 'b', 'c', 'd', 'e'].map((rid) => ({ rid }))]) {
    assert.throws(() => encodingsFor({ layers: wrong }, {}), /layers/);
  }
});

test('VP9 and AV1 are told to send layers that stand alone', () => {
  const modeOf = (codec) => encodingsFor(true, {}, { codec })[0].scalabilityMode;
  assert.deepEqual(['VP8', 'H264', undefined, 'vp9', 'AV1'].map(modeOf), [undefined, undefined, undefined, 'L1T1', 'L1T1']);
});

test('what nobody takes is switched off, and on again', () => {
  const encodings = encodingsFor(true, { width: 1280, height: 720 });
  const states = () => encodings.map(({ active }) => active);
  assert.equal(activate(encodings, [{ rid: 'q', wanted: true }, { rid: 'f', wanted: false }, { rid: 'x', wanted: false }]), true);
  assert.deepEqual(states(), [true, true, false]);
  assert.equal(activate(encodings, [{ rid: 'f', wanted: false }]), false);
  assert.equal(activate(encodings, []), true);
  assert.deepEqual(states(), [true, true, true]);
  assert.equal(isOnDemand(true) && isOnDemand({}) && !isOnDemand({ onDemand: false }), true);
});

test('a server without simulcast gets the whole picture, not the smallest', () => {
  const offered = encodingsFor(true, { width: 1280, height: 720 });
  const left = { ...offered[0], active: false };
  makePlain(left, offered);
  assert.deepEqual([left.scaleResolutionDownBy, left.maxBitrate, left.active], [1, 1_500_000, true]);
});
