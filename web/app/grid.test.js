import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tileSize } from './grid.js';

test('however many there are, they fit while they are not too small', () => {
  for (const [width, height] of [[1280, 640], [360, 520], [900, 900]]) {
    for (let count = 1; count <= 9; count += 1) {
      const tile = tileSize(count, width, height);
      const columns = Math.floor((width + 12) / (tile.width + 12));
      const rows = Math.ceil(count / columns);
      const tooTall = rows * tile.height + (rows - 1) * 12 > height;
      assert.ok(columns >= 1 && (!tooTall || tile.width < 200), `${count} in ${width}×${height}: ${JSON.stringify(tile)}`);
    }
  }
});

test('one alone fills the place, as far as a picture may be cut', () => {
  assert.deepEqual(tileSize(1, 1600, 900), { width: 1600, height: 900 });
  assert.deepEqual(tileSize(1, 3000, 900), { width: 1600, height: 900 });
  assert.deepEqual(tileSize(1, 400, 900), { width: 400, height: 400 });
});

test('too many to see: they keep their size, and the grid scrolls', () => {
  assert.ok(tileSize(60, 360, 500).width >= 150);
});
