// Depth-wise causal convolution with SiLU, channel-last, forward and backward; see cpu_kernel.cpp for the conventions.
#pragma once
#include "cpu_vector.h"

#include <algorithm>

extern "C" {

struct ConvArgs {
    int64_t batch, length, channels, taps, threads, reverse;
    const float *x, *weight, *bias;   // (batch, length, channels), (taps, channels), (channels); bias may be null
    int64_t x_batch, x_time;          // strides of x
    float* y;                         // forward: the result, contiguous
    const float* dy;                  // backward: its gradient
    int64_t dy_batch, dy_time;
    float* dx;                        // contiguous
    double* partial;                  // backward: (batch, spans, taps + 1, channels), weight first, then bias
    float* dweight;                   // (taps + 1, channels), weight first, then bias
};

}

namespace conv {

const int STEPS = 64;   // rows of one block that are handled together
const int SPAN = 512;   // rows of one unit of work

struct Rows {  // one sample, in scan order: step i of a reversed call is row length - 1 - i
    const ConvArgs& a;
    int64_t sample;
    int64_t row(int64_t i) const { return a.reverse ? a.length - 1 - i : i; }
    const float* x(int64_t i) const { return a.x + sample * a.x_batch + row(i) * a.x_time; }
    const float* dy(int64_t i) const { return a.dy + sample * a.dy_batch + row(i) * a.dy_time; }
    int64_t dense(int64_t i) const { return (sample * a.length + row(i)) * a.channels; }
};

// The convolution at step i. TAPS 0: any number, known at run time only.
template <int TAPS>
INLINE V at(const Rows& r, const V* weight, V bias, int64_t i, int64_t channel, int lanes) {
    const int taps = TAPS ? TAPS : int(r.a.taps);
    V sum = bias;
    for (int k = 0; k < taps; k++) {
        const int64_t from = i - (taps - 1) + k;
        if (from >= 0) sum = load(r.x(from) + channel, lanes) * weight[k] + sum;
    }
    return sum;
}

const int MOST_TAPS = 64;

template <int TAPS>
void forward(const ConvArgs& a, int64_t sample, int64_t span) {
    const Rows r{a, sample};
    const int64_t end = std::min<int64_t>(a.length, (span + 1) * SPAN);
    for (int64_t start = span * SPAN; start < end; start += STEPS)
        for (int64_t channel = 0; channel < a.channels; channel += WIDTH) {
            const int lanes = int(std::min<int64_t>(WIDTH, a.channels - channel));
            V weight[TAPS ? TAPS : MOST_TAPS];
            for (int k = 0; k < a.taps; k++) weight[k] = load(a.weight + k * a.channels + channel, lanes);
            const V bias = a.bias ? load(a.bias + channel, lanes) : V{};
            for (int64_t i = start; i < std::min(end, start + STEPS); i++) {
                const V v = at<TAPS>(r, weight, bias, i, channel, lanes);
                store(a.y + r.dense(i) + channel, v * sigmoid_of(v), lanes);
            }
        }
}

template <int TAPS>
void backward(const ConvArgs& a, int64_t sample, int64_t span, double* partial) {
    const Rows r{a, sample};
    const int taps = TAPS ? TAPS : int(a.taps);
    const int64_t end = std::min<int64_t>(a.length, (span + 1) * SPAN);
    for (int64_t start = span * SPAN; start < end; start += STEPS)
        for (int64_t channel = 0; channel < a.channels; channel += WIDTH) {
            const int lanes = int(std::min<int64_t>(WIDTH, a.channels - channel));
            V weight[TAPS ? TAPS : MOST_TAPS], sum[(TAPS ? TAPS : MOST_TAPS) + 1] = {};
            for (int k = 0; k < taps; k++) weight[k] = load(a.weight + k * a.channels + channel, lanes);
            const V bias = a.bias ? load(a.bias + channel, lanes) : V{};
            const int own = int(std::min(end, start + STEPS) - start);
            // dx of the last steps needs the gradients of the next taps - 1 as well.
            V ds[STEPS + MOST_TAPS];
            for (int t = 0; t < own + taps - 1; t++) {
                ds[t] = V{};
                if (start + t >= a.length) continue;
                const V v = at<TAPS>(r, weight, bias, start + t, channel, lanes), open = sigmoid_of(v);
                ds[t] = load(r.dy(start + t) + channel, lanes) * open * (v * (1.0f - open) + 1.0f);
            }
            for (int t = 0; t < own; t++) {
                V dx = {};
                for (int k = 0; k < taps; k++) {
                    dx = ds[t + taps - 1 - k] * weight[k] + dx;
                    const int64_t from = start + t - (taps - 1) + k;
                    if (from >= 0) sum[k] = load(r.x(from) + channel, lanes) * ds[t] + sum[k];
                }
                sum[taps] += ds[t];
                store(a.dx + r.dense(start + t) + channel, dx, lanes);
            }
            for (int k = 0; k <= taps; k++)
                for (int lane = 0; lane < lanes; lane++)
                    partial[k * a.channels + channel + lane] += double(sum[k][lane]);
        }
}

}  // namespace conv

extern "C" {

int64_t conv_spans(const ConvArgs* a) { return (a->length + conv::SPAN - 1) / conv::SPAN; }

void conv_forward(const ConvArgs* args) {
    const ConvArgs& a = *args;
    const int64_t spans = conv_spans(args);
#pragma omp parallel for schedule(dynamic) num_threads(int(a.threads))
    for (int64_t unit = 0; unit < a.batch * spans; unit++) {
        NoDenormals mode;
        (a.taps == 4 ? conv::forward<4> : conv::forward<0>)(a, unit / spans, unit % spans);
    }
}

void conv_backward(const ConvArgs* args) {
    const ConvArgs& a = *args;
    const int64_t spans = conv_spans(args);
#pragma omp parallel for schedule(dynamic) num_threads(int(a.threads))
    for (int64_t unit = 0; unit < a.batch * spans; unit++) {
        NoDenormals mode;
        double* partial = a.partial + unit * (a.taps + 1) * a.channels;
        std::fill(partial, partial + (a.taps + 1) * a.channels, 0.0);
        (a.taps == 4 ? conv::backward<4> : conv::backward<0>)(a, unit / spans, unit % spans, partial);
    }
    for (int64_t i = 0; i < (a.taps + 1) * a.channels; i++) {
        double sum = 0;
        for (int64_t unit = 0; unit < a.batch * spans; unit++) sum += a.partial[unit * (a.taps + 1) * a.channels + i];
        a.dweight[i] = float(sum);
    }
}
}
