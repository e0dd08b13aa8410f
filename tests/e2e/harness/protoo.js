// Users of the signalling alone, through the npm client that real programs use.

import protoo from 'protoo-client';
import { until } from './until.js';

export class ProtooUser {
  /** Notifications in the order they came. @type {{ method: string, data: any }[]} */
  heard = [];

  /**
   * @param {string} url with `?peer=`
   * @param {string} uid
   */
  static async connect(url, uid) {
    const user = new ProtooUser(url, uid);
    await until(`${uid} is connected`, () => user.peer.connected);
    return user;
  }

  constructor(url, uid) {
    this.uid = uid;
    this.peer = new protoo.Peer(new protoo.WebSocketTransport(url, { retry: { retries: 0 } }));
    this.peer.on('notification', ({ method, data }) => this.heard.push({ method, data }));
  }

  /** @param {string} method @param {any} [data] */
  request(method, data) {
    return this.peer.request(method, data);
  }

  /** The error code with which a request fails. @param {string} method @param {any} [data] @returns {Promise<number | string>} */
  async refused(method, data) {
    try {
      await this.peer.request(method, data);
      return 'not refused';
    } catch (error) {
      return error.code;
    }
  }

  /** @param {string} method @param {(data: any) => boolean} [fits] */
  async hears(method, fits = () => true) {
    const found = await until(`${this.uid} hears ${method}`, () =>
      this.heard.find((notification) => notification.method === method && fits(notification.data)),
    );
    return found.data;
  }

  close() {
    this.peer.close();
  }
}
