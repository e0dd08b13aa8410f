import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wishFor } from './wish.js';

const tile = { height: 300, seen: true, large: false, speaking: false };
/** The layer that a server sends: the highest of those that are allowed, at least the smallest. */
const layer = ({ maxHeight }, heights = [180, 360, 720]) => heights.findLast((height) => height <= maxHeight) ?? heights[0];

test('a tile gets the layer that is nearest to its size on the screen', () => {
  const at = (height, pixels) => layer(wishFor({ ...tile, height }, pixels));
  assert.deepEqual([at(100, 1), at(250, 1), at(260, 1), at(500, 1), at(520, 1), at(900, 1)], [180, 180, 360, 360, 720, 720]);
  assert.deepEqual([at(130, 2), at(300, 2), at(300, 1.5)], [360, 720, 360], 'on a screen with finer pixels');
});

test('who is not seen needs the least, and not urgently', () => {
  for (const hidden of [{ seen: false }, { height: 0 }]) {
    const wish = wishFor({ ...tile, large: true, ...hidden }, 2);
    assert.deepEqual([layer(wish), wish.priority], [180, 10]);
  }
});

test('the stage comes before who speaks, and who speaks before the others', () => {
  const priorities = [{ large: true, speaking: true }, { speaking: true }, {}].map((state) => wishFor({ ...tile, ...state }, 1).priority);
  assert.deepEqual(priorities, priorities.toSorted((a, b) => b - a));
  assert.equal(new Set(priorities).size, 3);
});
