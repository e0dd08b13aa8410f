import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Judge, reading } from './quality.js';

/** 50 packets and 48,000 samples a second, and nothing wrong with them. */
const second = (at, wrong = {}) => ({
  at: at * 1000,
  connected: true,
  paused: false,
  packets: at * 50,
  bytes: at * 4_000,
  lost: 0,
  frozen: 0,
  concealed: 0,
  samples: at * 48_000,
  ...wrong,
});

/** @param {object[]} readings @returns {string} the judgements, in order */
const judged = (readings) => {
  const judge = new Judge();
  return readings.map((reading) => judge.add(reading)).join(' ');
};

test('what arrives is good', () => {
  assert.equal(judged([1, 2, 3, 4].map((at) => second(at))), 'good good good good');
});

test('loss that shows is poor, and a stream that recovers is good again a while later', () => {
  const lost = (at) => second(at, { lost: Math.min(at, 4) * 10 });
  assert.equal(judged([2, 4].map(lost)), 'good poor');
  assert.match(judged([2, 4, 6, 8, 10, 12].map(lost)), /^good poor .*good$/);
  assert.equal(judged([second(2), second(4, { lost: 4 })]), 'good good', '4 %');
  assert.equal(judged([second(2), second(4, { lost: -3 })]), 'good good', 'duplicates count as negative loss');
});

test('a picture that stands still and sound that is made up are poor', () => {
  assert.equal(judged([second(2), second(4, { frozen: 0.5 })]), 'good poor');
  assert.equal(judged([second(2), second(4, { frozen: 0.1 })]), 'good good');
  assert.equal(judged([second(2), second(4, { concealed: 9_600 })]), 'good poor');
});

test('a camera that was off for a minute was not frozen', () => {
  assert.equal(judged([second(2), second(4, { frozen: 60 })]), 'good good');
});

test('paused for want of bandwidth is poor, although the sound comes', () => {
  assert.equal(judged([second(2), second(4, { paused: true }), second(6)]), 'good poor good');
});

test('no media for a while is lost, as is a path that is gone, and what comes back is not', () => {
  const stopped = (at) => second(at, { packets: 100, bytes: 8_000, samples: 96_000 });
  assert.equal(judged([second(2), stopped(4), stopped(6), second(8)]), 'good good lost good');
  const padded = (at) => second(at, { bytes: 8_000, samples: 96_000 });
  assert.equal(judged([second(2), padded(4), padded(6)]), 'good good lost', 'padding is no media');
  assert.equal(judged([second(2), second(4, { connected: false })]), 'good lost');
});

test('another peer connection counts from the beginning', () => {
  assert.equal(judged([second(100, { lost: 10 }), { ...second(2), at: 102_000 }, { ...second(4), at: 104_000 }]), 'good good good');
});

test('the readings are the sums of all received tracks', () => {
  const report = [
    { type: 'inbound-rtp', kind: 'audio', packetsReceived: 5, bytesReceived: 600, packetsLost: 1, concealedSamples: 30, silentConcealedSamples: 10, totalSamplesReceived: 100 },
    { type: 'inbound-rtp', kind: 'video', packetsReceived: 7, bytesReceived: 8000, packetsLost: 2, totalFreezesDuration: 0.5 },
    { type: 'outbound-rtp', packetsSent: 1000 },
  ];
  const rest = { at: 1, connected: true, paused: false };
  assert.deepEqual(reading(report, rest), { ...rest, packets: 12, bytes: 8600, lost: 3, frozen: 0.5, concealed: 20, samples: 100 });
});
