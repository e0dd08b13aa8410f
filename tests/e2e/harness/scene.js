// The stage of a file of stories: opened once, cleared after each story.

import { after, afterEach, before } from 'node:test';
import { Stage } from './stage.js';

export class Scene extends Stage {
  /** @param {ConstructorParameters<typeof Stage>} options */
  constructor(...options) {
    super(...options);
    before(() => this.open());
    afterEach(() => this.clear());
    after(() => this.close());
  }
}
