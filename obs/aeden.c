/* An audio filter for OBS on the C library: one file, built by `cargo xtask bundle obs`. docs/obs.md tells how its licence and
 * that of OBS go together.
 *
 * OBS calls `update` on a thread of its own while `filter_audio` runs on that of the sound. The controls of aeden may be set from
 * any thread; the network is a number that the thread of the sound reads. Both networks are made when the filter is, so that
 * nothing is allocated, locked or waited for afterwards.
 */

#include <aeden.h>
#include <obs-module.h>

#include <math.h>
#include <stdatomic.h>

OBS_DECLARE_MODULE()
MODULE_EXPORT const char *obs_module_description(void) { return "aeden: takes noise out of speech"; }

/* Names of settings in scenes; they never change. */
#define STRENGTH "strength"
#define MIX "mix"
#define QUALITY "quality"
#define BYPASS "bypass"

/* At this strength, in dB, there is no limit, as in the other plugins. */
#define UNLIMITED 60.0

/* Times of blocks that differ from what was expected by more than this, in nanoseconds, begin a new sound: OBS itself smooths
 * what is less. */
#define JUMP 70000000

#define NETWORKS 2

struct filter {
    /* By AEDEN_QUALITY_. */
    aeden_denoiser *networks[NETWORKS];
    /* Nanoseconds by which each is late. */
    uint64_t latency[NETWORKS];
    atomic_uint quality;
    uint32_t rate;
    size_t channels;
    /* Of the thread of the sound: the network that it uses, the time of the next block, and the block that it gives back. */
    unsigned current;
    uint64_t next;
    struct obs_audio_data output;
};

static uint64_t nanoseconds(uint64_t frames, uint32_t rate) { return frames * 1000000000 / rate; }

static const char *filter_name(void *unused) {
    (void)unused;
    return "aeden noise removal";
}

static void filter_destroy(void *data) {
    struct filter *filter = data;
    for (unsigned i = 0; i < NETWORKS; i++)
        if (filter->networks[i] != NULL)
            aeden_free(filter->networks[i]);
    bfree(filter);
}

static void filter_update(void *data, obs_data_t *settings) {
    struct filter *filter = data;
    double strength = obs_data_get_double(settings, STRENGTH);
    for (unsigned i = 0; i < NETWORKS; i++) {
        aeden_set_strength(filter->networks[i], strength < UNLIMITED ? (float)strength : INFINITY);
        aeden_set_mix(filter->networks[i], (float)obs_data_get_double(settings, MIX));
        aeden_set_bypass(filter->networks[i], obs_data_get_bool(settings, BYPASS));
    }
    long long quality = obs_data_get_int(settings, QUALITY);
    atomic_store(&filter->quality, quality == AEDEN_QUALITY_LIGHT ? AEDEN_QUALITY_LIGHT : AEDEN_QUALITY_HIGH);
}

static void *filter_create(obs_data_t *settings, obs_source_t *source) {
    (void)source;
    struct filter *filter = bzalloc(sizeof *filter);
    filter->rate = audio_output_get_sample_rate(obs_get_audio());
    filter->channels = audio_output_get_channels(obs_get_audio());
    for (unsigned i = 0; i < NETWORKS; i++) {
        char why[200];
        if (aeden_create(filter->rate, (uint32_t)filter->channels, i, AEDEN_LINK_LINKED, &filter->networks[i], why,
                         sizeof why) != AEDEN_STATUS_OK) {
            blog(LOG_ERROR, "aeden: %s", why);
            filter_destroy(filter);
            return NULL;
        }
        filter->latency[i] = nanoseconds(aeden_latency(filter->networks[i]), filter->rate);
    }
    filter_update(filter, settings);
    filter->current = atomic_load(&filter->quality);
    return filter;
}

/* Sound comes out later than it goes in, but with the time that it had: OBS keeps it in step with the picture, as it does with
 * its own filters. */
static struct obs_audio_data *filter_audio(void *data, struct obs_audio_data *audio) {
    struct filter *filter = data;
    unsigned quality = atomic_load(&filter->quality);
    uint64_t apart = audio->timestamp > filter->next ? audio->timestamp - filter->next : filter->next - audio->timestamp;
    if (quality != filter->current || apart > JUMP) {
        filter->current = quality;
        aeden_reset(filter->networks[quality]);
    }
    filter->next = audio->timestamp + nanoseconds(audio->frames, filter->rate);
    aeden_denoiser *denoiser = filter->networks[quality];
    float **channels = (float **)audio->data;
    aeden_process_f32(denoiser, (const float *const *)channels, channels, audio->frames);
    filter->output = *audio;
    filter->output.timestamp -= filter->latency[quality];
    return &filter->output;
}

static void filter_defaults(obs_data_t *settings) {
    obs_data_set_default_double(settings, STRENGTH, UNLIMITED);
    obs_data_set_default_double(settings, MIX, 1.0);
    obs_data_set_default_int(settings, QUALITY, AEDEN_QUALITY_HIGH);
    obs_data_set_default_bool(settings, BYPASS, false);
}

static obs_properties_t *filter_properties(void *data) {
    obs_properties_t *all = obs_properties_create();
    obs_property_t *strength =
        obs_properties_add_float_slider(all, STRENGTH, "Strength: noise is lowered by at most", 0.0, UNLIMITED, 0.5);
    obs_property_float_set_suffix(strength, " dB");
    obs_property_set_long_description(strength, "At 60 dB without a limit. 10 to 20 dB leave the room audible.");
    obs_properties_add_float_slider(all, MIX, "Mix: share of the cleaned sound", 0.0, 1.0, 0.01);
    obs_property_t *quality =
        obs_properties_add_list(all, QUALITY, "Quality", OBS_COMBO_TYPE_LIST, OBS_COMBO_FORMAT_INT);
    obs_property_list_add_int(quality, "high", AEDEN_QUALITY_HIGH);
    obs_property_list_add_int(quality, "light: a fifth of the CPU, less latency", AEDEN_QUALITY_LIGHT);
    obs_properties_add_bool(all, BYPASS, "Bypass: the sound as it was, as late");
    (void)data;
    return all;
}

bool obs_module_load(void) {
    static struct obs_source_info info = {
        .id = "aeden_noise_removal",
        .type = OBS_SOURCE_TYPE_FILTER,
        .output_flags = OBS_SOURCE_AUDIO,
        .get_name = filter_name,
        .create = filter_create,
        .destroy = filter_destroy,
        .update = filter_update,
        .get_defaults = filter_defaults,
        .get_properties = filter_properties,
        .filter_audio = filter_audio,
    };
    obs_register_source(&info);
    return true;
}
