// A camera whose pictures cost as many bits as the encoder is given. Those of Chromium's own fake camera, a flat colour
// and a dial, take 0.44 Mbit/s of 1.5 (960×540, 15 frames a second), and would fit through lines that are to be narrow.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Of the picture that moves: it is larger than what is seen of it, by this on each side. */
const MARGIN = 48;
/** The camera walks around a circle in so many seconds, and then again. */
const SECONDS = 3;

export class Camera {
  /** @param {{ width: number, height: number, frameRate: number }} size even numbers of pixels */
  constructor(size) {
    this.size = size;
    const folder = mkdtempSync(join(tmpdir(), 'anabranch-camera-'));
    /** Frames without compression, played in a loop: YUV4MPEG2. */
    this.file = join(folder, 'camera.y4m');
    writeFileSync(this.file, film(size));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  }
}

/** @param {{ width: number, height: number, frameRate: number }} size */
function film({ width, height, frameRate }) {
  const wide = width + 2 * MARGIN;
  const scene = texture(wide, height + 2 * MARGIN);
  const head = Buffer.from(`YUV4MPEG2 W${width} H${height} F${frameRate}:1 Ip A1:1 C420\n`);
  const grey = Buffer.alloc((width * height) / 2, 128);
  const parts = [head];
  const frames = frameRate * SECONDS;
  for (let number = 0; number < frames; number += 1) {
    const angle = (2 * Math.PI * number) / frames;
    const left = Math.round(MARGIN * (1 + Math.cos(angle)));
    const top = Math.round(MARGIN * (1 + Math.sin(angle)));
    const luma = Buffer.alloc(width * height);
    for (let row = 0; row < height; row += 1) {
      const from = (top + row) * wide + left;
      scene.copy(luma, row * width, from, from + width);
    }
    parts.push(Buffer.from('FRAME\n'), luma, grey);
  }
  return Buffer.concat(parts);
}

/** Clouds with some detail, the same each time. @param {number} width @param {number} height */
function texture(width, height) {
  const pixels = Buffer.alloc(width * height);
  const octaves = [[64, 90], [16, 60], [4, 50], [2, 30]].map(([cell, weight], seed) => ({ cell, weight, at: lattice(seed + 1) }));
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      let sum = 0;
      for (const { cell, weight, at } of octaves) sum += weight * smooth(at, x / cell, y / cell);
      pixels[y * width + x] = 16 + Math.min(219, Math.round(sum));
    }
  }
  return pixels;
}

/** Chance at each point of a grid (a multiplicative hash). @param {number} seed @returns {(x: number, y: number) => number} 0 to 1 */
function lattice(seed) {
  return (x, y) => {
    let mixed = Math.imul(x * 374761393 + y * 668265263 + seed * 2147483647, 1274126177);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 1103515245);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}

/** @param {(x: number, y: number) => number} at @param {number} x @param {number} y */
function smooth(at, x, y) {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [right, down] = [x - left, y - top];
  const upper = at(left, top) * (1 - right) + at(left + 1, top) * right;
  const lower = at(left, top + 1) * (1 - right) + at(left + 1, top + 1) * right;
  return upper * (1 - down) + lower * down;
}
