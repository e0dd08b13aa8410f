// Our own camera and microphone: which, whether on, and why not. Knows nothing of the call.

import { Emitter } from '../lib/emitter.js';
import { remember, remembered } from './identity.js';
import { explain, INSECURE, oneMayWork } from './media-problem.js';

/**
 * @typedef {object} LocalMediaEvents
 * @property {null} change tracks, switches or the problem
 * @property {null} devices the lists of devices
 *
 * @typedef {'camera' | 'microphone'} Device
 */

const KIND = /** @type {const} */ ({ camera: 'video', microphone: 'audio' });

/** @extends {Emitter<LocalMediaEvents>} */
export class LocalMedia extends Emitter {
  /** @type {Record<Device, MediaStreamTrack | null>} */
  #tracks = { camera: null, microphone: null };
  /** What the person wants, whether or not there is a device for it. @type {Record<Device, boolean>} */
  #wanted = { camera: true, microphone: true };
  /** @type {Record<Device, string>} */
  #chosen = { camera: remembered('camera'), microphone: remembered('microphone') };
  #stereo = remembered('stereo') === 'yes';
  /** @type {MediaDeviceInfo[]} */
  #devices = [];
  /** @type {Record<Device | 'both', string>} */
  #problems = { camera: '', microphone: '', both: '' };
  /** Changes with every opening of a device: a slower, older one is dropped. @type {Record<Device, number>} */
  #epochs = { camera: 0, microphone: 0 };

  /** Asks for both, and for each alone when both cannot be had. */
  async open() {
    if (!navigator.mediaDevices) {
      this.#report('both', INSECURE);
      return;
    }
    navigator.mediaDevices.ondevicechange = () => void this.#list();
    await this.#openBoth();
    await this.#list();
  }

  /** @param {Device} device */
  track(device) {
    return this.#tracks[device];
  }

  /** Whether it is switched on and there. @param {Device} device */
  isOn(device) {
    return this.#wanted[device] && this.#tracks[device] !== null;
  }

  /** Why there is no camera or microphone, for people; '' when there is none to tell. */
  get problem() {
    const { both, camera, microphone } = this.#problems;
    return both || [camera, microphone].filter(Boolean).join(' ');
  }

  /** Sound as it is, in two channels, instead of a voice made clear in one. */
  get stereo() {
    return this.#stereo;
  }

  /** @param {Device} device */
  devices(device) {
    return this.#devices.filter(({ kind }) => kind === `${KIND[device]}input`);
  }

  /** The device in use, or chosen. @param {Device} device */
  chosen(device) {
    return this.#tracks[device]?.getSettings().deviceId ?? this.#chosen[device];
  }

  /** @param {Device} device */
  async toggle(device) {
    if (this.isOn(device)) this.#switchOff(device);
    else await this.#switchOn(device);
  }

  /**
   * @param {Device} device
   * @param {string} id
   */
  async choose(device, id) {
    this.#chosen[device] = id;
    remember(device, id);
    await this.#reopen(device);
  }

  /** @param {boolean} on */
  async setStereo(on) {
    this.#stereo = on;
    remember('stereo', on ? 'yes' : '');
    await this.#reopen('microphone');
  }

  /** Lets go of both, so that the lights go out. */
  close() {
    for (const device of /** @type {const} */ (['camera', 'microphone'])) {
      this.#epochs[device] += 1;
      this.#put(device, null);
    }
    this.emit('change', null);
  }

  /** @param {Device} device */
  #switchOff(device) {
    this.#wanted[device] = false;
    this.#epochs[device] += 1;
    const track = this.#tracks[device];
    // A muted microphone stays open, so that unmuting is instant; a stopped camera must be dark.
    if (device === 'camera') this.#put(device, null);
    else if (track) track.enabled = false;
    this.emit('change', null);
  }

  /** @param {Device} device */
  async #switchOn(device) {
    this.#wanted[device] = true;
    const track = this.#tracks[device];
    if (track) track.enabled = true;
    else await this.#openOne(device);
    this.emit('change', null);
  }

  /** @param {Device} device */
  async #reopen(device) {
    if (!this.#tracks[device] && !this.#wanted[device]) return;
    await this.#openOne(device);
    await this.#list();
  }

  async #openBoth() {
    const epochs = [++this.#epochs.camera, ++this.#epochs.microphone];
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: this.#audio(), video: this.#video() });
      if (epochs[0] === this.#epochs.camera) this.#put('camera', stream.getVideoTracks()[0] ?? null);
      if (epochs[1] === this.#epochs.microphone) this.#put('microphone', stream.getAudioTracks()[0] ?? null);
      this.#problems = { camera: '', microphone: '', both: '' };
      this.emit('change', null);
    } catch (error) {
      if (await oneMayWork(error)) await this.#openEach();
      if (!this.#tracks.camera && !this.#tracks.microphone) this.#report('both', explain(error, 'both'));
    }
  }

  async #openEach() {
    await this.#openOne('microphone');
    await this.#openOne('camera');
  }

  /** @param {Device} device */
  async #openOne(device) {
    if (!navigator.mediaDevices) return this.#report('both', INSECURE);
    const epoch = ++this.#epochs[device];
    // Some systems open a device once only: let go of it before taking the next.
    this.#put(device, null);
    try {
      const constraints = device === 'camera' ? { video: this.#video() } : { audio: this.#audio() };
      const [track = null] = (await navigator.mediaDevices.getUserMedia(constraints)).getTracks();
      if (epoch === this.#epochs[device]) this.#put(device, track);
      else track?.stop();
      this.#problems.both = '';
      this.#report(device, '');
    } catch (error) {
      if (epoch === this.#epochs[device]) this.#report(device, explain(error, device));
    }
  }

  /**
   * @param {Device} device
   * @param {MediaStreamTrack | null} track
   */
  #put(device, track) {
    this.#tracks[device]?.stop();
    this.#tracks[device] = track;
    if (!track) return;
    track.enabled = this.#wanted[device];
    track.onended = () => {
      if (this.#tracks[device] !== track) return;
      this.#tracks[device] = null;
      this.#report(device, `The ${device} was unplugged or taken away. Choose another one under “Devices”.`);
    };
  }

  /**
   * @param {Device | 'both'} what
   * @param {string} problem
   */
  #report(what, problem) {
    this.#problems[what] = problem;
    this.emit('change', null);
  }

  async #list() {
    this.#devices = await navigator.mediaDevices.enumerateDevices();
    this.emit('devices', null);
  }

  /** @returns {MediaTrackConstraints} */
  #video() {
    return { ...wish(this.#chosen.camera), width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
  }

  /** @returns {MediaTrackConstraints} */
  #audio() {
    const voice = !this.#stereo;
    return {
      ...wish(this.#chosen.microphone),
      channelCount: { ideal: voice ? 1 : 2 },
      echoCancellation: voice,
      noiseSuppression: voice,
      autoGainControl: voice,
    };
  }
}

/** A device that is no longer there must not stand in the way of another. @param {string} deviceId */
function wish(deviceId) {
  return deviceId ? { deviceId: { ideal: deviceId } } : {};
}
