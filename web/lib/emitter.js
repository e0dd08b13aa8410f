// Events with types: every object of the library that something happens to is an Emitter.

/**
 * @template {Record<string, any>} Events name of the event -> what its listeners get
 */
export class Emitter {
  /** @type {Map<keyof Events, Set<(detail: any) => void>>} */
  #listeners = new Map();

  /**
   * Calls `listener` at every `name` until the returned function is called.
   *
   * @template {keyof Events} K
   * @param {K} name
   * @param {(detail: Events[K]) => void} listener
   * @returns {() => void} stops listening
   */
  on(name, listener) {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /**
   * The next `name`, as a promise.
   *
   * @template {keyof Events} K
   * @param {K} name
   * @returns {Promise<Events[K]>}
   */
  once(name) {
    return new Promise((resolve) => {
      const stop = this.on(name, (detail) => {
        stop();
        resolve(detail);
      });
    });
  }

  /**
   * Tells the listeners. One that throws is reported and costs the others, and the caller, nothing.
   *
   * @template {keyof Events} K
   * @param {K} name
   * @param {Events[K]} detail
   */
  emit(name, detail) {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        listener(detail);
      } catch (error) {
        reportError(error);
      }
    }
  }
}
