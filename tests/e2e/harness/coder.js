// Somebody who uses the client library, from the console of an otherwise empty page.

import { Actor } from './actor.js';
import { until } from './until.js';

export class Coder extends Actor {
  /**
   * @param {any} page
   * @param {string} name the user id too
   */
  constructor(page, name) {
    super(page);
    this.name = name;
  }

  /** @param {string} url of the server */
  async visit(url) {
    // Any document of the server's own origin will do: the library is imported below.
    await this.page.goto(`${url}/lib/anabranch.js`);
  }

  /**
   * Joins, notes down every event, and subscribes to all that comes.
   *
   * @param {string} rid
   * @param {{ subscribe?: boolean, options?: object }} [how] `options`: further ones of the client
   */
  async join(rid, { subscribe = true, options = {} } = {}) {
    await this.page.evaluate(
      async ({ uid, rid, subscribe, options }) => {
        const { Client } = await import('/lib/anabranch.js');
        const events = (window.events = []);
        window.media = new Map();
        window.players = [];
        // Browsers decode only what somebody listens to.
        const play = (mid, stream) => {
          const player = new Audio();
          player.srcObject = stream;
          void player.play();
          players.push(player);
          media.set(mid, stream);
        };
        window.client = new Client({ uid, ...options });
        client.on('lost', () => events.push({ name: 'lost' }));
        client.on('closed', ({ kicked }) => events.push({ name: 'closed', kicked }));
        await client.join(rid, (room) => {
          window.room = room;
          for (const name of ['joined', 'away', 'left', 'peer-join', 'peer-leave', 'stream-add', 'stream-remove', 'stream-move', 'broadcast', 'active-speakers']) {
            room.on(name, (detail) => events.push({ name, ...detail }));
          }
          if (!subscribe) return;
          room.on('stream-add', ({ mid }) => {
            const subscription = room.subscribe(mid);
            subscription.on('media', (stream) => play(mid, stream));
            subscription.on('encryption', (encryption) => events.push({ name: 'encryption', encryption, mid }));
          });
        });
      },
      { uid: this.name, rid, subscribe, options },
    );
  }

  /** Publishes the (fake) camera and microphone. @param {object} [options] @returns {Promise<string>} the mid */
  publish(options = {}) {
    return this.page.evaluate(async (options) => {
      window.capture ??= await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
      const [audio] = capture.getAudioTracks();
      const [video] = capture.getVideoTracks();
      window.publication = room.publish({ audio, video, degradationPreference: 'maintain-resolution', ...options });
      await publication.ready;
      return publication.mid;
    }, options);
  }

  async unpublish() {
    await this.page.evaluate(() => publication.unpublish());
  }

  /** @param {unknown} data */
  async broadcast(data) {
    await this.page.evaluate((value) => room.broadcast(value), data);
  }

  /** @returns {Promise<any[]>} all events so far, in order */
  events() {
    return this.page.evaluate(() => events);
  }

  /** @param {string} name @param {(event: any) => boolean} [fits] */
  async hears(name, fits = () => true) {
    return until(`${this.name} hears ${name}`, async () =>
      (await this.events()).find((event) => event.name === name && fits(event)),
    );
  }

  async leave() {
    await this.page.evaluate(() => client.close());
  }
}
