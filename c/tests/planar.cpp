// A C++ program: two threads, each with its own denoiser, and a third that turns controls meanwhile.
#include <aeden.h>
#include <atomic>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

struct Free {
    void operator()(aeden_denoiser *denoiser) const { aeden_free(denoiser); }
};
using Denoiser = std::unique_ptr<aeden_denoiser, Free>;

static Denoiser make(uint32_t rate, uint32_t channels) {
    aeden_denoiser *denoiser;
    char why[200];
    if (aeden_create(rate, channels, AEDEN_QUALITY_LIGHT, AEDEN_LINK_INDEPENDENT, &denoiser, why, sizeof why))
        throw std::runtime_error(why);
    return Denoiser(denoiser);
}

int main() {
    std::vector<float> sound;
    float sample;
    while (std::fread(&sample, sizeof sample, 1, stdin) == 1) sound.push_back(sample);

    std::vector<float> left = sound, right(sound.rbegin(), sound.rend()), other = sound;
    Denoiser denoiser = make(44100, 2), second = make(44100, 1);
    std::atomic<bool> done{false};
    std::thread turning([&] {
        for (int i = 0; !done; i++) aeden_set_mix(second.get(), (i % 100) / 100.0f);
    });
    std::thread elsewhere([&] {
        const float *in[] = {other.data()};
        float *out[] = {other.data()};
        aeden_process_f32(second.get(), in, out, other.size());
    });
    float *both[] = {left.data(), right.data()};
    const float *in[] = {left.data(), right.data()};
    aeden_status status = aeden_process_f32(denoiser.get(), in, both, left.size());
    elsewhere.join();
    done = true;
    turning.join();

    // One denoiser in two threads: each block is done whole, or refused.
    int refusals = 0;
    auto fight = [&] {
        std::vector<float> block(512);
        const float *in[] = {block.data()};
        float *out[] = {block.data()};
        int busy = 0;
        for (int i = 0; i < 200; i++) {
            aeden_status status = aeden_process_f32(second.get(), in, out, block.size());
            if (status == AEDEN_STATUS_BUSY) busy++;
            else if (status != AEDEN_STATUS_OK) std::abort();
        }
        return busy;
    };
    std::thread rival([&] { refusals = fight(); });
    fight();
    rival.join();
    std::fprintf(stderr, "%d blocks refused\n", refusals);

    std::fwrite(left.data(), sizeof sample, left.size(), stdout);
    std::fwrite(right.data(), sizeof sample, right.size(), stdout);
    return status;
}
