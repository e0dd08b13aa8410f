// Waiting, always for something that can be named and seen, never for a time.

import { setTimeout as pause } from 'node:timers/promises';

const LOOK_AGAIN_MS = 50;
/** Longer than anything takes here, also on a small and busy machine. */
const PATIENCE_MS = 20_000;

/**
 * @template T
 * @param {string} what is waited for, for the error
 * @param {() => T | Promise<T>} probe
 * @param {{ within?: number }} [options] milliseconds
 * @returns {Promise<NonNullable<T>>} the first truthy value
 */
export async function until(what, probe, { within = PATIENCE_MS } = {}) {
  const end = performance.now() + within;
  let seen;
  do {
    seen = await probe();
    if (seen) return seen;
    await pause(LOOK_AGAIN_MS);
  } while (performance.now() < end);
  throw new Error(`waited ${within} ms in vain until ${what}`);
}
