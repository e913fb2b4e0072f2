/* RNNoise's functions, done by aeden. Written by cbindgen from c/rnnoise/src; docs/rnnoise.md tells what differs.
 *
 * Programs that were built with RNNoise's own header need not be built again.
 */

#ifndef RNNOISE_H
#define RNNOISE_H

#include <stdio.h>

// A denoiser for one channel at 48 kHz.
typedef struct DenoiseState DenoiseState;

// A network. NULL everywhere stands for the one that is built in.
typedef struct RNNModel RNNModel;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Bytes that a DenoiseState takes. Real-time: yes.
int rnnoise_get_size(void);

// Samples of a frame, 480. Real-time: yes.
int rnnoise_get_frame_size(void);

// Makes a state in memory of rnnoise_get_size() bytes, or makes it new where there is one. model: NULL for the built-in
// network. Gives 0, or -1 if it cannot. What it allocates is freed by rnnoise_destroy alone. Real-time: no, it allocates.
int rnnoise_init(struct DenoiseState *st,
                 struct RNNModel *model);

// Allocates a state and makes it ready. model: NULL for the built-in network; it may be freed before the state. Gives NULL if it
// cannot. Real-time: no, it allocates.
struct DenoiseState *rnnoise_create(struct RNNModel *model);

// Frees a state, and its memory with free(), as RNNoise does. NULL is fine. Real-time: no, it frees memory.
void rnnoise_destroy(struct DenoiseState *st);

// Cleans 480 samples at 48 kHz, of a full scale of 32768. out may be in. Gives the probability of a voice in them, 0 to 1. out is
// 959 samples later than in. Real-time: yes.
float rnnoise_process_frame(struct DenoiseState *st,
                            float *out,
                            const float *in);

// Reads a network of aeden's from memory, which it copies. Gives NULL for anything else, RNNoise's own files too. Real-time: no.
struct RNNModel *rnnoise_model_from_buffer(const void *ptr,
                                           int len);

// Reads a network of aeden's from a file, from where it stands to its end. NULL as in rnnoise_model_from_buffer. Real-time: no.
struct RNNModel *rnnoise_model_from_file(FILE *f);

// Reads a network of aeden's from the file of this name. NULL as in rnnoise_model_from_buffer. Real-time: no.
struct RNNModel *rnnoise_model_from_filename(const char *filename);

// Frees a network. NULL is fine. Real-time: no.
void rnnoise_model_free(struct RNNModel *model);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* RNNOISE_H */
