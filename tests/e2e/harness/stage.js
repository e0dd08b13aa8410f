// A server, browsers, and the people in them, on this machine or on hosts with a network between them.

import { launchChromium, launchFirefox } from './browsers.js';
import { Coder } from './coder.js';
import { prepare } from './in-page.js';
import { Network } from './network.js';
import { Person } from './person.js';
import { Server } from './server.js';

export class Stage {
  /** What people connect to: a server, or a cluster, whose first node they find. */
  server;
  /** @type {Network | null} */
  network = null;
  /** One on each host; `undefined` is this machine. @type {Map<string | undefined, Promise<import('playwright-core').Browser>>} */
  #chromiums = new Map();
  #firefox = null;
  #camera;
  /** Contexts since it was last cleared. */
  #contexts = [];
  #rooms = 0;

  #kind;
  #hosts;

  /**
   * @param {{ start: (settings?: string[], host?: import('./network.js').Host) => Promise<any> }} [kind] of server
   * @param {{ hosts?: string[], camera?: import('./camera.js').Camera }} [options] `hosts`: where browsers run, on a
   *   network where the server is a host of its own, too
   */
  constructor(kind = Server, { hosts, camera } = {}) {
    this.#kind = kind;
    this.#hosts = hosts;
    this.#camera = camera;
  }

  async open() {
    if (this.#hosts) this.network = await Network.start(['server', ...this.#hosts]);
    this.server = await this.#kind.start([], this.network?.host('server'));
  }

  /** Everybody leaves, and the network is good again. */
  async clear() {
    const contexts = this.#contexts;
    this.#contexts = [];
    await Promise.all(contexts.map((context) => context.close().catch(() => {}))); // some stories kill their own
    await this.network?.calm();
  }

  async close() {
    for (const chromium of this.#chromiums.values()) await (await chromium).close();
    await this.#firefox?.close();
    await this.server?.stop();
    await this.network?.stop();
  }

  /** A room that nobody else uses. */
  newRoom() {
    this.#rooms += 1;
    return `room ${this.#rooms}`;
  }

  /**
   * A Chromium page with nobody in it yet.
   *
   * @param {import('playwright-core').BrowserContextOptions} [options]
   * @param {string} [host] on which it runs; default: this machine
   */
  async page(options, host) {
    if (!this.#chromiums.has(host)) this.#chromiums.set(host, this.#launch(host));
    const context = await (await this.#chromiums.get(host)).newContext(options);
    this.#contexts.push(context);
    await context.addInitScript(prepare, this.#camera?.size);
    return context.newPage();
  }

  /** @param {string} [host] */
  async #launch(host) {
    const flags = this.#camera ? [`--use-file-for-fake-video-capture=${this.#camera.file}`] : [];
    return launchChromium(host ? { host: this.network.host(host), origin: this.server.url, flags } : { flags });
  }

  async firefoxPage() {
    this.#firefox ??= await launchFirefox();
    const context = await this.#firefox.createBrowserContext();
    this.#contexts.push(context);
    const page = await context.newPage();
    await page.evaluateOnNewDocument(prepare);
    return page;
  }

  /**
   * Somebody in the lobby of the demo page.
   *
   * @param {string} name
   * @param {{ room: string, page?: any, context?: object, token?: string, key?: string }} options
   */
  async visitor(name, { room, page, context, token, key }) {
    const person = new Person(page ?? (await this.page(context)), name);
    await person.visit(this.server.url, room, { token, key });
    return person;
  }

  /** Somebody in a call on the demo page. @param {string} name @param {{ room: string, page?: any, context?: object, token?: string, key?: string }} options */
  async person(name, options) {
    const person = await this.visitor(name, options);
    await person.isReady();
    await person.join();
    return person;
  }

  /**
   * Somebody in a room through the library.
   *
   * @param {string} name
   * @param {{ room: string, page?: any, host?: string, url?: string, subscribe?: boolean, options?: object }} how
   */
  async coder(name, { room, page, host, url = this.server.url, subscribe, options }) {
    const coder = new Coder(page ?? (await this.page({}, host)), name);
    await coder.visit(url);
    await coder.join(room, { subscribe, options });
    return coder;
  }
}
