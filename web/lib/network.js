// Tells when the machine comes into another network: its addresses change, and no path notices at once.

/** @param {() => void} changed @returns {() => void} stops */
export function onNetworkChange(changed) {
  // Chromium on phones knows the kind of network; everywhere else this changes with the measured speed alone.
  const connection = /** @type {any} */ (globalThis.navigator)?.connection;
  let kind = connection?.type;
  const look = () => {
    const before = kind;
    kind = connection.type;
    if (kind !== before && kind !== 'none') changed();
  };
  globalThis.addEventListener?.('online', changed);
  connection?.addEventListener?.('change', look);
  return () => {
    globalThis.removeEventListener?.('online', changed);
    connection?.removeEventListener?.('change', look);
  };
}
