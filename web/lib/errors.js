// What can go wrong, told apart by who is to blame: the request (do not repeat it), the server or the
// way to it (try again), or a caller who has closed the thing already.

/** The protocol's error codes. */
export const ErrorCode = Object.freeze({
  invalidUser: 1,
  invalidRoom: 2,
  invalidStream: 3,
  invalidSubscription: 4,
  invalidJsep: 5,
  unusableSdp: 6,
  invalidMediaInfo: 7,
  noSuchStream: 8,
  noSuchSubscription: 9,
  noSfu: 10,
  noRegister: 11,
  sfuSilent: 12,
  registerSilent: 13,
  internal: 14,
  notInRoom: 15,
  notAllowed: 16,
  limit: 17,
  tooManyRequests: 18,
  invalidData: 19,
  draining: 20,
});

/** Codes after which the same request may succeed a little later. @type {ReadonlySet<number>} */
const TRANSIENT = new Set([
  ErrorCode.noSfu,
  ErrorCode.noRegister,
  ErrorCode.sfuSilent,
  ErrorCode.registerSilent,
  ErrorCode.internal,
  ErrorCode.notInRoom,
  ErrorCode.tooManyRequests,
  ErrorCode.draining,
]);

/** The server answered a request with an error. */
export class RequestError extends Error {
  /**
   * @param {string} method the request
   * @param {number} code one of {@link ErrorCode}
   * @param {string} reason the server's own words
   */
  constructor(method, code, reason) {
    super(`${method}: ${reason} (${code})`);
    this.name = 'RequestError';
    this.method = method;
    this.code = code;
    this.reason = reason;
  }
}

/** The connection went away before an answer came, or is not there. The library reconnects by itself. */
export class ConnectionLost extends Error {
  /** @param {string} reason */
  constructor(reason) {
    super(`no connection to the server: ${reason}`);
    this.name = 'ConnectionLost';
  }
}

/** The room, publication, subscription or client was closed, by the caller or for good by the server. */
export class Closed extends Error {
  /** @param {string} what */
  constructor(what) {
    super(`${what} is closed`);
    this.name = 'Closed';
  }
}

/**
 * Whether the same thing is worth another try later.
 *
 * @param {unknown} error
 */
export function isTransient(error) {
  if (error instanceof RequestError) return TRANSIENT.has(error.code);
  return error instanceof ConnectionLost;
}

/**
 * @param {unknown} error
 * @param {number} code one of {@link ErrorCode}
 */
export function hasCode(error, code) {
  return error instanceof RequestError && error.code === code;
}
