/* aeden: takes noise out of speech, in real time.
 *
 * Written by cbindgen from c/src; docs/c.md is the page about it.
 *
 * The life of a denoiser:
 *   1. aeden_create, on any thread but a real-time one. It may fail, and says why.
 *   2. aeden_process_..., on one thread at a time, blocks of any length. What comes out is what went in aeden_latency
 *      frames earlier, cleaned.
 *   3. aeden_set_..., aeden_reduction, aeden_speech_level: on any thread, also while another one processes.
 *   4. aeden_free, when no thread uses it any more.
 *
 * "Real-time: yes" means that a function neither allocates, locks, waits nor makes a system call. Two denoisers never
 * share anything. No function ends the program, and none unwinds into it.
 *
 * A pointer that is not null must point to what the function asks for. A null one is refused.
 */

#ifndef AEDEN_H
#define AEDEN_H

#include <stddef.h>
#include <stdint.h>

// Quality: little CPU, for weak machines; 20 ms of latency at 48 kHz.
#define AEDEN_QUALITY_LIGHT 0

// Quality: hears more, for about five times the CPU; 32 ms of latency at 48 kHz.
#define AEDEN_QUALITY_HIGH 1

// Link: one mask for all channels, which keeps the stereo image.
#define AEDEN_LINK_LINKED 0

// Link: every channel on its own, for unrelated sounds side by side.
#define AEDEN_LINK_INDEPENDENT 1

// The lowest sample rate, in Hz.
#define AEDEN_MIN_SAMPLE_RATE 8000

// The highest sample rate, in Hz.
#define AEDEN_MAX_SAMPLE_RATE 192000

// The most channels of a denoiser.
#define AEDEN_MAX_CHANNELS 64

// The largest strength that is a limit, in dB. INFINITY is none.
#define AEDEN_MAX_STRENGTH 100.0

// The most bands of aeden_set_bands.
#define AEDEN_MAX_BANDS 6

// The highest frequency of a band, in Hz.
#define AEDEN_MAX_BAND_FREQUENCY 96000.0

// The largest gain, in dB, and with a minus the smallest.
#define AEDEN_MAX_GAIN 60.0

// What became of a call. Anything but AEDEN_STATUS_OK means that nothing was done.
typedef enum aeden_status {
  // Done.
  AEDEN_STATUS_OK = 0,
  // A pointer is null.
  AEDEN_STATUS_NULL = 1,
  // A rate, a number of channels, a quality, a link or a value is outside its range, or not a number.
  AEDEN_STATUS_SETTING = 2,
  // The memory or the file holds no model, or one that cannot clean a stream or be run here.
  AEDEN_STATUS_MODEL = 3,
  // Another thread processes or resets this denoiser at this moment.
  AEDEN_STATUS_BUSY = 4,
  // This denoiser was freed. Debug builds of the library tell; in release builds its use is undefined.
  AEDEN_STATUS_FREED = 5,
  // No memory has so many samples.
  AEDEN_STATUS_LENGTH = 6,
  // A fault of aeden. The denoiser does nothing more; free it.
  AEDEN_STATUS_INTERNAL = 7,
} aeden_status;

// A denoiser for streams. Its fields are nobody's business.
typedef struct aeden_denoiser aeden_denoiser;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The library's version, such as "0.1.0". Real-time: yes.
const char *aeden_version(void);

// What a status means, in one English line that is never freed. Takes any number. Real-time: yes.
const char *aeden_status_text(int32_t status);

// Makes a denoiser with a built-in network.
//
// sample_rate: AEDEN_MIN_SAMPLE_RATE to AEDEN_MAX_SAMPLE_RATE, in Hz. channels: 1 to AEDEN_MAX_CHANNELS. quality: one of
// AEDEN_QUALITY_. link: one of AEDEN_LINK_. denoiser: gets the new one, or NULL if this fails. message: NULL, or room for
// message_size bytes, which gets a line that says what is wrong, cut where the room ends; empty if nothing is.
//
// Takes some milliseconds. Real-time: no, it allocates.
enum aeden_status aeden_create(uint32_t sample_rate,
                               uint32_t channels,
                               uint32_t quality,
                               uint32_t link,
                               struct aeden_denoiser **denoiser,
                               char *message,
                               size_t message_size);

// Makes a denoiser with a network of your own: model_size bytes at model, the contents of a file that the recipe in
// models/ exports. They are copied. Everything else as in aeden_create.
//
// Real-time: no, it allocates.
enum aeden_status aeden_create_with_model(const void *model,
                                          size_t model_size,
                                          uint32_t sample_rate,
                                          uint32_t channels,
                                          uint32_t link,
                                          struct aeden_denoiser **denoiser,
                                          char *message,
                                          size_t message_size);

// Makes a denoiser with the network in a file, whose name is UTF-8: one that the recipe in models/ exports, or an ONNX file, which
// describes itself or has its description beside it (docs/onnx.md). ONNX files need ONNX Runtime, and then aeden_process_* allocates:
// see aeden_is_real_time. Everything else as in aeden_create; a file that cannot be read is AEDEN_STATUS_MODEL.
//
// Real-time: no, it reads files.
enum aeden_status aeden_create_from_file(const char *path,
                                         uint32_t sample_rate,
                                         uint32_t channels,
                                         uint32_t link,
                                         struct aeden_denoiser **denoiser,
                                         char *message,
                                         size_t message_size);

// Frees a denoiser. NULL is refused and harms nothing. No other thread may use it any more; one that is processing makes
// this AEDEN_STATUS_BUSY, and nothing is freed. Debug builds tell if it was freed before, and keep some bytes for that.
//
// Real-time: no, it frees memory.
enum aeden_status aeden_free(struct aeden_denoiser *denoiser);

// Cleans frames samples of every channel. input and output are arrays with a pointer for each channel. A channel's output
// may be its input; other overlaps are not allowed. Full scale is 1; NaN and infinities count as silence.
//
// Any number of frames, 0 too; how a sound is cut into blocks changes no bit. Real-time: yes, on one thread at a time;
// a second one gets AEDEN_STATUS_BUSY.
enum aeden_status aeden_process_f32(struct aeden_denoiser *denoiser,
                                    const float *const *input,
                                    float *const *output,
                                    size_t frames);

// As aeden_process_f32, for 16-bit samples. What comes out is rounded to the nearest and limited, without dither.
// Real-time: yes.
enum aeden_status aeden_process_i16(struct aeden_denoiser *denoiser,
                                    const int16_t *const *input,
                                    int16_t *const *output,
                                    size_t frames);

// As aeden_process_f32, for channels that are interleaved: frames times channels samples at input and at output, which
// may be the same. Real-time: yes.
enum aeden_status aeden_process_interleaved_f32(struct aeden_denoiser *denoiser,
                                                const float *input,
                                                float *output,
                                                size_t frames);

// As aeden_process_interleaved_f32, for 16-bit samples, rounded as in aeden_process_i16. Real-time: yes.
enum aeden_status aeden_process_interleaved_i16(struct aeden_denoiser *denoiser,
                                                const int16_t *input,
                                                int16_t *output,
                                                size_t frames);

// Forgets all sound, as before a new recording. The controls stay, and reach their values at once. Real-time: yes, as
// aeden_process_f32.
enum aeden_status aeden_reset(struct aeden_denoiser *denoiser);

// Frames by which the output is later than the input. Constant. 0 for NULL. Real-time: yes, on any thread.
size_t aeden_latency(const struct aeden_denoiser *denoiser);

// Frames for which sound can still come out after the input has fallen silent. Constant. 0 for NULL. Real-time: yes, on any
// thread.
size_t aeden_tail(const struct aeden_denoiser *denoiser);

// The sample rate that it was made for, in Hz. 0 for NULL. Real-time: yes, on any thread.
uint32_t aeden_sample_rate(const struct aeden_denoiser *denoiser);

// The number of channels that it was made for. 0 for NULL. Real-time: yes, on any thread.
uint32_t aeden_channels(const struct aeden_denoiser *denoiser);

// Whether a real-time thread may process: 1, but 0 with an ONNX file, and for NULL. Constant. Real-time: yes, on any thread.
int32_t aeden_is_real_time(const struct aeden_denoiser *denoiser);

// Sets the most that the level is lowered anywhere, in dB: 0 (nothing is done) to AEDEN_MAX_STRENGTH, or INFINITY for no
// limit, as at the start. 10 to 20 leave the place audible. Fades over 10 ms from the next block on. Real-time: yes, on any
// thread, also while another one processes.
enum aeden_status aeden_set_strength(struct aeden_denoiser *denoiser,
                                     float decibels);

// Sets the most that the level is lowered along frequency: `count` nodes, 0 (none, as at the start) to AEDEN_MAX_BANDS, of a
// frequency in Hz, 0 to AEDEN_MAX_BAND_FREQUENCY and each above the one before, and a limit in dB, 0 to AEDEN_MAX_STRENGTH.
// Between nodes it is linear in dB over the logarithm of the frequency, below the first and above the last it is theirs; where
// the strength is smaller, that counts. A change fades over two frames. Other values change nothing. Real-time: yes, on any
// thread, also while another one processes; one thread at a time.
enum aeden_status aeden_set_bands(struct aeden_denoiser *denoiser,
                                  const float *frequencies,
                                  const float *decibels,
                                  size_t count);

// Sets the share of the cleaned sound, 0 (the input, delayed, bit for bit) to 1 (as at the start). Fades and threads as
// aeden_set_strength. Real-time: yes.
enum aeden_status aeden_set_mix(struct aeden_denoiser *denoiser,
                                float share);

// Sets the gain of the output in dB, at most AEDEN_MAX_GAIN up or down; 0 at the start. Fades and threads as
// aeden_set_strength. Real-time: yes.
enum aeden_status aeden_set_gain(struct aeden_denoiser *denoiser, float decibels);

// Gives what is removed instead of what is left; 0 is off, any other number on. Fades and threads as aeden_set_strength. Real-time: yes.
enum aeden_status aeden_set_removed(struct aeden_denoiser *denoiser,
                                    int32_t on);

// Passes the input, delayed by the latency, bit for bit; 0 is off, any other number on. Fades and threads as aeden_set_strength. Real-time: yes.
enum aeden_status aeden_set_bypass(struct aeden_denoiser *denoiser,
                                   int32_t on);

// How much quieter the network made the newest frame of 20 or 32 ms that was complete when the last block ended, in dB, 0 to
// 100: all channels together, before strength, mix and gain. 0 in silence, and for NULL. Real-time: yes, on any thread.
float aeden_reduction(const struct aeden_denoiser *denoiser);

// The level of what the network left of that frame, which is the speech that it found, in dBFS (root mean square, 0 is a
// mean square of 1). -INFINITY where nothing is left, and for NULL. Real-time: yes, on any thread.
float aeden_speech_level(const struct aeden_denoiser *denoiser);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* AEDEN_H */
