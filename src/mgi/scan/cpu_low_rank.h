// Step sizes that come as the two factors of their product, delta = low weight^T: low (L, R) of a sample and weight
// (E, R). R is a few numbers, so the product is made where it is read, and (L, E) of it is never stored.
#pragma once
#include "cpu_group.h"

namespace {

// delta of one chunk, [step][block], before bias and softplus.
void low_rank_steps(const Group& g, int64_t chunk, V* to) {
    const Rows low = padded_rows(g.a.delta, int(g.a.rank), g.s.ranks, g, chunk, g.packed_low);
    for (int t = 0; t < g.steps(chunk); t++) {
        const float* row = low.at(t);
        for (int i = 0; i < g.count; i++) {
            const V* weight = g.weight + i * g.s.ranks;
            V sum = {};
            for (int r = 0; r < g.s.ranks; r += 4)
                for (int j = 0; j < 4; j++) sum = weight[r + j] * row[r + j] + sum;
            *to++ = sum;
        }
    }
}

// From the gradient of delta, [step][block]: that of low, summed over the group's channels, and that of weight, which
// adds up over chunks.
void low_rank_gradients(const Group& g, int64_t chunk, const V* ddelta, VD* dweight) {
    const int steps = g.steps(chunk), ranks = g.s.ranks;
    const Rows low = padded_rows(g.a.delta, int(g.a.rank), ranks, g, chunk, g.packed_low);
    float* part = g.a.partial_low + ((g.index * g.a.batch + g.sample) * g.a.length + g.row(chunk)) * ranks;
    for (int r = 0; r < ranks; r += 4) {
        for (int t = 0; t < steps; t++) {
            V sum[4] = {};
            for (int i = 0; i < g.count; i++)
                for (int j = 0; j < 4; j++) sum[j] = ddelta[t * g.count + i] * g.weight[i * ranks + r + j] + sum[j];
            alignas(64) V rows[4] = {sum[0], sum[1], sum[2], sum[3]};
            sum_lanes_of_four((const float*)rows, part + t * g.direction * ranks + r);
        }
        for (int i = 0; i < g.count; i++) {
            V sum[4] = {};
            for (int t = 0; t < steps; t++)
                for (int j = 0; j < 4; j++) sum[j] = ddelta[t * g.count + i] * low.at(t)[r + j] + sum[j];
            for (int j = 0; j < 4; j++) dweight[i * ranks + r + j] += __builtin_convertvector(sum[j], VD);
        }
    }
}

}  // namespace
