// What a receiver asks of layers, and which it gets.

import { until } from './until.js';

/** @typedef {import('./coder.js').Coder} Coder */

/**
 * Publishes a camera of 960×540, which is large enough for three layers.
 *
 * @param {Coder} coder
 * @param {object} options of `Room.publish`
 */
export async function publishLarge(coder, options) {
  await coder.page.evaluate(async () => {
    window.capture = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
    await capture.getVideoTracks()[0].applyConstraints({ width: 960, height: 540, frameRate: 10 });
  });
  return coder.publish(options);
}

/** @param {Coder} coder @param {object} prefer */
export function prefers(coder, prefer) {
  return coder.page.evaluate((prefer) => room.subscriptions[0].prefer(prefer), prefer);
}

/** @param {Coder} coder */
export async function picture(coder) {
  return (await coder.received()).find(({ kind }) => kind === 'video') ?? { width: 0, frames: 0, freezes: 0 };
}

/** The rate is found out step by step, so the largest takes its time. @param {Coder} coder @param {number} width */
export function getsWidth(coder, width) {
  return until(`${coder.name} gets a picture of ${width} pixels`, async () => (await picture(coder)).width === width, { within: 40_000 });
}
