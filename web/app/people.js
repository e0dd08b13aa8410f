// The stage: a tile for everybody in the room and one for each shared screen, and the subscriptions that fill them.

import { Source } from '../lib/anabranch.js';
import { Attention } from './attention.js';
import { byId, setText } from './dom.js';
import { keepFitting } from './grid.js';
import { levelOf } from './level.js';
import { Tile } from './tile.js';

/** Fast enough for the ring of a speaker to follow the voice. */
const LISTEN_MS = 200;

/**
 * @typedef {import('../lib/anabranch.js').Stream} Stream
 * @typedef {import('../lib/anabranch.js').Subscription} Subscription
 * @typedef {{ tile: Tile, mid: string | null }} Person mid: the stream that fills the tile
 */

export class People {
  #room;
  #media;
  #presence;
  #grid = byId('grid', HTMLUListElement);
  #spotlight = byId('stage-main', HTMLUListElement);
  #unblock = byId('unblock-sound', HTMLButtonElement);
  /** @type {Map<string, Person>} */
  #persons = new Map();
  /** Tiles of streams beyond a person's first: screens, and second cameras of other programs. @type {Map<string, Tile>} */
  #extra = new Map();
  /** @type {Tile} */
  #own;
  /** @type {Tile | null} */
  #ownScreen = null;
  #attention = new Attention();
  /** Streams of those who speak, as the server says; null: an older one that does not. @type {ReadonlySet<string> | null} */
  #speaking = null;
  /** @type {import('./level.js').Level | null} */
  #level = null;
  #timer;
  #stopFitting;

  /**
   * @param {import('../lib/anabranch.js').Room} room
   * @param {import('./local-media.js').LocalMedia} media
   * @param {import('./presence.js').Presence} presence
   */
  constructor(room, media, presence) {
    this.#room = room;
    this.#media = media;
    this.#presence = presence;
    this.#own = new Tile({ uid: room.uid, kind: 'person', own: true });
    this.#grid.replaceChildren(this.#own.element);
    this.#spotlight.replaceChildren();
    room.on('peer-join', ({ uid }) => this.#join(uid));
    room.on('peer-leave', ({ uid }) => this.#leave(uid));
    room.on('stream-add', (stream) => this.#add(stream));
    room.on('stream-remove', (stream) => this.#remove(stream));
    room.on('stream-move', ({ from, to }) => this.#follow(from, to));
    room.on('active-speakers', ({ speakers }) => this.#spoken(new Set(speakers.map(({ mid }) => mid))));
    this.#unblock.onclick = () => this.#playAll();
    this.#timer = setInterval(() => this.#listen(), LISTEN_MS);
    this.#stopFitting = keepFitting(this.#grid);
    this.ownChanged();
    this.#changed();
  }

  /** Our own camera or microphone has changed. */
  ownChanged() {
    const camera = this.#media.track('camera');
    const on = this.#presence.own;
    this.#own.show(camera ? new MediaStream([camera]) : null);
    const nothing = !camera && !this.#media.track('microphone');
    this.#own.setState({ ...on, status: nothing ? 'listening' : '' });
  }

  /** @param {MediaStream | null} display our own shared screen */
  ownScreen(display) {
    this.#ownScreen?.remove();
    this.#ownScreen = null;
    if (display) {
      this.#ownScreen = new Tile({ uid: this.#room.uid, kind: 'screen', own: true });
      this.#ownScreen.show(display);
      this.#spotlight.append(this.#ownScreen.element);
    }
    this.#changed();
  }

  /** Somebody has switched something. @param {string} uid */
  switched(uid) {
    const person = this.#persons.get(uid);
    if (!person) return;
    const minfo = this.#room.streams.find(({ mid }) => mid === person.mid)?.minfo;
    const published = { microphone: minfo?.audio === true, camera: minfo?.video === true };
    const said = this.#presence.of(uid);
    person.tile.setState({ ...published, ...(minfo && said), status: minfo ? '' : 'listening' });
  }

  close() {
    clearInterval(this.#timer);
    this.#stopFitting();
    this.#attention.close();
    this.#level = levelOf(this.#level, null);
    for (const tile of [this.#own, this.#ownScreen, ...this.#extra.values()]) tile?.remove();
    for (const { tile } of this.#persons.values()) tile.remove();
  }

  /** @param {string} uid */
  #join(uid) {
    const tile = this.#tile(uid, 'person');
    this.#persons.set(uid, { tile, mid: null });
    this.#own.element.before(tile.element);
    this.switched(uid);
    this.#changed();
  }

  /** @param {string} uid */
  #leave(uid) {
    const tile = this.#persons.get(uid)?.tile;
    if (tile) this.#discard(tile);
    this.#persons.delete(uid);
    this.#changed();
  }

  /** @param {Stream} stream */
  #add(stream) {
    const tile = this.#place(stream);
    const subscription = this.#room.subscribe(stream.mid);
    subscription.on('media', (media) => tile.show(media));
    const arrival = () => tile.setArrival(subscription);
    for (const name of /** @type {const} */ (['media', 'quality', 'paused', 'resumed', 'encryption'])) subscription.on(name, arrival);
    this.#attention.watch(tile.element, subscription, { large: this.#spotlight.contains(tile.element) });
    this.switched(stream.uid);
    this.#changed();
  }

  /** @param {Stream} stream */
  #place({ uid, mid, minfo }) {
    const person = this.#persons.get(uid);
    const screen = minfo.videotype === Source.screen && minfo.video;
    if (person && !screen && person.mid === null) {
      person.mid = mid;
      return person.tile;
    }
    const tile = this.#tile(uid, screen ? 'screen' : 'person');
    this.#extra.set(mid, tile);
    if (screen) this.#spotlight.append(tile.element);
    else this.#own.element.before(tile.element);
    tile.setState({ microphone: true, camera: true });
    return tile;
  }

  /** @param {Stream} stream */
  #remove({ uid, mid }) {
    const extra = this.#extra.get(mid);
    if (extra) this.#discard(extra);
    this.#extra.delete(mid);
    const person = this.#persons.get(uid);
    if (person?.mid === mid) {
      person.mid = null;
      person.tile.show(null);
      person.tile.setArrival(null);
      person.tile.setSpeaking(false);
      this.#attention.forget(person.tile.element);
    }
    this.switched(uid);
    this.#changed();
  }

  /** The tile stays, and its subscription brings it the new pictures. @param {Stream} from @param {Stream} to */
  #follow(from, to) {
    const extra = this.#extra.get(from.mid);
    this.#extra.delete(from.mid);
    if (extra) this.#extra.set(to.mid, extra);
    const person = this.#persons.get(to.uid);
    if (person?.mid === from.mid) person.mid = to.mid;
    this.switched(to.uid);
  }

  /** @param {Tile} tile */
  #discard(tile) {
    this.#attention.forget(tile.element);
    tile.remove();
  }

  /** @param {ReadonlySet<string>} mids */
  #spoken(mids) {
    this.#speaking = mids;
    this.#attention.speaking(mids);
    for (const { tile, mid } of this.#persons.values()) tile.setSpeaking(mids.has(mid ?? ''));
  }

  /** @param {string} uid @param {'person' | 'screen'} kind */
  #tile(uid, kind) {
    return new Tile({ uid, kind, blocked: () => (this.#unblock.hidden = false) });
  }

  #playAll() {
    this.#unblock.hidden = true;
    for (const { tile } of this.#persons.values()) tile.play();
    for (const tile of this.#extra.values()) tile.play();
  }

  #listen() {
    const now = performance.now();
    this.#level = levelOf(this.#level, this.#media.track('microphone'));
    this.#own.hear(this.#level?.read() ?? 0, now);
    if (this.#speaking) return;
    for (const subscription of this.#room.subscriptions) {
      const person = this.#persons.get(subscription.stream.uid);
      if (person?.mid === subscription.mid) person.tile.hear(loudness(subscription), now);
    }
  }

  #changed() {
    const count = this.#persons.size + 1;
    setText(byId('people-count', HTMLElement), count === 1 ? 'Only you so far' : `${count} people`);
    this.#spotlight.hidden = this.#spotlight.childElementCount === 0;
  }
}

/** @param {Subscription} subscription @returns {number} as the packets last heard say, 0 to 1 */
function loudness({ pc }) {
  const sources = (pc?.getReceivers() ?? []).flatMap((receiver) =>
    receiver.track.kind === 'audio' ? receiver.getSynchronizationSources() : [],
  );
  return Math.max(0, ...sources.map(({ audioLevel }) => audioLevel ?? 0));
}
