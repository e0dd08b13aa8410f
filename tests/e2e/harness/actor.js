// What every actor in a browser can do, whichever browser and whichever page it is.

import { flows, reception, watchGaps } from './in-page.js';
import { until } from './until.js';

export class Actor {
  /** @param {any} page of playwright or puppeteer: only what both have is used here */
  constructor(page) {
    this.page = page;
  }

  received() {
    return this.page.evaluate(flows, 'inbound-rtp');
  }

  /** @returns {Promise<import('./reception.js').Counts>} */
  reception() {
    return this.page.evaluate(reception);
  }

  sent() {
    return this.page.evaluate(flows, 'outbound-rtp');
  }

  /**
   * Waits until so many video streams are decoded and go on being decoded, frame after frame.
   *
   * @param {number} streams
   * @param {{ within?: number }} [options]
   */
  async seesPictures(streams, options) {
    const decoded = async (atLeast) =>
      (await this.received()).filter(({ kind, frames, width }) => kind === 'video' && frames >= atLeast && width > 0).length;
    await until(`${this.name} sees the first frames of ${streams} streams`, async () => (await decoded(1)) === streams, options);
    await until(`${this.name} has decoded 10 frames of ${streams} streams`, async () => (await decoded(10)) === streams);
  }

  /** Waits until so many audio streams are heard: samples that carry sound, and not silence made up for lost ones. @param {number} streams */
  async hearsSound(streams) {
    await until(`${this.name} hears ${streams} streams`, async () => {
      const heard = (await this.received()).filter(({ kind, samples, energy }) => kind === 'audio' && samples > 0 && energy > 1e-6);
      return heard.length === streams;
    });
  }

  /** @param {string} kind @returns {Promise<number>} frames decoded, or loudness, over all streams so far */
  async total(kind) {
    const rows = (await this.received()).filter((row) => row.kind === kind);
    return rows.reduce((sum, row) => sum + (kind === 'video' ? row.frames : row.energy), 0);
  }

  /** From now on the longest time without a packet is noted down. */
  async watchGaps() {
    await this.page.evaluate(watchGaps);
  }

  /** @returns {Promise<{ audio: number, video: number }>} the longest times without a packet, in milliseconds */
  gaps() {
    return this.page.evaluate(() => window.gaps());
  }
}
