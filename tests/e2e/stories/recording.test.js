// What a browser says, in files: whole, in stereo, and readable by everybody else's programs.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { Scene } from '../harness/scene.js';
import { Server } from '../harness/server.js';
import { LEFT_HZ, RIGHT_HZ, publishTones } from '../harness/tones.js';
import { until } from '../harness/until.js';

const folder = mkdtempSync(path.join(tmpdir(), 'anabranch-recording-'));
after(() => rmSync(folder, { recursive: true }));

const scene = new Scene({ start: () => Server.start(['record.enabled=true', `record.dir=${folder}`]) });

/** A channel's own tone is so many times as strong as the other's. */
const APART = 10;

/** @param {string} room @param {string} ending */
function files(room, ending) {
  const parent = path.join(folder, encodeURIComponent(room));
  if (!existsSync(parent)) return [];
  const all = readdirSync(parent, { recursive: true, withFileTypes: true });
  return all.filter((entry) => entry.name.endsWith(ending)).map((entry) => path.join(entry.parentPath, entry.name));
}

/** @param {string} file */
function seconds(file) {
  const args = ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', file];
  return Number(execFileSync('ffprobe', args, { encoding: 'utf8' }));
}

/** Fails with what opusinfo has against a file. @param {string} file */
function isSound(file) {
  const info = execFileSync('opusinfo', [file], { encoding: 'utf8' });
  assert.doesNotMatch(info, /warning/i);
  return info;
}

/** How strong a tone is. @param {Float32Array} samples @param {number} frequency */
function strength(samples, frequency) {
  let [re, im] = [0, 0];
  for (const [n, sample] of samples.entries()) {
    const angle = (2 * Math.PI * frequency * n) / 48_000;
    re += sample * Math.cos(angle);
    im += sample * Math.sin(angle);
  }
  return Math.hypot(re, im) / samples.length;
}

/** Half a second of each channel, from the middle of a file. @param {string} file */
function channels(file) {
  const args = ['-v', 'error', '-ss', String(seconds(file) / 2), '-t', '0.5', '-i', file, '-f', 'f32le', '-ar', '48000', '-'];
  const bytes = execFileSync('ffmpeg', args, { maxBuffer: 1 << 24 });
  const both = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  return [0, 1].map((channel) => both.filter((_, n) => n % 2 === channel));
}

/** @param {string} room @param {number} bytes */
async function recorded(room, bytes) {
  await until('a few seconds are on the disk', () => files(room, '.opus').some((file) => statSync(file).size > bytes));
  return files(room, '.opus')[0];
}

test('a call becomes a file, left stays left and right stays right', async () => {
  const room = scene.newRoom();
  const speaker = await scene.coder('speaker', { room });
  const listener = await scene.coder('listener', { room });
  await speaker.page.evaluate(publishTones, [LEFT_HZ, RIGHT_HZ]);
  await listener.hearsSound(1);
  const file = await recorded(room, 20_000);
  await speaker.page.evaluate(() => keep[2].unpublish());
  await until('it is told', () => files(room, 'room.json').length === 1);

  assert.match(isSound(file), /Channels: 2/i);
  const told = JSON.parse(readFileSync(file.replace(/opus$/, 'json'), 'utf8'));
  assert.deepEqual([told.room, told.user, told.channels], [room, 'speaker', 2]);
  assert.ok(told.participants.includes('listener'));
  assert.ok(Math.abs(seconds(file) - told.duration) < 0.02, `${seconds(file)} and ${told.duration}`);
  const [left, right] = channels(file);
  assert.ok(strength(left, LEFT_HZ) > APART * strength(left, RIGHT_HZ), 'left');
  assert.ok(strength(right, RIGHT_HZ) > APART * strength(right, LEFT_HZ), 'right');
});

test('who does not want to be recorded is not', async () => {
  const room = scene.newRoom();
  const shy = await scene.coder('shy', { room });
  const listener = await scene.coder('listener', { room });
  await shy.page.evaluate(async () => {
    const capture = await navigator.mediaDevices.getUserMedia({ audio: true });
    await room.publish({ audio: capture.getAudioTracks()[0], record: false }).ready;
  });
  await listener.hearsSound(1);
  assert.deepEqual(files(room, ''), []);
});

test('a server that is killed leaves a file that opens, and completes it at its next start', async () => {
  const room = scene.newRoom();
  const speaker = await scene.coder('speaker', { room });
  await speaker.publish();
  const file = await recorded(room, 8_000);
  await scene.server.kill();
  const before = seconds(file);
  assert.ok(before > 1, `${before} s can be read of a file that has no end`);
  await scene.server.start();
  const sidecar = file.replace(/opus$/, 'json');
  await until('it is completed', () => files(room, '.json').includes(sidecar));
  isSound(file);
  const { mended, duration } = JSON.parse(readFileSync(sidecar, 'utf8'));
  assert.ok(mended && Math.abs(duration - before) < 0.1, `${duration} and ${before}`);
});
