// The page's entry: the lobby, the call, and the way between them.

import { Call } from './call.js';
import { Lobby } from './lobby.js';
import { LocalMedia } from './local-media.js';
import { alert, clearAlerts } from './speak.js';

const media = new LocalMedia();
const lobby = new Lobby(media, (who) => {
  clearAlerts();
  lobby.close();
  const call = new Call(media, who);
  call.on('ended', ({ reason }) => {
    lobby.open();
    if (reason) alert(reason);
  });
});

lobby.open();
void media.open();
