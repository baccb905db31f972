// The scan forward: one group of channels of one sample.
#pragma once
#include "cpu_low_rank.h"
#include "cpu_tied.h"

namespace {

// The steps of one chunk of one block for K states from `from` on. `at` and `count`: where the block's vectors lie in
// Steps.
template <int K, bool TIED>
INLINE void forward_tile(Rows B, Rows C, const V* A, int from, int steps, int count, const Steps& s, int at,
                         V* state) {
    V h[K];
    for (int k = 0; k < K; k++) h[k] = state[k];
    for (int t = 0; t < steps; t++, at += count) {
        const V dt = s.limited[at], drive = s.drive[at];
        const float *B_t = B.at(t), *C_t = C.at(t);
        V y[2] = {s.y[at], V{}};
        const Powers tied(TIED ? s.power[at] : V{}, TIED ? from : 0);
#pragma GCC unroll 16
        for (int k = 0; k < K; k++) {
            h[k] = (TIED ? tied.of(k) : exp2_product(dt, A[k])) * h[k] + drive * B_t[k];
            y[k & 1] = h[k] * C_t[k] + y[k & 1];
        }
        s.y[at] = y[0] + y[1];
    }
    for (int k = 0; k < K; k++) state[k] = h[k];
}

template <bool FULL>
void before_forward(const Group& g, int64_t chunk, const Steps& s) {
    const Rows u(g.a.u, g, chunk, g.channel(0)), delta(g.a.delta, g, chunk, g.channel(0));
    const bool softplus = g.a.softplus, low = g.a.rank > 0, tied = g.a.tied;
    if (low) low_rank_steps(g, chunk, s.limited);
    int at = 0;
    for (int t = 0; t < g.steps(chunk); t++)
        for (int i = 0; i < g.count; i++, at++) {
            const int lanes = FULL ? WIDTH : g.lanes(i);
            const V x = load(u.at(t) + i * WIDTH, lanes);
            V dt = (low ? s.limited[at] : load(delta.at(t) + i * WIDTH, lanes)) + g.bias[i];
            if (softplus) dt = softplus_of(dt).value;
            s.limited[at] = larger(smaller(dt, g.limit[i]), -g.limit[i]);
            if (tied) s.power[at] = exp2_product(s.limited[at], g.A[i * g.s.states]);
            s.drive[at] = dt * x;
            s.y[at] = g.D[i] * x;
        }
}

template <Write HOW>
void after_forward(const Group& g, int64_t chunk, const Steps& s) {
    const Rows z(g.a.z, g, chunk, g.channel(0)), y(g.a.y, g, chunk, g.channel(0));
    int at = 0;
    for (int t = 0; t < g.steps(chunk); t++)
        for (int i = 0; i < g.count; i++, at++) {
            const int lanes = HOW == LANES ? g.lanes(i) : WIDTH;
            V out = s.y[at];
            if (z.data) {
                const V gate = load(z.at(t) + i * WIDTH, lanes);
                out *= gate * sigmoid_of(gate);
            }
            put<HOW>(y.at(t) + i * WIDTH, out, lanes);
        }
}

// All states of one block.
template <bool TIED>
void forward_block(Rows B, Rows C, const Group& g, int i, int n, const Steps& s, V* h) {
    const V* A = g.A + i * g.s.states;
    int k = 0;
#define FORWARD(K) forward_tile<K, TIED>(B.from(k), C.from(k), A + k, k, n, g.count, s, i, h + k)
    for (; k + TILE <= g.s.states; k += TILE) FORWARD(TILE);
    if (TILE > 8 && k + 8 <= g.s.states) {
        FORWARD(8);
        k += 8;
    }
    if (k < g.s.states) FORWARD(4);
#undef FORWARD
}

void forward_group(const ScanArgs& a, const Shape& s, int64_t unit) {
    const int64_t size = CHUNK * s.per_group;
    Scratch scratch(Group::bytes(s) + (4 * size + s.per_group * s.states) * sizeof(V) + 6 * 64);
    const Group g(a, s, unit, scratch);
    const Steps steps(size, scratch);
    V* state = scratch.take<V>(g.count * s.states);
    std::fill(state, state + g.count * s.states, V{});
    for (int64_t chunk = 0; chunk < s.chunks; chunk++) {
        const int n = g.steps(chunk);
        const Rows B = rows_of_states(a.B, g, chunk, g.packed_B), C = rows_of_states(a.C, g, chunk, g.packed_C);
        if (a.saved) std::copy((float*)state, (float*)(state + g.count * s.states), g.saved(chunk));
        (g.how != LANES ? before_forward<true> : before_forward<false>)(g, chunk, steps);
        for (int i = 0; i < g.count; i++)
            (a.tied ? forward_block<true> : forward_block<false>)(B, C, g, i, n, steps, state + i * s.states);
        const auto whole = g.how == ROWS ? after_forward<ROWS> : after_forward<PAST>;
        (g.how == LANES ? after_forward<LANES> : whole)(g, chunk, steps);
    }
}

}  // namespace
