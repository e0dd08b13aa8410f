// How well a received stream arrives, in one word, from the browser's statistics: 'good', 'poor' (seen or heard to
// suffer) or 'lost' (nothing comes). The judge has no clock and no peer connection; the watch gives it readings.

/**
 * @typedef {'good' | 'poor' | 'lost'} Quality
 *
 * @typedef {object} Reading the counters of one moment
 * @property {number} at milliseconds
 * @property {boolean} connected whether there is a path
 * @property {boolean} paused whether the server sends no picture, for want of bandwidth
 * @property {number} packets received, of all tracks
 * @property {number} bytes of media in them: a server that looks for bandwidth sends packets without any
 * @property {number} lost packets that did not come, of all tracks
 * @property {number} frozen seconds in which the picture stood still
 * @property {number} concealed samples of sound that were made up
 * @property {number} samples of sound, all in all
 */

/** What is older is forgotten: so long a stream that has suffered counts as poor. */
const WINDOW_MS = 6_000;
/** Without any media for so long, it is lost. */
const LOST_MS = 3_000;
/** Shares from which on it shows. Opus conceals single packets, and lost video is repaired in time up to about here. */
const POOR_LOSS = 0.05;
const POOR_CONCEALED = 0.05;
/** Seconds of the window in which the picture may stand still. */
const POOR_FROZEN = 0.3;

const READ_MS = 2_000;

export class Judge {
  /** @type {Reading[]} */
  #readings = [];
  /** When the last media came that is known of. */
  #heard = 0;

  /** @param {Reading} now @returns {Quality} */
  add(now) {
    const last = this.#readings.at(-1);
    // Another peer connection counts from the beginning.
    if (last && now.packets < last.packets) this.#readings = [];
    if (!last || now.bytes !== last.bytes) this.#heard = now.at;
    this.#readings = [...this.#readings.filter(({ at }) => now.at - at <= WINDOW_MS), now];
    if (!now.connected || now.at - this.#heard >= LOST_MS) return 'lost';
    return now.paused || suffers(this.#readings[0] ?? now, now) ? 'poor' : 'good';
  }
}

/** @param {Reading} first of the window @param {Reading} now */
function suffers(first, now) {
  const lost = Math.max(0, now.lost - first.lost);
  const expected = now.packets - first.packets + lost;
  const samples = now.samples - first.samples;
  // Longer than the window: nothing was sent, by intent, and the first frame after it ended a very long freeze.
  const frozen = now.frozen - first.frozen;
  const stood = frozen >= POOR_FROZEN && frozen * 1000 <= now.at - first.at;
  return (
    (expected > 0 && lost / expected >= POOR_LOSS) ||
    (samples > 0 && (now.concealed - first.concealed) / samples >= POOR_CONCEALED) ||
    stood
  );
}

/**
 * @param {Iterable<any>} report the values of `getStats()`
 * @param {{ at: number, connected: boolean, paused: boolean }} rest
 * @returns {Reading}
 */
export function reading(report, rest) {
  const rows = [...report].filter(({ type }) => type === 'inbound-rtp');
  const sum = (/** @type {(row: any) => number | undefined} */ of) => rows.reduce((total, row) => total + (of(row) ?? 0), 0);
  return {
    ...rest,
    packets: sum(({ packetsReceived }) => packetsReceived),
    bytes: sum(({ bytesReceived }) => bytesReceived),
    lost: sum(({ packetsLost }) => packetsLost),
    frozen: sum(({ totalFreezesDuration }) => totalFreezesDuration),
    // Silence that is made up is none that is missed.
    concealed: sum(({ concealedSamples = 0, silentConcealedSamples = 0 }) => concealedSamples - silentConcealedSamples),
    samples: sum(({ totalSamplesReceived }) => totalSamplesReceived),
  };
}

export class QualityWatch {
  #judge = new Judge();
  #read;
  #changed;
  #closed = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {Quality} */
  #quality = 'good';

  /**
   * @param {() => Promise<Reading | null>} read null: nothing can be said at the moment
   * @param {(quality: Quality) => void} changed
   */
  constructor(read, changed) {
    this.#read = read;
    this.#changed = changed;
    this.#again();
  }

  get quality() {
    return this.#quality;
  }

  /** Looks now, and not only at the next turn. */
  async look() {
    const now = await this.#read().catch(() => null);
    if (!now || this.#closed) return;
    const quality = this.#judge.add(now);
    if (quality === this.#quality) return;
    this.#quality = quality;
    this.#changed(quality);
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #again() {
    this.#timer = setTimeout(async () => {
      await this.look();
      if (!this.#closed) this.#again();
    }, READ_MS);
  }
}
