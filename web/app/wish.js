// How much of a stream a tile needs: as many pixels as it shows, and more urgently what people look at.

/** Each layer is twice as high as the next: from a little less to a little more than the tile, whichever is nearer. */
const NEAR = Math.SQRT2;
/** For a tile that nobody sees: the smallest layer, so that there is a picture at once when it is seen. */
const UNSEEN = { maxHeight: 1, priority: 10 };
const PRIORITY = { usual: 100, speaking: 150, large: 200 };

/**
 * @param {object} tile
 * @param {number} tile.height CSS pixels
 * @param {boolean} tile.seen whether any of it is in sight
 * @param {boolean} tile.large whether it has the stage
 * @param {boolean} tile.speaking
 * @param {number} pixels of the screen for one CSS pixel
 * @returns {import('../lib/anabranch.js').Prefer}
 */
export function wishFor({ height, seen, large, speaking }, pixels) {
  if (!seen || height <= 0) return UNSEEN;
  const priority = large ? PRIORITY.large : speaking ? PRIORITY.speaking : PRIORITY.usual;
  return { maxHeight: Math.ceil(height * pixels * NEAR), priority };
}
