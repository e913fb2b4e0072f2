/* Cleans a stream: raw 32-bit floats, interleaved, from standard input to standard output.
 *
 *   cc clean.c $(pkg-config --cflags --libs aeden) -o clean
 *   ffmpeg -i noisy.wav -f f32le - | ./clean 48000 2 | ffmpeg -f f32le -ar 48000 -ac 2 -i - cleaned.wav
 */
#include <aeden.h>
#include <stdio.h>
#include <stdlib.h>

#define FRAMES 512

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: clean RATE CHANNELS < noisy.f32 > cleaned.f32\n");
        return 2;
    }
    uint32_t rate = (uint32_t)strtoul(argv[1], NULL, 10), channels = (uint32_t)strtoul(argv[2], NULL, 10);

    char why[200];
    aeden_denoiser *denoiser;
    if (aeden_create(rate, channels, AEDEN_QUALITY_HIGH, AEDEN_LINK_LINKED, &denoiser, why, sizeof why) !=
        AEDEN_STATUS_OK) {
        fprintf(stderr, "clean: %s\n", why);
        return 1;
    }

    float *block = malloc(FRAMES * channels * sizeof(float));
    size_t frames, late = aeden_latency(denoiser), rest = late;
    if (!block) return 1;
    do {
        frames = fread(block, channels * sizeof(float), FRAMES, stdin);
        if (frames == 0) { /* the end: silence pushes out what is still inside */
            frames = rest < FRAMES ? rest : FRAMES;
            rest -= frames;
            for (size_t i = 0; i < frames * channels; i++) block[i] = 0;
        }
        if (aeden_process_interleaved_f32(denoiser, block, block, frames) != AEDEN_STATUS_OK) return 1;
        /* The first frames come from before the recording. */
        size_t early = late < frames ? late : frames;
        late -= early;
        fwrite(block + early * channels, channels * sizeof(float), frames - early, stdout);
    } while (frames > 0);

    free(block);
    aeden_free(denoiser);
    return 0;
}
