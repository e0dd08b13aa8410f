// Which counters were there already (RFC 3711 section 3.3.2, with numbers of frames): a server that sends a frame again
// is not believed. Frames come a little out of order, so the last ones are kept track of one by one.

/** Frames: more than two seconds of three layers and sound together. */
const WINDOW = 512;

export class ReplayWindow {
  /** @type {Set<number>} */
  #seen = new Set();
  #highest = -1;

  /** @param {number} counter @returns {boolean} whether it may be opened: it is new, and not too old to be known */
  isFresh(counter) {
    return counter > this.#highest - WINDOW && !this.#seen.has(counter);
  }

  /** It was authentic. @param {number} counter */
  note(counter) {
    this.#seen.add(counter);
    if (counter <= this.#highest) return;
    this.#highest = counter;
    for (const old of this.#seen) {
      if (old > counter - WINDOW) break;
      this.#seen.delete(old);
    }
  }
}
