// Where the tiles go: as large as they can be, all of them in sight while they are not too small to see.

/** CSS pixels between two tiles; the style sheet uses the same. */
const GAP = 12;
/** A tile narrower than this shows nobody: then the grid scrolls instead. */
const NARROWEST = 150;
/** Bounds of width to height: a camera's picture is cut rather than framed in black. */
const WIDEST = 16 / 9;
const TALLEST = 1;

/**
 * @param {number} count of tiles
 * @param {number} width of the place, CSS pixels
 * @param {number} height
 * @returns {{ width: number, height: number }} of one tile
 */
export function tileSize(count, width, height) {
  let best = { width: 0, height: 0 };
  for (let columns = 1; columns <= count; columns += 1) {
    const size = sizeIn(columns, Math.ceil(count / columns), width, height);
    if (size.width * size.height > best.width * best.height) best = size;
  }
  if (best.width >= NARROWEST || count < 2) return best;
  const columns = Math.max(1, Math.floor((width + GAP) / (NARROWEST + GAP)));
  const narrow = Math.floor((width - GAP * (columns - 1)) / columns);
  return { width: narrow, height: Math.floor((narrow * 3) / 4) };
}

/** @param {number} columns @param {number} rows @param {number} width @param {number} height */
function sizeIn(columns, rows, width, height) {
  const w = (width - GAP * (columns - 1)) / columns;
  const h = (height - GAP * (rows - 1)) / rows;
  if (w <= 0 || h <= 0) return { width: 0, height: 0 };
  return { width: Math.floor(Math.min(w, h * WIDEST)), height: Math.floor(Math.min(h, w / TALLEST)) };
}

/**
 * Keeps the tiles of a grid at their size, whatever happens to the window or to the number of tiles.
 *
 * @param {HTMLElement} grid
 * @returns {() => void} stops
 */
export function keepFitting(grid) {
  const fit = () => {
    // Rounded down: half a pixel too much would break the line.
    const { width: place, height } = grid.getBoundingClientRect();
    const size = tileSize(grid.childElementCount, Math.floor(place), Math.floor(height));
    grid.style.setProperty('--tile-width', `${size.width}px`);
    grid.style.setProperty('--tile-height', `${size.height}px`);
  };
  const resized = new ResizeObserver(fit);
  const changed = new MutationObserver(fit);
  resized.observe(grid);
  changed.observe(grid, { childList: true });
  fit();
  return () => {
    resized.disconnect();
    changed.disconnect();
  };
}
