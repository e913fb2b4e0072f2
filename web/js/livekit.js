// A track processor for LiveKit: `await audioTrack.setProcessor(new AedenProcessor({ quality: 'high' }))`.
//
// It has the members that livekit-client asks of its `TrackProcessor`, and imports nothing of it.
import { AedenNode } from './aeden.js';

export class AedenProcessor {
  name = 'aeden';
  /** The cleaned track; there between `init` and `destroy`. */
  processedTrack = undefined;
  #options;
  #node = null;
  #source = null;
  #output = null;
  /** A context of its own, where the caller gave none. */
  #own = null;
  /** One call after the other. */
  #last = Promise.resolve();

  /** @param options those of `AedenNode.create` */
  constructor(options = {}) {
    this.#options = options;
  }

  /** The node, for its controls while it runs; null before `init`. */
  get node() { return this.#node; }

  init(options) {
    return this.#then(() => this.#begin(options));
  }

  /** Another track comes in, of another microphone perhaps; the cleaned track stays the same where the context does. */
  restart(options) {
    return this.#then(async () => {
      if (this.#node && this.#context(options) === this.#node.context) this.#feed(options.track);
      else {
        await this.#end();
        await this.#begin(options);
      }
    });
  }

  destroy() {
    return this.#then(() => this.#end());
  }

  #then(work) {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  #context({ audioContext }) {
    if (audioContext) return audioContext;
    this.#own ??= new AudioContext();
    return this.#own;
  }

  async #begin(options) {
    await this.#end();
    try {
      const context = this.#context(options);
      const node = await AedenNode.create(context, this.#options);
      this.#node = node;
      this.#output = new MediaStreamAudioDestinationNode(context, { channelCount: node.channelCount });
      node.connect(this.#output);
      this.#feed(options.track);
      await context.resume();
      [this.processedTrack] = this.#output.stream.getAudioTracks();
    } catch (error) {
      await this.#end();
      throw error;
    }
  }

  #feed(track) {
    const source = new MediaStreamAudioSourceNode(this.#node.context, { mediaStream: new MediaStream([track]) });
    this.#source?.disconnect();
    this.#source = source;
    source.connect(this.#node);
  }

  async #end() {
    this.#source?.disconnect();
    this.#node?.disconnect();
    this.processedTrack?.stop();
    await this.#own?.close();
    this.#source = this.#node = this.#output = this.#own = null;
    this.processedTrack = undefined;
  }
}
