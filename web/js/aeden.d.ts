/** A network: `light` for weak machines, `high` for streams, `best` for recordings. */
export type Quality = 'light' | 'high' | 'best';

export const QUALITIES: readonly Quality[];

/** Samples from -1 to 1, one array a channel, all of one length. */
export interface Recording {
  /** Samples a second, 8000 to 192000. */
  rate: number;
  /** 1 to 64. */
  channels: Float32Array[];
}

/** A node of limits along frequency: hertz, 0 to 96,000, and the most that the level is lowered there, in dB, 0 to 100. */
export type Band = readonly [hertz: number, decibels: number];

export interface CleanOptions {
  /** Default `best`. */
  quality?: Quality;
  /** A network of your own in place of the quality's: a safetensors file, as `models/recipe` writes it. */
  model?: ArrayBuffer;
  /** Runs `model` in 32-bit floating point throughout: slower, for comparisons. */
  exact?: boolean;
  /** The most that the level is lowered anywhere, in dB, 0 to 60; 60, the default, for no limit. */
  strength?: number;
  /**
   * The most that the level is lowered along frequency: up to 6 nodes, hertz rising. In between the limit goes in a straight line in
   * dB over the logarithm of the frequency, outside it is that of the nearest node. None, the default, for no such limit; where
   * `strength` is smaller, that counts.
   */
  bands?: readonly Band[];
  /** The share of the cleaned sound, 0 to 1; default 1. */
  mix?: number;
  /** Gives what is removed, not the cleaned sound. */
  removed?: boolean;
  /** The network is to know no more than it would in a stream; not with `best`. */
  streaming?: boolean;
  /** Ends the work. */
  signal?: AbortSignal;
}

/** Fetches and compiles what a quality needs beforehand. Rejects where a file cannot be had. */
export function load(quality?: Quality): Promise<void>;

/**
 * Cleans a recording in a worker of its own. Sample n of the result belongs to sample n of the input, which stays as it is.
 * Rejects with a RangeError for an option outside its range, with the signal's reason once it is aborted, and with an Error
 * where a file cannot be had, a rate is outside aeden's range, or a quality does not fit.
 *
 * @param onProgress gets the share that is done, 0 to 1, several times a second.
 */
export function clean(
  input: AudioBuffer | Recording,
  options?: CleanOptions,
  onProgress?: (done: number) => void,
): Promise<Recording>;

export interface NodeOptions {
  /** Default `high`. */
  quality?: 'light' | 'high';
  /** As in {@link CleanOptions}. */
  model?: ArrayBuffer;
  exact?: boolean;
  /** Default 1. */
  channels?: 1 | 2;
  strength?: number;
  bands?: readonly Band[];
  mix?: number;
  removed?: boolean;
  bypass?: boolean;
}

/** Of all channels since they were last asked for; full scale is 1. */
export interface Levels {
  inputPeak: number;
  outputPeak: number;
  inputRms: number;
  outputRms: number;
}

/** A denoiser in an audio graph: one input, one output, one or two channels under one mask, at the context's rate. */
export class AedenNode extends AudioWorkletNode {
  /** Fetches what it needs, and makes a node. Rejects as {@link clean} does. */
  static create(context: BaseAudioContext, options?: NodeOptions): Promise<AedenNode>;
  /** Use {@link AedenNode.create}. */
  private constructor();
  /** The most that the level is lowered anywhere, in dB, 0 to 60; 60 for no limit. Fades, as all controls do. */
  strength: number;
  /** The most that the level is lowered along frequency, as in {@link CleanOptions}; a change fades within two frames. */
  get bands(): readonly Band[];
  set bands(nodes: readonly Band[]);
  /** The share of the cleaned sound, 0 to 1. */
  mix: number;
  /** What is removed is heard. */
  removed: boolean;
  /** The input passes, as late as the cleaned sound. */
  bypass: boolean;
  readonly quality: 'light' | 'high';
  /** Samples from input to output: 20 ms with `light`, 32 ms with `high` at 48 kHz. */
  readonly latency: number;
  /** Lets the other network take over with a crossfade, half a second after it has been fetched and built, in a worker. */
  setQuality(quality: 'light' | 'high'): Promise<void>;
  meters(): Promise<Levels>;
  /** Forgets all that was heard. */
  reset(): void;
}
