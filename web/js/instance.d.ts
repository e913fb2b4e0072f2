import type { Band } from './aeden.js';

/**
 * A model, and the stream or the recording that it cleans: what {@link clean} and {@link AedenNode} are made of, for
 * Node and threads of your own. Every method throws an Error where aeden refuses.
 */
export class Instance {
  constructor(module: WebAssembly.Module);
  /** The exports of the module. */
  readonly wasm: WebAssembly.Exports;
  /** The most samples of a channel in a call. */
  readonly block: number;
  /** A stream's samples, one array of `block` a channel, in aeden's memory; new ones after each other call, also one that throws. */
  readonly channels: Float32Array[];
  /**
   * Takes the model in a file's bytes (safetensors), or the built-in `light` where there are none.
   * `exact`: in 32-bit floating point throughout, slower, for comparisons.
   */
  model(bytes?: ArrayBuffer | Uint8Array | null, exact?: boolean): void;
  /** Begins a stream: put samples into `channels`, call `wasm.aeden_process(frames)`, take them from `channels`. */
  stream(rate: number, channels: number): void;
  /** Begins a recording. */
  recording(
    rate: number,
    channels: number,
    options?: { streaming?: boolean; strength?: number; bands?: readonly Band[]; mix?: number; removed?: boolean },
  ): void;
  /** Limits what is taken away along frequency, of the stream at once; a recording begins with its own. */
  bands(nodes: readonly Band[]): void;
  /** Cleans the next samples; `take` gets what is ready, as views that the next call overwrites. */
  push(input: Float32Array[], take: (ready: Float32Array[]) => void): void;
  /** Ends a recording, and gives the rest of it. */
  finish(take: (ready: Float32Array[]) => void): void;
  /**
   * All that this instance is, as a copy. Another instance of the same module that gets it goes on from here: a network that is
   * built on one thread can run on another.
   */
  image(): ArrayBuffer;
  /**
   * Makes room for an image. Gives its parts, of at most `size` bytes, as [to, from]: who has copied them all calls `restored`.
   * Until then nothing else may be called.
   */
  parts(image: ArrayBuffer, size?: number): [Uint8Array, Uint8Array][];
  /** The image of an instance with so many channels is here. */
  restored(channels: number): void;
}
