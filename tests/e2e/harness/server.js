// The real binary on free ports: started, waited for, stopped, and its log looked through.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { freePorts } from './ports.js';
import { until } from './until.js';

const BINARY = process.env.ANABRANCH_BIN;
/** What the project promises for an orderly end. */
const STOP_MS = 5_000;

/** This machine, as the others are that a {@link Network} has. */
const LOOPBACK = {
  address: '127.0.0.1',
  /** @param {string[]} words @returns {[string, string[]]} */
  command: ([program, ...args]) => [program, args],
  /** @param {string} url */
  get: (url) => fetch(url).then((answer) => (answer.ok ? answer.text() : null), () => null),
};

export class Server {
  #ports;
  #settings;
  #host;
  #child = null;
  #log = '';

  /**
   * @param {string[]} settings further `section.key=value`
   * @param {typeof LOOPBACK} [host] where it runs
   */
  static async start(settings = [], host = LOOPBACK) {
    if (!BINARY) throw new Error('ANABRANCH_BIN is not set: run `cargo xtask e2e`, or name the binary');
    // A port for each media worker.
    const { tcp, udp } = await freePorts({ tcp: 2, udp: Math.max(availableParallelism(), 4) });
    const server = new Server({ signal: tcp[0], ops: tcp[1], sfu: udp[0] }, settings, host);
    await server.start();
    return server;
  }

  constructor(ports, settings, host) {
    this.#ports = ports;
    this.#settings = settings;
    this.#host = host;
  }

  get url() {
    return `http://${this.#host.address}:${this.#ports.signal}`;
  }

  /** @param {string} uid */
  socketUrl(uid) {
    return `ws://${this.#host.address}:${this.#ports.signal}/ws?peer=${encodeURIComponent(uid)}`;
  }

  /** One of the operator's pages; null where there is none. @param {string} path @returns {Promise<string | null>} */
  ops(path) {
    return this.#host.get(`http://127.0.0.1:${this.#ports.ops}${path}`);
  }

  get log() {
    return this.#log;
  }

  async start() {
    const { signal, ops, sfu } = this.#ports;
    const { address } = this.#host;
    const settings = [
      `signal.listen=${address}:${signal}`,
      `ops.listen=127.0.0.1:${ops}`,
      `sfu.port=${sfu}`,
      `sfu.ips=["${address}"]`,
      ...this.#settings,
    ];
    const words = [BINARY, 'standalone', ...settings.flatMap((setting) => ['--set', setting])];
    const child = spawn(...this.#host.command(words));
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (this.#log += text));
    await until('the server is ready', async () => {
      assert.equal(child.exitCode, null, `the server ended at once:\n${this.#log}`);
      return (await this.ops('/readyz')) !== null;
    });
  }

  /** As an operator stops it. */
  async stop() {
    const child = this.#child;
    this.#child = null;
    if (!child) return;
    const exit = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
    if (child.exitCode === null) child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    const code = child.exitCode ?? (await exit);
    clearTimeout(late);
    assert.equal(code, 0, `the server ended with ${code} and not with 0:\n${this.#log.slice(-4000)}`);
    assert.doesNotMatch(this.#log, /\bERROR\b|panicked at/, 'the server logged an error');
  }

  /** As a power cut stops it. */
  async kill() {
    const child = this.#child;
    this.#child = null;
    const exit = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exit;
  }
}
