// Alice is seen and heard by Bob, on a network between their hosts and the server's: the call that is made over bad
// networks, by stories and by measurements.

import { Camera } from './camera.js';
import { between } from './reception.js';
import { Stage } from './stage.js';
import { until } from './until.js';

/** Large enough for three layers of simulcast; 15 frames a second leave half of two cores for all else. */
const PICTURE = { width: 960, height: 540, frameRate: 15 };

/**
 * In three sizes: some 240 kbit/s, 480 kbit/s and 1.4 Mbit/s on the line, with headers and with 75 kbit/s of sound. The
 * largest is held below the library's 1.5 Mbit/s, so that it fits into 2 Mbit/s with room to spare.
 */
const PUBLISH = { simulcast: true, maxVideoBitrate: 1_200_000 };

/** @returns {ConstructorParameters<typeof Stage>[1]} a stage for it */
export function farApart() {
  return { hosts: ['alice', 'bob'], camera: new Camera(PICTURE) };
}

/**
 * @param {Stage} stage
 * @param {object} [publish] options of `Room.publish`
 */
export async function call(stage, publish = PUBLISH) {
  const room = stage.newRoom();
  const alice = await stage.coder('alice', { room, host: 'alice' });
  const bob = await stage.coder('bob', { room, host: 'bob' });
  const mid = await alice.publish(publish);
  await bob.seesPictures(1);
  await bob.hearsSound(1);
  return { alice, bob, mid };
}

/** So long it must be as it is waited for. */
const STEADY_MS = 3_000;

/**
 * @typedef {object} Film
 * @property {number} least width of its pictures, in pixels
 * @property {number} most
 * @property {number} fps pictures a second, at the least
 */

/**
 * Waits until Bob sees such a film for 3 s, while no packet to him is dropped because more is sent than the line carries.
 *
 * @param {Stage} stage
 * @param {import('./coder.js').Coder} bob
 * @param {Film} film
 * @param {{ within?: number }} [options] milliseconds
 */
export async function seesFilm(stage, bob, { least, most, fps }, { within = 40_000 } = {}) {
  /** The looks of the last 3 s. */
  let looks = [];
  let seen = 'nothing';
  const look = async () => {
    const { dropped } = (await stage.network.counts('bob')).to;
    const now = await bob.reception();
    looks.push({ ...now, dropped });
    const from = looks.findLastIndex(({ at }) => now.at - at >= STEADY_MS);
    if (from < 0) return false;
    looks = looks.slice(from);
    const rate = between(looks[0], now).fps;
    const lost = dropped - looks[0].dropped;
    seen = `${now.width} wide, ${rate.toFixed(1)} a second, with ${lost} packets dropped`;
    return rate >= fps && lost === 0 && looks.every(({ width }) => least <= width && width <= most);
  };
  const what = `${bob.name} sees pictures ${least} to ${most} wide, ${fps} a second`;
  await until(what, look, { within }).catch((error) => {
    throw new Error(`${error.message}; at last they were ${seen}`);
  });
}
