/* host MODULE RATE STRENGTH MIX QUALITY BYPASS <planar stereo float: left, then right >the same; a line of counts goes to stderr
 *
 * A little OBS without a picture: it loads the module, puts the filter on a source, pushes blocks of many lengths through it, and
 * counts what the module's own code allocates meanwhile. Used by the test of the C library. */

#define _GNU_SOURCE
#include <obs.h>
#include <util/platform.h>

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST 5000000000ull

/* Whether calls are counted, by whom, and how many there were. */
static atomic_int counting, allocations;
static const char *module_path;

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static void count(void *caller) {
    Dl_info info;
    /* dladdr takes a lock and allocates nothing. */
    if (atomic_load(&counting) && dladdr(caller, &info) && info.dli_fname && strcmp(info.dli_fname, module_path) == 0)
        atomic_fetch_add(&allocations, 1);
}

void *malloc(size_t size) {
    count(__builtin_return_address(0));
    return __libc_malloc(size);
}
void *calloc(size_t n, size_t size) {
    count(__builtin_return_address(0));
    return __libc_calloc(n, size);
}
void *realloc(void *old, size_t size) {
    count(__builtin_return_address(0));
    return __libc_realloc(old, size);
}
int posix_memalign(void **place, size_t alignment, size_t size) {
    count(__builtin_return_address(0));
    *place = __libc_memalign(alignment, size);
    return *place == NULL ? ENOMEM : 0;
}
void free(void *old) {
    count(__builtin_return_address(0));
    __libc_free(old);
}

static float *out[2];
static size_t done;
/* The time that the block has which is pushed now, and by how much what came out was said to be earlier. */
static uint64_t now, least = UINT64_MAX, most;

static void captured(void *unused, obs_source_t *source, const struct audio_data *audio, bool muted) {
    (void)unused, (void)source, (void)muted;
    for (int c = 0; c < 2; c++)
        memcpy(out[c] + done, audio->data[c], audio->frames * sizeof(float));
    done += audio->frames;
    uint64_t earlier = now - audio->timestamp;
    least = earlier < least ? earlier : least;
    most = earlier > most ? earlier : most;
}

static const char *input_name(void *unused) {
    (void)unused;
    return "input";
}
static void *input_create(obs_data_t *settings, obs_source_t *source) {
    (void)settings;
    return source;
}
static void input_destroy(void *unused) { (void)unused; }

static void fail(const char *what) {
    fprintf(stderr, "host: %s\n", what);
    exit(1);
}

static void quiet(int level, const char *format, va_list arguments, void *unused) {
    (void)unused;
    if (level <= LOG_WARNING)
        vfprintf(stderr, format, arguments), fputc('\n', stderr);
}

int main(int argc, char **argv) {
    if (argc != 7)
        fail("MODULE RATE STRENGTH MIX QUALITY BYPASS");
    base_set_log_handler(quiet, NULL);
    uint32_t rate = (uint32_t)atoi(argv[2]);
    if (!obs_startup("en-US", NULL, NULL))
        fail("OBS does not start");
    struct obs_audio_info audio = {.samples_per_sec = rate, .speakers = SPEAKERS_STEREO};
    if (!obs_reset_audio(&audio))
        fail("no audio");
    static struct obs_source_info input = {
        .id = "input",
        .type = OBS_SOURCE_TYPE_INPUT,
        .output_flags = OBS_SOURCE_AUDIO,
        .get_name = input_name,
        .create = input_create,
        .destroy = input_destroy,
    };
    obs_register_source(&input);
    obs_module_t *module;
    if (obs_open_module(&module, argv[1], NULL) != MODULE_SUCCESS || !obs_init_module(module))
        fail("the module is not loaded");
    module_path = argv[1];

    size_t room = 1 << 22;
    float *in = malloc(room);
    size_t frames = fread(in, 1, room, stdin) / 2 / sizeof(float);
    out[0] = calloc(frames, sizeof(float)), out[1] = calloc(frames, sizeof(float));

    obs_source_t *source = obs_source_create("input", "source", NULL, NULL);
    obs_data_t *settings = obs_data_create();
    obs_data_set_double(settings, "strength", atof(argv[3]));
    obs_data_set_double(settings, "mix", atof(argv[4]));
    obs_data_set_int(settings, "quality", atoi(argv[5]));
    obs_data_set_bool(settings, "bypass", atoi(argv[6]) != 0);
    obs_source_t *filter = obs_source_create("aeden_noise_removal", "filter", settings, NULL);
    if (source == NULL || filter == NULL)
        fail("no source or no filter");
    obs_properties_t *properties = obs_source_properties(filter);
    int shown = 0;
    for (obs_property_t *p = obs_properties_first(properties); p != NULL; shown++)
        if (!obs_property_next(&p))
            p = NULL;
    obs_properties_destroy(properties);
    obs_source_filter_add(source, filter);
    obs_source_add_audio_capture_callback(source, captured, NULL);

    static const uint32_t lengths[] = {480, 1024, 441, 1, 2048, 960};
    size_t at = 0;
    atomic_store(&counting, 1);
    for (size_t block = 0; at < frames; block++) {
        uint32_t length = lengths[block % 6];
        if (length > frames - at)
            length = (uint32_t)(frames - at);
        struct obs_source_audio part = {
            .data = {(const uint8_t *)(in + at), (const uint8_t *)(in + frames + at)},
            .frames = length,
            .speakers = SPEAKERS_STEREO,
            .format = AUDIO_FORMAT_FLOAT_PLANAR,
            .samples_per_sec = rate,
            .timestamp = FIRST + at * 1000000000ull / rate,
        };
        now = part.timestamp;
        obs_source_output_audio(source, &part);
        at += length;
    }
    atomic_store(&counting, 0);
    fwrite(out[0], sizeof(float), frames, stdout);
    fwrite(out[1], sizeof(float), frames, stdout);
    fprintf(stderr, "%d properties, %zu frames, %d allocations, %llu to %llu ns earlier\n", shown, done,
            atomic_load(&allocations), (unsigned long long)least, (unsigned long long)most);
    obs_source_remove_audio_capture_callback(source, captured, NULL);
    obs_source_filter_remove(source, filter);
    obs_data_release(settings);
    obs_source_release(filter);
    obs_source_release(source);
    obs_shutdown();
    return 0;
}
