// The figures of each stream: bitrate, loss, round trip, codec, resolution. Read only while somebody looks.

import { byId, make } from './dom.js';
import { displayName } from './identity.js';
import { Source } from '../lib/anabranch.js';

const READ_MS = 1_000;

/**
 * @typedef {import('../lib/anabranch.js').TrackStats} TrackStats
 * @typedef {{ title: string, tracks: TrackStats[] }} Card
 */

export class StatsPanel {
  #room;
  #outgoing;
  #list = byId('stats-list', HTMLElement);
  #timer;
  #closed = false;

  /**
   * @param {import('../lib/anabranch.js').Room} room
   * @param {import('./outgoing.js').Outgoing} outgoing
   * @param {import('./panel.js').Panel} panel
   */
  constructor(room, outgoing, panel) {
    this.#room = room;
    this.#outgoing = outgoing;
    panel.onOpen = () => void this.#refresh();
    this.#timer = setInterval(() => panel.open && void this.#refresh(), READ_MS);
  }

  close() {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#list.replaceChildren();
  }

  async #refresh() {
    const cards = await Promise.all([
      ...this.#room.publications.map(async (publication) => ({
        title: this.#outgoing.nameOf(publication),
        tracks: await publication.stats(),
      })),
      ...this.#room.subscriptions.map(async (subscription) => ({
        title: titleOf(subscription.stream),
        tracks: await subscription.stats(),
      })),
    ]);
    if (this.#closed) return;
    const nothing = make('p', { class: 'empty', text: 'Nobody sends anything yet.' });
    this.#list.replaceChildren(...(cards.length ? cards.map(card) : [nothing]));
  }
}

/** @param {import('../lib/anabranch.js').Stream} stream */
function titleOf({ uid, minfo }) {
  const name = displayName(uid);
  return minfo.video && minfo.videotype === Source.screen ? `${name}’s screen` : name;
}

/** @param {Card} card */
function card({ title, tracks }) {
  const rows = tracks.toSorted((a, b) => a.kind.localeCompare(b.kind)).map(row);
  const body = rows.length ? rows : [make('p', { class: 'empty', text: 'No media yet' })];
  return make('article', { class: 'stats-card' }, make('h3', { text: title }), ...body);
}

/** @param {TrackStats} track */
function row(track) {
  const { direction, kind, codec } = track;
  const layer = track.rid === null ? '' : `, layer ${track.rid}`;
  const what = `${kind === 'audio' ? 'Sound' : 'Picture'} ${direction === 'send' ? 'sent' : 'received'}${layer}`;
  const facts = [
    fact('Codec', codec ?? '–'),
    fact('Bitrate', bitrate(track.bitrate)),
    fact('Loss', track.loss === null ? '–' : `${(track.loss * 100).toFixed(1)} %`),
    fact('Round trip', track.roundTrip === null ? '–' : `${Math.round(track.roundTrip * 1000)} ms`),
  ];
  if (kind === 'video') facts.push(fact('Resolution', resolution(track)));
  else if (track.jitter !== null) facts.push(fact('Jitter', `${Math.round(track.jitter * 1000)} ms`));
  return make('section', { class: 'stats-track', 'aria-label': what }, make('h4', { text: what }), make('dl', {}, ...facts));
}

/** @param {string} name @param {string} value */
function fact(name, value) {
  return make('div', {}, make('dt', { text: name }), make('dd', { text: value }));
}

/** @param {number | null} bits per second */
function bitrate(bits) {
  if (bits === null) return '–';
  return bits >= 1_000_000 ? `${(bits / 1_000_000).toFixed(1)} Mbit/s` : `${Math.round(bits / 1000)} kbit/s`;
}

/** @param {TrackStats} track */
function resolution({ width, height, frameRate }) {
  if (!width || !height) return '–';
  return `${width} × ${height}${frameRate ? `, ${Math.round(frameRate)} fps` : ''}`;
}
