// Watches which tiles are seen, and how large, and lets each stream's server know what is needed of it.

import { wishFor } from './wish.js';

/**
 * @typedef {import('../lib/anabranch.js').Subscription} Subscription
 *
 * @typedef {object} Watched
 * @property {Subscription} subscription
 * @property {boolean} large
 * @property {number} height CSS pixels
 * @property {boolean} inSight
 */

export class Attention {
  /** @type {Map<Element, Watched>} */
  #watched = new Map();
  /** Streams of those who speak. @type {ReadonlySet<string>} */
  #speaking = new Set();
  #sizes;
  #sights;
  #look = () => this.#wishAll();

  constructor() {
    this.#sizes = new ResizeObserver((entries) => {
      for (const { target, contentRect } of entries) this.#change(target, { height: contentRect.height });
    });
    this.#sights = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) this.#change(target, { inSight: isIntersecting });
    });
    document.addEventListener('visibilitychange', this.#look);
    // Another screen, or another zoom, has other pixels.
    window.addEventListener('resize', this.#look);
  }

  /**
   * @param {Element} element the tile
   * @param {Subscription} subscription what fills it
   * @param {{ large: boolean }} options whether it has the stage
   */
  watch(element, subscription, { large }) {
    const height = element.getBoundingClientRect().height;
    this.#watched.set(element, { subscription, large, height, inSight: true });
    // Observers tell of what they begin to observe.
    for (const observer of [this.#sizes, this.#sights]) {
      observer.unobserve(element);
      observer.observe(element);
    }
    this.#wish(element);
  }

  /** @param {Element} element */
  forget(element) {
    this.#watched.delete(element);
    for (const observer of [this.#sizes, this.#sights]) observer.unobserve(element);
  }

  /** @param {ReadonlySet<string>} mids */
  speaking(mids) {
    this.#speaking = mids;
    this.#wishAll();
  }

  close() {
    this.#sizes.disconnect();
    this.#sights.disconnect();
    document.removeEventListener('visibilitychange', this.#look);
    window.removeEventListener('resize', this.#look);
    this.#watched.clear();
  }

  /** @param {Element} element @param {Partial<Watched>} change */
  #change(element, change) {
    const watched = this.#watched.get(element);
    if (watched) Object.assign(watched, change);
    this.#wish(element);
  }

  #wishAll() {
    for (const element of this.#watched.keys()) this.#wish(element);
  }

  /** @param {Element} element */
  #wish(element) {
    const watched = this.#watched.get(element);
    if (!watched) return;
    const { subscription, height, inSight, large } = watched;
    const seen = inSight && document.visibilityState === 'visible';
    const speaking = this.#speaking.has(subscription.mid);
    subscription.prefer(wishFor({ height, seen, large, speaking }, devicePixelRatio));
  }
}
