/* Does everything wrong that can be done wrong, and tells what came of it. */
#include <aeden.h>
#include <math.h>
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

static void refused(uint32_t rate, uint32_t channels, uint32_t quality, uint32_t link, const char *word) {
    char message[200];
    aeden_denoiser *denoiser = (aeden_denoiser *)message;
    CHECK(aeden_create(rate, channels, quality, link, &denoiser, message, sizeof message) == AEDEN_STATUS_SETTING);
    CHECK(denoiser == NULL && strstr(message, word));
    CHECK(aeden_create(rate, channels, quality, link, &denoiser, NULL, 0) == AEDEN_STATUS_SETTING);
}

int main(void) {
    refused(0, 1, 0, 0, "8000 to 192000");
    refused(7999, 1, 0, 0, "7999");
    refused(4294967295u, 1, 0, 0, "4294967295");
    refused(48000, 0, 0, 0, "1 to 64");
    refused(48000, 65, 0, 0, "65");
    refused(48000, 4294967295u, 1, 1, "4294967295");
    refused(48000, 1, 2, 0, "quality");
    refused(48000, 1, 0, 2, "link");

    aeden_denoiser *denoiser = NULL;
    char message[8] = "1234567";
    CHECK(aeden_create(48000, 1, 0, 0, NULL, message, sizeof message) == AEDEN_STATUS_NULL);
    CHECK(!strcmp(message, "a point"));
    CHECK(aeden_create(1, 1, 0, 0, &denoiser, message, 1) == AEDEN_STATUS_SETTING && message[0] == 0);
    CHECK(aeden_create_with_model(NULL, 100, 48000, 1, 0, &denoiser, message, 8) == AEDEN_STATUS_NULL);
    CHECK(aeden_create_with_model("", 0, 48000, 1, 0, &denoiser, message, 8) == AEDEN_STATUS_MODEL);
    char junk[1000];
    memset(junk, 200, sizeof junk);
    CHECK(aeden_create_with_model(junk, sizeof junk, 48000, 1, 0, &denoiser, NULL, 8) == AEDEN_STATUS_MODEL);
    CHECK(aeden_create_with_model(junk, (size_t)-1, 48000, 1, 0, &denoiser, NULL, 8) == AEDEN_STATUS_SETTING);
    CHECK(aeden_create_from_file(NULL, 48000, 1, 0, &denoiser, message, 8) == AEDEN_STATUS_NULL);
    CHECK(aeden_create_from_file("no such file", 48000, 1, 0, &denoiser, message, 8) == AEDEN_STATUS_MODEL);
    CHECK(aeden_create_from_file("\377", 48000, 1, 0, &denoiser, message, 8) == AEDEN_STATUS_SETTING);
    CHECK(aeden_create_from_file(".", 48000, 1, 0, &denoiser, NULL, 0) == AEDEN_STATUS_MODEL);
    CHECK(denoiser == NULL);

    float x[8] = {0}, *row[2] = {x, x + 4}, *half[2] = {x, NULL};
    int16_t y[8] = {0}, *rows[2] = {y, y + 4};
    CHECK(aeden_free(NULL) == AEDEN_STATUS_NULL);
    CHECK(aeden_reset(NULL) == AEDEN_STATUS_NULL);
    CHECK(aeden_latency(NULL) == 0 && aeden_tail(NULL) == 0);
    CHECK(aeden_is_real_time(NULL) == 0);
    CHECK(aeden_channels(NULL) == 0 && aeden_sample_rate(NULL) == 0);
    CHECK(aeden_reduction(NULL) == 0 && isinf(aeden_speech_level(NULL)));
    CHECK(aeden_set_mix(NULL, 1) == AEDEN_STATUS_NULL && aeden_set_removed(NULL, 1) == AEDEN_STATUS_NULL);
    CHECK(aeden_process_interleaved_f32(NULL, x, x, 4) == AEDEN_STATUS_NULL);
    CHECK(aeden_process_i16(NULL, (const int16_t *const *)rows, rows, 4) == AEDEN_STATUS_NULL);

    CHECK(aeden_create(48000, 2, AEDEN_QUALITY_LIGHT, AEDEN_LINK_LINKED, &denoiser, NULL, 0) == AEDEN_STATUS_OK);
    CHECK(aeden_process_f32(denoiser, NULL, row, 4) == AEDEN_STATUS_NULL);
    CHECK(aeden_process_f32(denoiser, (const float *const *)row, NULL, 4) == AEDEN_STATUS_NULL);
    CHECK(aeden_process_f32(denoiser, (const float *const *)half, row, 4) == AEDEN_STATUS_NULL);
    CHECK(aeden_process_f32(denoiser, (const float *const *)row, half, 4) == AEDEN_STATUS_NULL);
    CHECK(aeden_process_f32(denoiser, NULL, NULL, 0) == AEDEN_STATUS_OK);
    CHECK(aeden_process_interleaved_i16(denoiser, y, NULL, 4) == AEDEN_STATUS_NULL);
    CHECK(aeden_process_interleaved_i16(denoiser, NULL, y, 4) == AEDEN_STATUS_NULL);
    CHECK(aeden_process_interleaved_f32(denoiser, x, x, (size_t)-1) == AEDEN_STATUS_LENGTH);
    CHECK(aeden_process_f32(denoiser, (const float *const *)row, row, (size_t)-1 / 4) == AEDEN_STATUS_LENGTH);
    CHECK(aeden_set_strength(denoiser, NAN) == AEDEN_STATUS_SETTING);
    CHECK(aeden_set_strength(denoiser, -1) == AEDEN_STATUS_SETTING);
    CHECK(aeden_set_strength(denoiser, 100.1f) == AEDEN_STATUS_SETTING);
    CHECK(aeden_set_strength(denoiser, -INFINITY) == AEDEN_STATUS_SETTING);
    CHECK(aeden_set_strength(denoiser, INFINITY) == AEDEN_STATUS_OK);
    CHECK(aeden_set_strength(denoiser, AEDEN_MAX_STRENGTH) == AEDEN_STATUS_OK);
    const float rising[7] = {0, 100, 2000, 3000, 4000, 5000, 6000}, level[2] = {100, 100}, limits[7] = {0, 100, 20, 7, 0.5f, 3, 9},
                beyond[2] = {3, NAN};
    CHECK(aeden_set_bands(NULL, rising, limits, 2) == AEDEN_STATUS_NULL);
    CHECK(aeden_set_bands(denoiser, NULL, limits, 2) == AEDEN_STATUS_NULL);
    CHECK(aeden_set_bands(denoiser, rising, NULL, 2) == AEDEN_STATUS_NULL);
    CHECK(aeden_set_bands(denoiser, rising, limits, 7) == AEDEN_STATUS_SETTING);
    CHECK(aeden_set_bands(denoiser, rising, limits, (size_t)-1) == AEDEN_STATUS_SETTING);
    CHECK(aeden_set_bands(denoiser, level, limits, 2) == AEDEN_STATUS_SETTING);
    CHECK(aeden_set_bands(denoiser, rising, beyond, 2) == AEDEN_STATUS_SETTING);
    CHECK(aeden_set_bands(denoiser, rising, limits, AEDEN_MAX_BANDS) == AEDEN_STATUS_OK);
    CHECK(aeden_set_bands(denoiser, NULL, NULL, 0) == AEDEN_STATUS_OK);
    CHECK(aeden_set_mix(denoiser, 1.1f) == AEDEN_STATUS_SETTING && aeden_set_mix(denoiser, 0.5f) == AEDEN_STATUS_OK);
    CHECK(aeden_set_gain(denoiser, -61) == AEDEN_STATUS_SETTING && aeden_set_gain(denoiser, NAN) == AEDEN_STATUS_SETTING);
    CHECK(aeden_set_removed(denoiser, -7) == AEDEN_STATUS_OK && aeden_set_bypass(denoiser, 0) == AEDEN_STATUS_OK);

    /* Samples that are none do not come out, also from addresses that are no multiple of their size. */
    char bytes[8 * 480 + 1];
    for (int i = 0; i < 50; i++) {
        for (int n = 0; n < 960; n++) {
            float sample = n % 7 == 0 ? NAN : n % 11 == 0 ? -INFINITY : n % 13 == 0 ? 1e38f : 0.01f * (float)(n % 5);
            memcpy(bytes + 1 + 4 * n, &sample, 4);
        }
        float *samples = (float *)(void *)(bytes + 1);
        CHECK(aeden_process_interleaved_f32(denoiser, samples, samples, 480) == AEDEN_STATUS_OK);
        for (int n = 0; n < 960; n++) {
            float sample;
            memcpy(&sample, bytes + 1 + 4 * n, 4);
            CHECK(fabsf(sample) < 10);
        }
    }
    for (int status = -3; status < 12; status++) CHECK(strlen(aeden_status_text(status)) > 3);
    CHECK(strchr(aeden_version(), '.'));
    CHECK(aeden_reset(denoiser) == AEDEN_STATUS_OK);
    CHECK(aeden_free(denoiser) == AEDEN_STATUS_OK);
#ifdef DEBUG_LIBRARY
    CHECK(aeden_free(denoiser) == AEDEN_STATUS_FREED);
    CHECK(aeden_process_interleaved_f32(denoiser, x, x, 4) == AEDEN_STATUS_FREED);
    CHECK(aeden_set_mix(denoiser, 1) == AEDEN_STATUS_FREED && aeden_latency(denoiser) == 0);
#endif
    puts("all refused");
    return 0;
}
