// Why there is no camera or microphone, in words that say what to do about it.

export const INSECURE =
  'The browser gives no page a camera or microphone over plain http from another machine. ' +
  'Open this page over https, or on localhost. You can join and listen meanwhile.';

/**
 * @param {unknown} error of getUserMedia
 * @param {'camera' | 'microphone' | 'both'} what was asked for
 * @returns {string}
 */
export function explain(error, what) {
  const both = what === 'both';
  const either = both ? 'camera or microphone' : what;
  switch (nameOf(error)) {
    case 'NotAllowedError':
    case 'SecurityError':
      return both
        ? 'Your camera and microphone are blocked for this page. Allow them in the address bar and try again. You can join and listen meanwhile.'
        : `Your ${what} is blocked for this page. Allow it in the address bar and try again.`;
    case 'NotFoundError':
    case 'OverconstrainedError':
      return `There is no ${either} on this device.${both ? ' You can join and listen.' : ''}`;
    case 'NotReadableError':
    case 'AbortError':
      return `The ${either} cannot be opened: another program may be using it. Close that and try again.`;
    default:
      return `No ${either}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/**
 * Whether asking for camera and microphone one by one may give what asking for both did not. After a plain
 * refusal it would only ask the person twice more.
 *
 * @param {unknown} error of asking for both
 */
export async function oneMayWork(error) {
  if (nameOf(error) === 'SecurityError') return false;
  if (nameOf(error) !== 'NotAllowedError') return true;
  try {
    const names = /** @type {PermissionName[]} */ (/** @type {unknown} */ (['camera', 'microphone']));
    const answers = await Promise.all(names.map((name) => navigator.permissions.query({ name })));
    return answers.some(({ state }) => state === 'granted') || new Set(answers.map(({ state }) => state)).size > 1;
  } catch {
    return false; // a browser that does not say
  }
}

/** @param {unknown} error */
function nameOf(error) {
  return error instanceof Error ? error.name : '';
}
