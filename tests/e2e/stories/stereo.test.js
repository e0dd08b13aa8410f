// Stereo, from end to end: a low tone on the left and a high one on the right must arrive apart.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Scene } from '../harness/scene.js';
import { LEFT_HZ, RIGHT_HZ, publishTones } from '../harness/tones.js';
import { until } from '../harness/until.js';

const scene = new Scene();

/** How much louder, in dB, a channel's own tone must be than the other's: mono has 0, clean stereo 40 and more. */
const APART_DB = 20;
/** Below this, in dB, there is no tone at all. */
const AUDIBLE_DB = -50;

/** Takes the received sound apart, channel by channel. Runs in the page. */
function listen() {
  const stream = [...media.values()][0];
  const context = new AudioContext({ sampleRate: 48_000 });
  const source = new MediaStreamAudioSourceNode(context, { mediaStream: stream });
  const splitter = new ChannelSplitterNode(context, { numberOfOutputs: 2 });
  source.connect(splitter);
  const analysers = [0, 1].map((channel) => {
    const analyser = new AnalyserNode(context, { fftSize: 16_384, smoothingTimeConstant: 0 });
    splitter.connect(analyser, channel);
    return analyser;
  });
  window.ears = { context, source, splitter, analysers };
}

/** dB of each tone in each channel. Runs in the page. */
function loudness(frequencies) {
  const { analysers, context } = window.ears;
  return analysers.map((analyser) => {
    const bins = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(bins);
    return frequencies.map((frequency) => {
      const bin = Math.round((frequency * analyser.fftSize) / context.sampleRate);
      return Math.max(...bins.slice(bin - 2, bin + 3));
    });
  });
}

/** @param {import('../harness/coder.js').Coder} speaker @param {import('../harness/coder.js').Coder} listener */
async function provesStereo(speaker, listener) {
  const answer = await speaker.page.evaluate(publishTones, [LEFT_HZ, RIGHT_HZ]);
  assert.match(answer, /^a=fmtp:\d+ .*\bstereo=1/m, 'the publisher’s answer allows stereo');
  await listener.hearsSound(1);
  await listener.page.evaluate(listen);
  let heard;
  await until('the tones are heard apart', async () => {
    heard = await listener.page.evaluate(loudness, [LEFT_HZ, RIGHT_HZ]);
    const [[lowLeft, highLeft], [lowRight, highRight]] = heard;
    const audible = lowLeft > AUDIBLE_DB && highRight > AUDIBLE_DB;
    return audible && lowLeft - highLeft > APART_DB && highRight - lowRight > APART_DB;
  }).catch((error) => assert.fail(`${error.message}; dB per channel and tone: ${JSON.stringify(heard)}`));
}

test('left stays left and right stays right', async () => {
  const room = scene.newRoom();
  const speaker = await scene.coder('speaker', { room });
  const listener = await scene.coder('listener', { room });
  await provesStereo(speaker, listener);
});

test('also from Firefox to Chromium', async () => {
  const room = scene.newRoom();
  const speaker = await scene.coder('speaker', { room, page: await scene.firefoxPage() });
  const listener = await scene.coder('listener', { room });
  await provesStereo(speaker, listener);
});

test('also from Chromium to Firefox', async () => {
  const room = scene.newRoom();
  const speaker = await scene.coder('speaker', { room });
  const listener = await scene.coder('listener', { room, page: await scene.firefoxPage() });
  await provesStereo(speaker, listener);
});
