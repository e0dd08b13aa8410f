// How long to wait before the next try: doubling, bounded, and never the same for everybody, so that
// a restarted server is not met by all of its clients at once.

const FIRST_MS = 400;
const LONGEST_MS = 12_000;
/** Share of the delay that is left to chance. */
const JITTER = 0.4;

export class Backoff {
  #attempt = 0;

  /** Tries since the last {@link reset}. */
  get attempt() {
    return this.#attempt;
  }

  /** @returns {number} milliseconds to wait before the next try */
  next() {
    const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#attempt);
    this.#attempt += 1;
    return Math.round(full * (1 - JITTER * Math.random()));
  }

  reset() {
    this.#attempt = 0;
  }
}
