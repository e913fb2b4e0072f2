/* Cleans standard input to standard output in one of the ways that the library offers, in blocks of odd lengths.
 * ways RATE CHANNELS QUALITY LINK planar|interleaved f32|i16 place|apart [MODEL] */
#include <aeden.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                      \
    do {                                                                      \
        if (!(condition)) {                                                   \
            fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition);   \
            exit(1);                                                          \
        }                                                                     \
    } while (0)

static void *whole(FILE *file, size_t *size) {
    size_t room = 1 << 16;
    char *bytes = (char *)malloc(room);
    size_t read;
    *size = 0;
    while ((read = fread(bytes + *size, 1, room - *size, file)) > 0) {
        *size += read;
        if (*size == room) bytes = (char *)realloc(bytes, room *= 2);
    }
    return bytes;
}

int main(int argc, char **argv) {
    CHECK(argc >= 8);
    uint32_t rate = (uint32_t)atoi(argv[1]), channels = (uint32_t)atoi(argv[2]);
    uint32_t quality = (uint32_t)atoi(argv[3]), link = (uint32_t)atoi(argv[4]);
    int is_planar = !strcmp(argv[5], "planar"), is_i16 = !strcmp(argv[6], "i16"), in_place = !strcmp(argv[7], "place");
    aeden_denoiser *denoiser = NULL;
    char message[200] = "before";
    if (argc > 8) {
        FILE *file = fopen(argv[8], "rb");
        size_t size;
        CHECK(file);
        void *model = whole(file, &size);
        fclose(file);
        CHECK(aeden_create_with_model(model, size, rate, channels, link, &denoiser, message, sizeof message) ==
              AEDEN_STATUS_OK);
        free(model);
    } else {
        CHECK(aeden_create(rate, channels, quality, link, &denoiser, message, sizeof message) == AEDEN_STATUS_OK);
    }
    CHECK(message[0] == 0);
    CHECK(aeden_channels(denoiser) == channels && aeden_sample_rate(denoiser) == rate);
    CHECK(aeden_tail(denoiser) > aeden_latency(denoiser));

    size_t bytes, sample = is_i16 ? 2 : 4;
    char *input = (char *)whole(stdin, &bytes);
    size_t frames = bytes / (sample * channels);
    char *apart = (char *)calloc(bytes + 1, 1);
    char *output = in_place ? input : apart;
    size_t done = 0;
    uint32_t turn = 1;
    while (done < frames) {
        turn = turn * 1103515245u + 12345u;
        size_t len = turn / 65536 % (turn % 5 == 0 ? 20000 : 700);
        if (len > frames - done) len = frames - done;
        aeden_status status;
        if (is_planar) { /* channel after channel */
            const char *in[64];
            char *out[64];
            for (uint32_t c = 0; c < channels; c++) {
                in[c] = input + (c * frames + done) * sample;
                out[c] = output + (c * frames + done) * sample;
            }
            status = is_i16 ? aeden_process_i16(denoiser, (const int16_t *const *)in, (int16_t *const *)out, len)
                            : aeden_process_f32(denoiser, (const float *const *)in, (float *const *)out, len);
        } else {
            char *in = input + done * channels * sample, *out = output + done * channels * sample;
            status = is_i16 ? aeden_process_interleaved_i16(denoiser, (const int16_t *)in, (int16_t *)out, len)
                            : aeden_process_interleaved_f32(denoiser, (const float *)in, (float *)out, len);
        }
        CHECK(status == AEDEN_STATUS_OK);
        done += len;
    }
    CHECK(aeden_reduction(denoiser) > 0 && aeden_speech_level(denoiser) < 0);
    CHECK(fwrite(output, 1, bytes, stdout) == bytes);
    CHECK(aeden_free(denoiser) == AEDEN_STATUS_OK);
    free(input);
    free(apart);
    return 0;
}
