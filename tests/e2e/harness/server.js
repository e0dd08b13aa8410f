// The real binary on free ports: started, waited for, stopped, and its log looked through.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import net from 'node:net';
import { availableParallelism } from 'node:os';
import { until } from './until.js';

const BINARY = process.env.ANABRANCH_BIN;
/** What the project promises for an orderly end. */
const STOP_MS = 5_000;

export class Server {
  #ports;
  #settings;
  #child = null;
  #log = '';

  /** @param {string[]} settings further `section.key=value` */
  static async start(settings = []) {
    if (!BINARY) throw new Error('ANABRANCH_BIN is not set: run `cargo xtask e2e`, or name the binary');
    const server = new Server(await freePorts(), settings);
    await server.start();
    return server;
  }

  constructor(ports, settings) {
    this.#ports = ports;
    this.#settings = settings;
  }

  get url() {
    return `http://127.0.0.1:${this.#ports.signal}`;
  }

  /** @param {string} uid */
  socketUrl(uid) {
    return `ws://127.0.0.1:${this.#ports.signal}/ws?peer=${encodeURIComponent(uid)}`;
  }

  get log() {
    return this.#log;
  }

  async start() {
    const { signal, ops, sfu } = this.#ports;
    const settings = [
      `signal.listen=127.0.0.1:${signal}`,
      `ops.listen=127.0.0.1:${ops}`,
      `sfu.port=${sfu}`,
      'sfu.ips=["127.0.0.1"]',
      ...this.#settings,
    ];
    const child = spawn(BINARY, ['standalone', ...settings.flatMap((setting) => ['--set', setting])]);
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (this.#log += text));
    await until('the server is ready', async () => {
      assert.equal(child.exitCode, null, `the server ended at once:\n${this.#log}`);
      return (await fetch(`http://127.0.0.1:${ops}/readyz`).catch(() => null))?.ok;
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

/** Ports that are free now, below those that the system hands out itself. */
async function freePorts() {
  for (let tries = 0; tries < 100; tries += 1) {
    const base = 12_000 + 64 * Math.floor(Math.random() * 150);
    const media = Array.from({ length: Math.max(availableParallelism(), 4) }, (_, worker) => base + 2 + worker);
    const free = await Promise.all([tcpFree(base), tcpFree(base + 1), ...media.map(udpFree)]);
    if (free.every(Boolean)) return { signal: base, ops: base + 1, sfu: base + 2 };
  }
  throw new Error('no free ports');
}

/** @param {number} port @returns {Promise<boolean>} */
function tcpFree(port) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** @param {number} port @returns {Promise<boolean>} */
function udpFree(port) {
  return new Promise((resolve) => {
    const socket = dgram.createSocket('udp4');
    socket.once('error', () => resolve(false));
    socket.bind(port, () => socket.close(() => resolve(true)));
  });
}
