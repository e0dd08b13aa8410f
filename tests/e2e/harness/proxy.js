// A bad line to the server: a TCP proxy whose connections can be cut, and which can refuse new ones.

import net from 'node:net';

export class Proxy {
  #server;
  #sockets = new Set();
  #open = true;

  /** @param {string} url of the server */
  static async to(url) {
    const proxy = new Proxy(new URL(url));
    await new Promise((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  /** @param {URL} target */
  constructor(target) {
    this.#server = net.createServer((near) => {
      if (!this.#open) return near.destroy();
      const far = net.connect(Number(target.port), target.hostname);
      for (const [from, to] of [[near, far], [far, near]]) {
        this.#sockets.add(from);
        from.pipe(to);
        from.on('error', () => to.destroy());
        from.on('close', () => {
          this.#sockets.delete(from);
          to.destroy();
        });
      }
    });
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  /** Cuts all connections, and lets none through until {@link mend}. */
  cut() {
    this.#open = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend() {
    this.#open = true;
  }

  close() {
    this.cut();
    return new Promise((resolve) => this.#server.close(resolve));
  }
}
