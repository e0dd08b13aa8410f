// Who speaks, as the server tells: its notification made sound.

/** @typedef {import('./media-info.js').Speaker} Speaker */

/** @param {any} data of `active-speakers` @returns {Speaker[]} the loudest first */
export function speakersOf(data) {
  if (!Array.isArray(data?.speakers)) return [];
  return data.speakers
    .filter((/** @type {any} */ one) => typeof one?.uid === 'string' && typeof one.mid === 'string')
    .map((/** @type {any} */ { uid, mid, level }) => ({ uid, mid, level: Number.isFinite(level) ? level : -127 }));
}

/** @param {Speaker[]} some @param {Speaker[]} others */
export function sameSpeakers(some, others) {
  return JSON.stringify(some) === JSON.stringify(others);
}
