// Hosts with a network between them, as bad as a story wants it: each in a network namespace of its own, on a line
// whose rate, delay, jitter and loss change while people talk. The program `links` (tests/links) does it; needs root.

import { execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const BINARY = process.env.ANABRANCH_LINKS_BIN;
const run = promisify(execFile);

/** Prints what a URL answers, and fails where that is no success. */
const GET = 'const answer = await fetch(process.argv[1]); process.stdout.write(await answer.text()); process.exitCode = answer.ok ? 0 : 1;';

/**
 * @typedef {object} Conditions of one direction of a line; what is left out stays as it is
 * @property {number | 'none'} [rate] bit/s, headers of IP and UDP among them
 * @property {number} [queue] milliseconds that a packet may wait before the bottleneck; 300 unless said otherwise
 * @property {number} [delay] milliseconds
 * @property {number} [jitter] up to so many milliseconds more, evenly; the order stays
 * @property {number} [loss] percent
 */

export class Host {
  /** @param {string} name @param {{ pid: number, address: string }} description */
  constructor(name, { pid, address }) {
    this.name = name;
    this.address = address;
    /** The namespace: what `nsenter` takes. */
    this.net = `/proc/${pid}/ns/net`;
  }

  /** A command line that runs there. @param {string[]} words @returns {[string, string[]]} */
  command(words) {
    return ['nsenter', [`--net=${this.net}`, '--', ...words]];
  }

  /** What a URL answers there; null where nothing answers, or no success. @param {string} url @returns {Promise<string | null>} */
  async get(url) {
    const [program, args] = this.command([process.execPath, '--input-type=module', '-e', GET, url]);
    return run(program, args).then(({ stdout }) => stdout, () => null);
  }
}

export class Network {
  #child;
  #answers;
  /** @type {Map<string, Host>} */
  #hosts = new Map();

  /** @param {string[]} names of the hosts @param {{ seed?: number }} [options] */
  static async start(names, { seed = 1 } = {}) {
    if (!BINARY) throw new Error('ANABRANCH_LINKS_BIN is not set: run `cargo xtask e2e`, or name the binary');
    const network = new Network(spawn(BINARY, ['--seed', String(seed), ...names], { stdio: ['pipe', 'pipe', 'inherit'] }));
    for (const [name, description] of Object.entries(await network.#answer())) {
      network.#hosts.set(name, new Host(name, description));
    }
    return network;
  }

  constructor(child) {
    this.#child = child;
    this.#answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** @param {string} name @returns {Host} */
  host(name) {
    const host = this.#hosts.get(name);
    if (!host) throw new Error(`there is no host ${name}`);
    return host;
  }

  /** Towards a host. @param {string} name @param {Conditions} conditions */
  async to(name, conditions) {
    await this.#order('to', name, ...Object.entries(conditions).flat());
  }

  /** @param {string} name @param {Conditions} conditions */
  async from(name, conditions) {
    await this.#order('from', name, ...Object.entries(conditions).flat());
  }

  /** Nothing goes to the host any more, nor comes from it. @param {string} name */
  async cut(name) {
    await this.#order('cut', name);
  }

  /** @param {string} name */
  async mend(name) {
    await this.#order('mend', name);
  }

  /** It has another address from now on, and the former one no more. @param {string} name */
  async move(name) {
    this.host(name).address = (await this.#order('move', name)).address;
  }

  /**
   * What each direction of its line has carried so far. `longestWaitMs`: before the bottleneck, since this was last asked.
   *
   * @typedef {{ packets: number, bytes: number, dropped: number, lost: number, cut: number, longestWaitMs: number }} Counts
   * @param {string} name @returns {Promise<{ from: Counts, to: Counts }>}
   */
  counts(name) {
    return this.#order('counts', name);
  }

  /** All lines are as good as they were at first. */
  async calm() {
    for (const name of this.#hosts.keys()) await this.#order('calm', name);
  }

  async stop() {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.stdin.end();
    await ended;
  }

  /** @param {(string | number)[]} words */
  async #order(...words) {
    this.#child.stdin.write(`${words.join(' ')}\n`);
    const answer = await this.#answer();
    if (answer.error) throw new Error(`links: ${words.join(' ')}: ${answer.error}`);
    return answer;
  }

  async #answer() {
    const { value, done } = await this.#answers.next();
    if (done) throw new Error('the network has ended: is this root, and are there iproute2 and /dev/net/tun?');
    return JSON.parse(value);
  }
}
