// How a call goes over bad networks, measured: `cargo xtask bench networks [--write FILE]`. Stories wait for what must
// come; this looks how long it took, and how well it went meanwhile.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { loadavg, cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { setTimeout as pause } from 'node:timers/promises';
import { call, farApart } from './harness/far-call.js';
import { between } from './harness/reception.js';
import { Stage } from './harness/stage.js';
import { Server } from './harness/server.js';
import { until } from './harness/until.js';

const { write, only = '' } = parseArgs({ options: { write: { type: 'string' }, only: { type: 'string' } } }).values;

const LOOK_MS = 100;
/** Until the publisher sends as much as it may. */
const WARM_UP_MS = 15_000;

const STEPS = [3_000_000, 1_000_000, 300_000, 2_000_000];
const STEP_MS = 30_000;
/** The end of a step, when all has settled. */
const SETTLED_MS = 15_000;

/** Towards the subscriber; and the way back, where it is not 20 ms. */
const LOSSES = [
  ['nothing of the kind', {}],
  ['50 ms jitter', { jitter: 50 }],
  ['10 % loss', { loss: 10 }],
  ['10 % loss and 50 ms jitter', { jitter: 50, loss: 10 }],
  ['10 % loss, 200 ms there and back', { loss: 10, delay: 100 }, 100],
];
const LOSS_MS = 60_000;

const OUTAGE_MS = 30_000;

const stage = new Stage(Server, farApart());
const parts = { steps, losses, absences };
const load = loadavg()[0].toFixed(2);
const text = [];
await stage.open();
try {
  for (const [name, part] of Object.entries(parts)) {
    if (!name.includes(only)) continue;
    text.push(await part());
    console.log(text.at(-1));
    await stage.clear();
  }
} finally {
  await stage.close();
}
if (write) writeFileSync(write, [head(), ...text].join('\n'));

function head() {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const chromium = execFileSync(process.env.ANABRANCH_CHROMIUM ?? 'chromium', ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return `# Calls over bad networks

Measured on ${new Date().toISOString().slice(0, 10)} with \`cargo xtask bench networks --write docs/performance-networks.md\`: ${cpus()[0].model}, ${cpus().length} cores,
Linux ${release()}, Chromium ${/[\d.]+/.exec(chromium)[0]}, commit ${commit}. The load average before was ${load}.

One Chromium publishes 960×540 at 15 frames a second with simulcast, another one is subscribed; they and the server are hosts
of their own (network namespaces), and the line to the subscriber is made worse (\`tests/links\`). The whole of it runs on
this machine: encoding and decoding share the cores with the server.
`;
}

/** The line to the subscriber becomes narrower, and wider again. */
async function steps() {
  const { bob, mid } = await call(stage);
  await pause(WARM_UP_MS);
  const rows = [];
  for (const rate of STEPS) {
    await stage.network.to('bob', { rate });
    const [line, ...seen] = await step(bob, rate);
    rows.push([line, await estimate(mid), ...seen]);
  }
  return table(
    'The line becomes narrower, and wider again',
    `Each step lasts ${STEP_MS / 1000} s. "Estimate" is what the server takes the line to carry
when the step ends. "Last change" is when the picture's size changed for the last time after the step began; rate, share of the line
(headers and sound included) and frame rate are those of the last ${SETTLED_MS / 1000} s, the rest is of the whole step.`,
    ['line', 'estimate', 'picture', 'last change', 'video', 'of the line', 'frames/s', 'sound made up', 'freezes', 'longest queue', 'dropped'],
    rows,
  );
}

/** What the server takes the subscriber's network to carry. @param {string} mid */
async function estimate(mid) {
  const stream = JSON.parse(await stage.server.ops(`/streams/${encodeURIComponent(mid)}`));
  const carried = stream.subscriptions[0]?.network_bits_per_second;
  return carried === undefined ? 'none' : kilobits(carried);
}

/** @param {import('./harness/coder.js').Coder} bob @param {number} rate */
async function step(bob, rate) {
  const carried = await stage.network.counts('bob');
  const first = await bob.reception();
  let last = first;
  let changed = first.at;
  let settled = null;
  while (last.at - first.at < STEP_MS) {
    await pause(LOOK_MS);
    const seen = await bob.reception();
    if (seen.width !== last.width) changed = seen.at;
    if (!settled && seen.at - first.at >= STEP_MS - SETTLED_MS) settled = { seen, carried: await stage.network.counts('bob') };
    last = seen;
  }
  const now = await stage.network.counts('bob');
  const [whole, end] = [between(first, last), between(settled.seen, last)];
  const share = ((now.to.bytes - settled.carried.to.bytes) * 8) / end.seconds / rate;
  const wait = Math.max(settled.carried.to.longestWaitMs, now.to.longestWaitMs);
  return [
    `${rate / 1e6} Mbit/s`,
    `${last.width}×${last.height}`,
    changed === first.at ? 'none' : `${seconds(changed - first.at)} s`,
    kilobits(end.videoBitrate),
    `${Math.round(share * 100)} %`,
    end.fps.toFixed(1),
    percent(whole.concealed),
    freezes(whole),
    `${Math.round(wait)} ms`,
    now.to.dropped - carried.to.dropped,
  ];
}

/** Packets get lost, and come late. */
async function losses() {
  const { bob } = await call(stage);
  await pause(WARM_UP_MS);
  const rows = [];
  for (const [name, conditions, back = 20] of LOSSES) {
    await stage.network.calm();
    await stage.network.to('bob', { delay: 20, ...conditions });
    await stage.network.from('bob', { delay: back });
    const before = await bob.reception();
    await pause(LOSS_MS);
    const seen = between(before, await bob.reception());
    rows.push([name, kilobits(seen.videoBitrate), seen.fps.toFixed(1), freezes(seen), seen.keyFrames, percent(seen.concealed)]);
  }
  return table(
    'Packets get lost, or come late',
    `On the way to the subscriber, ${LOSS_MS / 1000} s each; with 20 ms each way where nothing else is said. Packets are lost each for
itself, and jitter keeps their order. The line has no rate.`,
    ['on the way', 'video', 'frames/s', 'freezes', 'key frames', 'sound made up'],
    rows,
  );
}

/** The network is away, or another one. */
async function absences() {
  const rows = [];
  for (const who of ['alice', 'bob']) {
    rows.push([`the ${role(who)} has no network for ${OUTAGE_MS / 1000} s`, ...(await absence(who, outage))]);
    rows.push([`the ${role(who)} gets another address`, ...(await absence(who, (host) => stage.network.move(host)))]);
  }
  return table(
    'The network is away, or another one',
    'How long after its return the subscriber gets sound and pictures again, and whether it took new peer connections.',
    ['what happens', 'sound after', 'pictures after', 'new peer connections'],
    rows,
  );
}

/** @param {string} who @param {(host: string) => Promise<unknown>} happen ends when the network is there again */
async function absence(who, happen) {
  const { alice, bob } = await call(stage);
  await happen(who);
  const back = performance.now();
  const after = async (/** @type {string} */ what, /** @type {'frames' | 'audioBytes'} */ count) => {
    let last = Infinity;
    const grows = async () => {
      const before = last;
      last = (await bob.reception())[count]; // it begins anew with a new peer connection
      return last > before;
    };
    await until(`there is ${what} again`, grows, { within: 90_000 });
    return `${seconds(performance.now() - back)} s`;
  };
  const times = await Promise.all([after('sound', 'audioBytes'), after('a picture', 'frames')]);
  const made = await Promise.all([alice, bob].map(({ page }) => page.evaluate(() => peerConnections.length - 1)));
  await stage.clear();
  return [...times, made[0] + made[1]];
}

/** @param {string} host */
async function outage(host) {
  await stage.network.cut(host);
  await pause(OUTAGE_MS);
  await stage.network.mend(host);
}

/** @param {string} who */
function role(who) {
  return who === 'alice' ? 'publisher' : 'subscriber';
}

/** @param {number} milliseconds */
function seconds(milliseconds) {
  return (milliseconds / 1000).toFixed(1);
}

/** @param {number} rate */
function kilobits(rate) {
  return `${Math.round(rate / 1000)} kbit/s`;
}

/** @param {number} share */
function percent(share) {
  return `${(share * 100).toFixed(1)} %`;
}

/** @param {import('./harness/reception.js').Reception} seen */
function freezes({ freezes, frozen }) {
  return freezes === 0 ? 'none' : `${freezes} (${frozen.toFixed(1)} s)`;
}

/** @param {string} title @param {string} words @param {string[]} names @param {(string | number)[][]} rows */
function table(title, words, names, rows) {
  const lines = [names, names.map((_, column) => (column === 0 ? '---' : '--:')), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  return `\n## ${title}\n\n${words}\n\n${lines.join('\n')}\n`;
}
