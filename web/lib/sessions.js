// What the client sends to and receives from one room: its publications and subscriptions, and how all of them fare when
// the room is lost and found again.

import { Publication } from './publication.js';
import { Subscription } from './subscription.js';

/** @typedef {import('./media-info.js').Stream} Stream */

export class Sessions {
  #link;
  /** @type {Set<Publication>} */
  #publications = new Set();
  /** @type {Map<string, Subscription>} */
  #subscriptions = new Map();

  /** @param {import('./media-session.js').Link} link */
  constructor(link) {
    this.#link = link;
  }

  get publications() {
    return [...this.#publications];
  }

  get subscriptions() {
    return [...this.#subscriptions.values()];
  }

  get all() {
    return [...this.publications, ...this.subscriptions];
  }

  /** @param {import('./publication.js').PublishOptions} options */
  publish(options) {
    const publication = new Publication(this.#link, options);
    this.#publications.add(publication);
    publication.on('state', (state) => state === 'closed' && this.#publications.delete(publication));
    if (this.#link.isJoined?.()) publication.start();
    return publication;
  }

  /** @param {string} mid */
  subscription(mid) {
    return this.#subscriptions.get(mid);
  }

  /**
   * @param {Stream} stream of which there is no subscription
   * @param {{ prefer?: import('./preference.js').Prefer }} [options]
   */
  subscribe(stream, options) {
    const subscription = new Subscription(this.#link, stream, options);
    this.#subscriptions.set(stream.mid, subscription);
    subscription.on('state', (state) => state === 'closed' && this.#forget(subscription));
    if (this.#link.isJoined?.()) subscription.start();
    return subscription;
  }

  /** What we publish under this id. @param {string} mid */
  published(mid) {
    return this.publications.find((publication) => publication.mid !== null && publication.mid === mid);
  }

  /** Those that a server has given an id. */
  named() {
    return this.all.filter(({ id }) => id !== null);
  }

  /**
   * The room is ours again.
   *
   * @param {ReadonlySet<string | null>} claimed ids of what we said that we still have
   * @param {ReadonlySet<string>} alive ids of what the server still has of it
   */
  entered(claimed, alive) {
    for (const session of this.all) {
      const { id } = session;
      const lost = claimed.has(id) && !alive.has(id ?? '');
      if (session.isHeld) session.resumed(claimed.has(id) && !lost);
      else if (lost && id !== null) session.restart({ soon: true });
      else session.start();
    }
  }

  /** All that has begun begins anew. */
  restart() {
    for (const session of this.all) if (session.state !== 'waiting') session.restart({ soon: true });
  }

  /** Another stream takes the place of one. @param {string} from @param {Stream} to */
  follow(from, to) {
    const subscription = this.#subscriptions.get(from);
    if (!subscription) return;
    this.#subscriptions.delete(from);
    this.#subscriptions.set(to.mid, subscription);
    subscription.moveTo(to);
  }

  /** @param {Subscription} subscription */
  #forget(subscription) {
    if (this.#subscriptions.get(subscription.mid) === subscription) this.#subscriptions.delete(subscription.mid);
  }
}

/** What we still have of an earlier connection, as `join` says it. @param {(Publication | Subscription)[]} sessions */
export function claims(sessions) {
  return {
    pubs: sessions.filter((session) => session instanceof Publication).map(({ claim }) => claim),
    subs: sessions.filter((session) => session instanceof Subscription).map(({ claim }) => claim),
  };
}
