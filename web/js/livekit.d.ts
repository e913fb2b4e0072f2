import type { AedenNode, NodeOptions } from './aeden.js';

/** What LiveKit hands over: a track, and the context that it is to be worked on in. */
export interface AudioTrackOptions {
  track: MediaStreamTrack;
  audioContext?: AudioContext;
}

/**
 * A track processor for LiveKit, as `TrackProcessor<Track.Kind.Audio>` of livekit-client wants it:
 * `await audioTrack.setProcessor(new AedenProcessor({ quality: 'high' }))`.
 */
export class AedenProcessor {
  /** Options of the node. */
  constructor(options?: NodeOptions);
  name: string;
  /** The cleaned track; there between `init` and `destroy`. */
  processedTrack?: MediaStreamTrack;
  /** The node, for its controls while it runs; null before `init`. */
  readonly node: AedenNode | null;
  /** Rejects as {@link AedenNode.create} does; nothing is left running then. */
  init(options: AudioTrackOptions): Promise<void>;
  /** Another track comes in; the cleaned one stays the same where the context does. */
  restart(options: AudioTrackOptions): Promise<void>;
  destroy(): Promise<void>;
}
