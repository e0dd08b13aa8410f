// A user of the server in Python: aiortc/peer.py as a child process, and what it tells.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { until } from './until.js';

const PYTHON = process.env.ANABRANCH_PYTHON;
const SCRIPT = fileURLToPath(new URL('../aiortc/peer.py', import.meta.url));

export class PythonPeer {
  #child;
  #told = [];
  #errors = '';
  #counts = {};
  #state = '';

  /**
   * @param {string} url of the server
   * @param {string} rid
   * @param {string} uid
   * @param {'publish' | 'subscribe'} task
   */
  constructor(url, rid, uid, task) {
    if (!PYTHON) throw new Error('ANABRANCH_PYTHON is not set: run `cargo xtask e2e`, or name a Python with aiortc');
    this.uid = uid;
    this.#child = spawn(PYTHON, [SCRIPT, url, rid, uid, task]);
    this.#child.stderr.on('data', (text) => (this.#errors += text));
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#hear(JSON.parse(line)));
  }

  #hear({ counts, state, ...told }) {
    if (!counts) return this.#told.push(told);
    this.#counts = counts;
    this.#state = state;
    return undefined;
  }

  /** @param {string} event */
  tells(event) {
    return this.#wait(`it tells “${event}”`, () => this.#told.find((told) => told.event === event));
  }

  /** @param {string} what @param {(counts: any) => boolean} enough */
  counts(what, enough) {
    return this.#wait(`it counts ${what}`, () => enough(this.#counts) && this.#counts);
  }

  #wait(what, probe) {
    return until(`${this.uid}: ${what}`, () => {
      if (this.#child.exitCode !== null) throw new Error(`${this.uid} has ended:\n${this.#errors}`);
      return probe();
    }).catch((error) => {
      const seen = JSON.stringify({ told: this.#told, counts: this.#counts, state: this.#state });
      throw new Error(`${error.message}; so far: ${seen}\n${this.#errors}`);
    });
  }

  /** As it should end: leaves the room. @returns {Promise<number>} its exit code */
  async leave() {
    const exit = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.stdin.end();
    return exit;
  }

  kill() {
    this.#child.kill('SIGKILL');
  }
}
