/* A program against RNNoise's documented API. Reads frames of floats in 16-bit scale, writes each cleaned frame and the
 * probability of a voice. program create|init|model [FILE] */
#include <rnnoise.h>
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

int main(int argc, char **argv) {
    DenoiseState *st;
    RNNModel *model = NULL;
    CHECK(argc > 1);
    int size = rnnoise_get_frame_size();
    CHECK(size == 480);
    if (!strcmp(argv[1], "init")) {
        st = calloc(1, (size_t)rnnoise_get_size());
        CHECK(rnnoise_init(st, NULL) == 0);
        CHECK(rnnoise_init(st, NULL) == 0); /* a reset */
    } else if (!strcmp(argv[1], "model")) {
        CHECK(rnnoise_model_from_filename("/there/is/no/such/file") == NULL);
        CHECK(rnnoise_model_from_buffer("junk", 4) == NULL);
        FILE *file = fopen(argv[2], "rb");
        CHECK(file);
        model = rnnoise_model_from_file(file);
        CHECK(model);
        rnnoise_model_free(model);
        fclose(file);
        model = rnnoise_model_from_filename(argv[2]);
        CHECK(model);
        st = rnnoise_create(model);
        rnnoise_model_free(model);
    } else {
        st = rnnoise_create(NULL);
    }
    CHECK(st);
    float *x = malloc((size_t)size * sizeof *x), *y = malloc((size_t)size * sizeof *y);
    for (int frame = 0; fread(x, sizeof *x, (size_t)size, stdin) == (size_t)size; frame++) {
        float *out = frame % 2 ? x : y; /* in place and apart */
        float voice = rnnoise_process_frame(st, out, x);
        CHECK(voice >= 0 && voice <= 1);
        fwrite(out, sizeof *out, (size_t)size, stdout);
        fwrite(&voice, sizeof voice, 1, stdout);
    }
    CHECK(rnnoise_process_frame(NULL, y, x) == 0);
    CHECK(rnnoise_process_frame(st, NULL, x) == 0 && rnnoise_process_frame(st, y, NULL) == 0);
    CHECK(rnnoise_init(NULL, NULL) == -1);
    rnnoise_destroy(st);
    rnnoise_destroy(NULL);
    rnnoise_model_free(NULL);
    free(x);
    free(y);
    return 0;
}
