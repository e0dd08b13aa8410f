// A server, browsers, and the people in them: opened once for a file of stories, cleared after each story.

import { after, afterEach, before } from 'node:test';
import { launchChromium, launchFirefox } from './browsers.js';
import { Coder } from './coder.js';
import { prepare } from './in-page.js';
import { Person } from './person.js';
import { Server } from './server.js';

export class Scene {
  /** What people connect to: a server, or a cluster, whose first node they find. */
  server;
  #chromium = null;
  #firefox = null;
  /** Contexts of the story that is running. */
  #contexts = [];
  #rooms = 0;

  /** @param {{ start: () => Promise<any> }} [kind] of server */
  constructor(kind = Server) {
    before(async () => {
      this.server = await kind.start();
    });
    afterEach(() => this.#clear());
    after(async () => {
      await this.#chromium?.close();
      await this.#firefox?.close();
      await this.server?.stop();
    });
  }

  /** A room that no other story uses. */
  newRoom() {
    this.#rooms += 1;
    return `room ${this.#rooms}`;
  }

  /** A Chromium page with nobody in it yet. @param {import('playwright-core').BrowserContextOptions} [options] */
  async page(options) {
    this.#chromium ??= await launchChromium();
    const context = await this.#chromium.newContext(options);
    this.#contexts.push(context);
    await context.addInitScript(prepare);
    return context.newPage();
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
   * @param {{ room: string, page?: any, context?: object, token?: string }} options
   */
  async visitor(name, { room, page, context, token }) {
    const person = new Person(page ?? (await this.page(context)), name);
    await person.visit(this.server.url, room, token);
    return person;
  }

  /** Somebody in a call on the demo page. @param {string} name @param {{ room: string, page?: any, context?: object, token?: string }} options */
  async person(name, options) {
    const person = await this.visitor(name, options);
    await person.isReady();
    await person.join();
    return person;
  }

  /** Somebody in a room through the library. @param {string} name @param {{ room: string, page?: any, url?: string, subscribe?: boolean }} options */
  async coder(name, { room, page, url = this.server.url, subscribe }) {
    const coder = new Coder(page ?? (await this.page()), name);
    await coder.visit(url);
    await coder.join(room, { subscribe });
    return coder;
  }

  async #clear() {
    const contexts = this.#contexts;
    this.#contexts = [];
    await Promise.all(contexts.map((context) => context.close().catch(() => {}))); // some stories kill their own
  }
}
