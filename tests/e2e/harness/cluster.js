// The real binary as a cluster: two nodes of each role over a real etcd, NATS and Redis, each to be killed,
// stopped, drained and started again.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { until } from './until.js';
import { freePorts } from './ports.js';

const BINARY = process.env.ANABRANCH_BIN;
/** Starts the servers under a cluster, says how they are configured, and ends them with its standard input. */
const SERVERS = process.env.ANABRANCH_CLUSTER_BIN;
const ROLES = ['register', 'sfu', 'signal'];
/** Seconds; a client that will not move is not waited for any longer. */
const DRAIN_TIMEOUT = 20;

export class Cluster {
  /** @type {Node[]} */
  nodes = [];
  #servers;

  static async start() {
    if (!BINARY || !SERVERS) throw new Error('ANABRANCH_BIN and ANABRANCH_CLUSTER_BIN are not set: run `cargo xtask e2e`');
    const cluster = new Cluster();
    cluster.#servers = spawn(SERVERS, ['servers'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const [line] = await first(createInterface({ input: cluster.#servers.stdout }));
    const settings = JSON.parse(line);
    const ports = await freePorts({ tcp: 2 * 2 * ROLES.length + 2, udp: 2 });
    const urls = [0, 1].map((number) => `ws://127.0.0.1:${ports.tcp[number]}/ws`);
    const rest = ports.tcp.slice(2);
    for (const role of ROLES) {
      for (const number of [0, 1]) {
        const own = {
          register: [],
          sfu: [`sfu.port=${ports.udp[number]}`, 'sfu.workers=1', 'sfu.ips=["127.0.0.1"]'],
          signal: [`signal.listen=127.0.0.1:${ports.tcp[number]}`, `signal.urls=${JSON.stringify(urls)}`],
        }[role];
        const [rpc, ops] = rest.splice(0, 2);
        const common = [`rpc.listen=127.0.0.1:${rpc}`, `ops.listen=127.0.0.1:${ops}`, `node.drain_timeout=${DRAIN_TIMEOUT}`];
        const url = `http://127.0.0.1:${ports.tcp[number]}`;
        cluster.nodes.push(new Node(role, `${role}-${number + 1}`, { url, ops, settings: [...settings, ...common, ...own] }));
      }
    }
    await Promise.all(cluster.nodes.map((node) => node.start()));
    return cluster;
  }

  /** @param {string} id */
  node(id) {
    return this.nodes.find((node) => node.id === id);
  }

  async stop() {
    for (const role of [...ROLES].reverse()) {
      await Promise.all(this.nodes.filter((node) => node.role === role).map((node) => node.stop()));
    }
    const ended = new Promise((resolve) => this.#servers.once('exit', resolve));
    this.#servers.stdin.end();
    await ended;
  }
}

class Node {
  #child = null;
  #log = '';

  /** @param {string} role @param {string} id @param {{ url: string, ops: number, settings: string[] }} options */
  constructor(role, id, options) {
    this.role = role;
    this.id = id;
    /** Of the pages, for a signalling node. */
    this.url = options.url;
    this.options = options;
  }

  /** Starts it and waits until it is ready. */
  async start() {
    const settings = [`node.id=${this.id}`, ...this.options.settings].flatMap((setting) => ['--set', setting]);
    const child = spawn(BINARY, [this.role, ...settings]);
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (this.#log += text));
    await until(`${this.id} is ready`, async () => {
      assert.equal(child.exitCode, null, `${this.id} ended at once:\n${this.#log}`);
      return (await fetch(`http://127.0.0.1:${this.options.ops}/readyz`).catch(() => null))?.ok;
    });
  }

  /** @param {'SIGTERM' | 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'} name */
  signal(name) {
    this.#child.kill(name);
  }

  /** As a power cut stops it. */
  async kill() {
    const ended = this.#ended();
    this.signal('SIGKILL');
    await ended;
  }

  /** As its operator stops it: it drains, and ends well. */
  async stop() {
    if (!this.#child) return;
    const ended = this.#ended();
    this.signal('SIGTERM');
    assert.equal(await ended, 0, `${this.id} did not end with 0:\n${this.#log.slice(-4000)}`);
    assert.doesNotMatch(this.#log, /\bERROR\b|panicked at/, `${this.id} logged an error`);
  }

  async #ended() {
    const child = this.#child;
    const code = child.exitCode ?? (await new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal))));
    this.#child = null;
    return code;
  }
}

/** @param {import('node:readline').Interface} lines */
function first(lines) {
  return new Promise((resolve, reject) => {
    lines.once('line', (line) => resolve([line]));
    lines.once('close', () => reject(new Error('the servers of the cluster did not start')));
  });
}
