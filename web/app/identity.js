// Names and rooms: what the person types, what the server gets, and what this browser remembers of it.

import { LONGEST_ID } from '../lib/anabranch.js';

/** Tells two people of the same name apart; not shown. */
const SUFFIX = /~[a-z0-9]{6}$/;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';

/**
 * A user id for this page load: the name, and a random rest, because the same id twice in a room is a kick.
 *
 * @param {string} name
 */
export function userId(name) {
  const random = crypto.getRandomValues(new Uint8Array(6));
  const rest = Array.from(random, (byte) => LETTERS[byte % LETTERS.length]).join('');
  return `${shortened(clean(name), LONGEST_ID - 7) || 'Guest'}~${rest}`;
}

/**
 * The name in a user id; ids of other programs are shown as they are.
 *
 * @param {string} uid
 */
export function displayName(uid) {
  return uid.replace(SUFFIX, '') || uid;
}

/**
 * What the server will take as an id.
 *
 * @param {string} text
 */
export function clean(text) {
  return shortened(text.replace(/\p{Cc}+/gu, ' ').trim(), LONGEST_ID);
}

/** Two letters for those who show no picture. @param {string} name */
export function initials(name) {
  const words = name.split(/[\s._-]+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words.at(-1)].map((word) => first(word)) : [first(words[0], 2)];
  return letters.join('').toUpperCase() || '?';
}

/** A colour that is the same for the same person everywhere. @param {string} uid @returns {number} hue in degrees */
export function hue(uid) {
  let hash = 7;
  for (const letter of uid) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) % 360;
  return hash;
}

/** The room in the address, or the last one, or a new one. */
export function initialRoom() {
  return clean(new URLSearchParams(location.search).get('room') ?? '') || remembered('room') || newRoom();
}

/** The token in the address, behind `#token=`: what stands there is never sent to a server. @returns {string | undefined} */
export function token() {
  return new URLSearchParams(location.hash.slice(1)).get('token') || undefined;
}

/** The passphrase in the address, behind `#key=`. */
export function linkedKey() {
  return new URLSearchParams(location.hash.slice(1)).get('key') ?? '';
}

/** Whom a token is for, if it is one. @param {string} token @returns {string | undefined} */
export function bearer(token) {
  try {
    const [, payload = ''] = token.split('.');
    const bytes = Uint8Array.from(atob(payload.replace(/-/g, '+').replace(/_/g, '/')), (letter) => letter.charCodeAt(0));
    const { sub } = JSON.parse(new TextDecoder().decode(bytes));
    return typeof sub === 'string' ? sub : undefined;
  } catch {
    return undefined; // the server will say what is wrong with it
  }
}

/**
 * @param {string} rid
 * @param {{ key?: string | null, token?: string }} [secrets] behind the `#`, which stays in the browser
 */
export function roomLink(rid, { key, token: ticket } = {}) {
  const url = new URL('/', location.href);
  url.searchParams.set('room', rid);
  url.hash = new URLSearchParams({ ...(ticket && { token: ticket }), ...(key && { key }) }).toString();
  return url;
}

/** @param {'name' | 'room' | 'camera' | 'microphone' | 'stereo'} key @returns {string} '' when there is nothing */
export function remembered(key) {
  try {
    return localStorage.getItem(`anabranch.${key}`) ?? '';
  } catch {
    return ''; // storage is switched off: nothing is remembered
  }
}

/**
 * @param {'name' | 'room' | 'camera' | 'microphone' | 'stereo'} key
 * @param {string} value
 */
export function remember(key, value) {
  try {
    localStorage.setItem(`anabranch.${key}`, value);
  } catch {
    // storage is switched off or full: the page works without
  }
}

function newRoom() {
  const places = ['delta', 'oxbow', 'rapids', 'ford', 'spring', 'weir', 'eddy', 'creek', 'confluence', 'estuary'];
  const [place = 0, number = 0] = crypto.getRandomValues(new Uint16Array(2));
  return `${places[place % places.length]}-${100 + (number % 900)}`;
}

/** @param {string | undefined} word @param {number} [count] */
function first(word = '', count = 1) {
  return [...word].slice(0, count).join('');
}

/** @param {string} text @param {number} bytes at most, of UTF-8 */
function shortened(text, bytes) {
  const encoder = new TextEncoder();
  const letters = [...text];
  while (encoder.encode(letters.join('')).length > bytes) letters.pop();
  return letters.join('').trim();
}
