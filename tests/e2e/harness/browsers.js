// Debian's browsers, headless, with a fake camera and microphone and no questions asked.

import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import puppeteer from 'puppeteer-core';

const CHROMIUM = process.env.ANABRANCH_CHROMIUM ?? '/usr/bin/chromium';
const FIREFOX = process.env.ANABRANCH_FIREFOX ?? '/usr/bin/firefox-esr';

/** Runs Chromium on another host. */
const INSIDE = fileURLToPath(new URL('chromium-inside.sh', import.meta.url));

const CHROMIUM_FLAGS = [
  '--use-fake-device-for-media-stream=fps=15',
  '--use-fake-ui-for-media-stream',
  // Chromium gathers no candidates on 127.0.0.1 without it.
  '--allow-loopback-in-peer-connection',
  '--autoplay-policy=no-user-gesture-required',
];

const FIREFOX_PREFERENCES = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.peerconnection.ice.loopback': true,
  'media.autoplay.default': 0,
  // Without a sound card WebAudio never starts: a pretended one will do.
  'media.cubeb.force_mock_context': true,
  'app.update.enabled': false,
  // A page without these permissions gets no candidates but the default route's, and so none on 127.0.0.1.
  'permissions.default.camera': 1,
  'permissions.default.microphone': 1,
};

/**
 * @param {{ host?: import('./network.js').Host, origin?: string, flags?: string[] }} [options] on which host, and the origin
 *   of a server elsewhere, which may use camera and microphone as one on loopback may
 */
export function launchChromium({ host, origin, flags = [] } = {}) {
  const args = [...CHROMIUM_FLAGS, ...flags];
  if (!host) return chromium.launch({ executablePath: CHROMIUM, args });
  if (origin) args.push(`--unsafely-treat-insecure-origin-as-secure=${origin}`);
  const env = { ...process.env, ANABRANCH_NET: host.net, ANABRANCH_CHROMIUM: CHROMIUM };
  return chromium.launch({ executablePath: INSIDE, args, env });
}

/** Through WebDriver BiDi, which puppeteer speaks to it. */
export function launchFirefox() {
  return puppeteer.launch({
    browser: 'firefox',
    executablePath: FIREFOX,
    headless: true,
    extraPrefsFirefox: FIREFOX_PREFERENCES,
  });
}
