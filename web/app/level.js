// How loud a track of our own is, for the lobby's meter and the ring around one's own tile.

/** One for the page: browsers allow few. @type {AudioContext | undefined} */
let context;

export class Level {
  #source;
  #analyser;
  /** @type {Float32Array<ArrayBuffer>} */
  #samples;

  /** @param {MediaStreamTrack} track */
  constructor(track) {
    context ??= new AudioContext();
    this.track = track;
    this.#source = context.createMediaStreamSource(new MediaStream([track]));
    this.#analyser = new AnalyserNode(context, { fftSize: 1024 });
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#source.connect(this.#analyser);
  }

  /** @returns {number} root mean square, 0 to 1 */
  read() {
    if (context?.state === 'suspended') void context.resume();
    this.#analyser.getFloatTimeDomainData(this.#samples);
    const sum = this.#samples.reduce((total, sample) => total + sample * sample, 0);
    return Math.min(1, Math.sqrt(sum / this.#samples.length));
  }

  close() {
    this.#source.disconnect();
  }
}

/**
 * The meter of whatever the microphone is at the moment.
 *
 * @param {Level | null} level the one so far
 * @param {MediaStreamTrack | null} track
 * @returns {Level | null}
 */
export function levelOf(level, track) {
  if (level?.track === track) return level;
  level?.close();
  return track ? new Level(track) : null;
}
