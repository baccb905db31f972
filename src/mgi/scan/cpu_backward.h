// The scan backward: one group of channels of one sample.
#pragma once
#include "cpu_low_rank.h"
#include "cpu_tied.h"

namespace {

// What backward keeps of a chunk beside Steps, [step][block] too.
struct BackSteps {
    V *dt, *u;
    V *gradient;         // of y before the gate
    V *dgate, *slope;    // dz / y before the gate; d dt / d delta
    V *ddrive, *ddt;     // gradients of dt u and of dt through the decays; at the end ddt is that of a low-rank delta
    BackSteps(int64_t size, Scratch& scratch)
        : dt(scratch.take<V>(size)), u(scratch.take<V>(size)), gradient(scratch.take<V>(size)),
          dgate(scratch.take<V>(size)), slope(scratch.take<V>(size)), ddrive(scratch.take<V>(size)),
          ddt(scratch.take<V>(size)) {}
};

// What it keeps of BUFFERED states of one block, [step][state]; dB and dC add up over the group's blocks.
struct Buffers {
    V decays[CHUNK][BUFFERED], states[CHUNK + 1][BUFFERED], dB[CHUNK][BUFFERED], dC[CHUNK][BUFFERED];
};

// The chunk again from its first state, kept in states[0]: decays, states, y, and dC.
template <int K, bool FIRST, bool TIED>
INLINE void again_tile(Rows B, Rows C, const V* A, int from, int steps, int count, const Steps& s,
                       const BackSteps& b, int at, Buffers& keep) {
    V h[K];
    for (int k = 0; k < K; k++) h[k] = keep.states[0][k];
    for (int t = 0; t < steps; t++, at += count) {
        const V dt = s.limited[at], drive = s.drive[at], gradient = b.gradient[at];
        const float *B_t = B.at(t), *C_t = C.at(t);
        V y[2] = {s.y[at], V{}};
        const Powers tied(TIED ? s.power[at] : V{}, TIED ? from : 0);
#pragma GCC unroll 16
        for (int k = 0; k < K; k++) {
            const V decay = TIED ? tied.of(k) : exp2_product(dt, A[k]);
            keep.decays[t][k] = decay;
            h[k] = decay * h[k] + drive * B_t[k];
            keep.states[t + 1][k] = h[k];
            y[k & 1] = h[k] * C_t[k] + y[k & 1];
            keep.dC[t][k] = FIRST ? gradient * h[k] : gradient * h[k] + keep.dC[t][k];
        }
        s.y[at] = y[0] + y[1];
    }
}

// The chunk from its end, states from `from` on. `carry`: the gradient that reaches each state from later steps.
template <int K, bool FIRST>
INLINE void back_tile(Rows B, Rows C, const V* A, int from, int steps, int count, const Steps& s, const BackSteps& b,
                      int at, Buffers& keep, V* carry, VD* dA) {
    V g[K], sum[K];
    for (int k = 0; k < K; k++) {
        g[k] = carry[k];
        sum[k] = V{};
    }
    at += (steps - 1) * count;
    for (int t = steps - 1; t >= 0; t--, at -= count) {
        const V dt = s.limited[at], drive = s.drive[at], gradient = b.gradient[at];
        const float *B_t = B.at(t), *C_t = C.at(t);
        const V *decay = keep.decays[t] + from, *before = keep.states[t] + from;
        V *dB = keep.dB[t] + from, ddrive = b.ddrive[at], ddt = b.ddt[at];
#pragma GCC unroll 16
        for (int k = 0; k < K; k++) {
            const V dh = gradient * C_t[k] + g[k];
            dB[k] = FIRST ? dh * drive : dh * drive + dB[k];
            ddrive = dh * B_t[k] + ddrive;
            g[k] = dh * decay[k];
            const V q = g[k] * before[k];  // the gradient of dt A
            sum[k] = q * dt + sum[k];
            ddt = q * A[k] + ddt;
        }
        b.ddrive[at] = ddrive;
        b.ddt[at] = ddt;
    }
    for (int k = 0; k < K; k++) {
        carry[k] = g[k];
        dA[k] += __builtin_convertvector(sum[k], VD);
    }
}

// K states of one block, forth and back.
template <int K, bool FIRST, bool TIED>
void both_ways(Rows B, Rows C, const V* A, int from, int steps, int count, const Steps& s, const BackSteps& b, int at,
               Buffers& keep, V* carry, VD* dA) {
    again_tile<K, FIRST, TIED>(B, C, A, from, steps, count, s, b, at, keep);
    const int part = K < BACK_TILE ? K : BACK_TILE;
    for (int k = 0; k < K; k += part)
        back_tile<part, FIRST>(B.from(k), C.from(k), A + k, k, steps, count, s, b, at, keep, carry + k, dA + k);
}

template <bool TIED>
auto way_of(int states, bool first) {
    const auto four = first ? both_ways<4, true, TIED> : both_ways<4, false, TIED>;
    const auto eight = first ? both_ways<8, true, TIED> : both_ways<8, false, TIED>;
    return states == 4 ? four : eight;
}

template <bool FULL>
void before_backward(const Group& g, int64_t chunk, const Steps& s, const BackSteps& b) {
    const Rows u(g.a.u, g, chunk, g.channel(0)), delta(g.a.delta, g, chunk, g.channel(0));
    const Rows z(g.a.z, g, chunk, g.channel(0)), dy(g.a.y, g, chunk, g.channel(0));
    const bool softplus = g.a.softplus, low = g.a.rank > 0, tied = g.a.tied;
    if (low) low_rank_steps(g, chunk, s.limited);
    int at = 0;
    for (int t = 0; t < g.steps(chunk); t++)
        for (int i = 0; i < g.count; i++, at++) {
            const int lanes = FULL ? WIDTH : g.lanes(i);
            const V x = load(u.at(t) + i * WIDTH, lanes);
            V dt = (low ? s.limited[at] : load(delta.at(t) + i * WIDTH, lanes)) + g.bias[i];
            V gradient = load(dy.at(t) + i * WIDTH, lanes);
            if (softplus) {
                const Softplus both = softplus_of(dt);
                dt = both.value;
                b.slope[at] = both.slope;
            }
            b.dt[at] = dt;
            b.u[at] = x;
            s.limited[at] = larger(smaller(dt, g.limit[i]), -g.limit[i]);
            if (tied) s.power[at] = exp2_product(s.limited[at], g.A[i * g.s.states]);
            s.drive[at] = dt * x;
            s.y[at] = g.D[i] * x;
            b.ddrive[at] = b.ddt[at] = V{};
            if (z.data) {
                const V gate = load(z.at(t) + i * WIDTH, lanes), open = sigmoid_of(gate);
                b.dgate[at] = gradient * open * (gate * (1.0f - open) + 1.0f);
                gradient *= gate * open;
            }
            b.gradient[at] = gradient;
        }
}

template <Write HOW>
void after_backward(const Group& g, int64_t chunk, const Steps& s, const BackSteps& b, VD* dD, VD* dbias) {
    const Rows du(g.a.du, g, chunk, g.channel(0)), dz(g.a.dz, g, chunk, g.channel(0));
    const Rows ddelta(g.a.ddelta, g, chunk, g.channel(0));
    const bool softplus = g.a.softplus, low = g.a.rank > 0;
    V sum_D[64 / WIDTH] = {}, sum_bias[64 / WIDTH] = {};
    int at = 0;
    for (int t = 0; t < g.steps(chunk); t++)
        for (int i = 0; i < g.count; i++, at++) {
            const int lanes = HOW == LANES ? g.lanes(i) : WIDTH;
            if (dz.data) put<HOW>(dz.at(t) + i * WIDTH, b.dgate[at] * s.y[at], lanes);
            put<HOW>(du.at(t) + i * WIDTH, b.gradient[at] * g.D[i] + b.dt[at] * b.ddrive[at], lanes);
            V ddt = b.ddt[at] * float(LN_2) + b.u[at] * b.ddrive[at];
            if (softplus) ddt *= b.slope[at];
            if (low)
                b.ddt[at] = ddt;
            else
                put<HOW>(ddelta.at(t) + i * WIDTH, ddt, lanes);
            sum_D[i] = b.gradient[at] * b.u[at] + sum_D[i];
            sum_bias[i] += ddt;
        }
    for (int i = 0; i < g.count; i++) {
        dD[i] += __builtin_convertvector(sum_D[i], VD);
        dbias[i] += __builtin_convertvector(sum_bias[i], VD);
    }
}

// One of `parts` parts of what backward will read of a chunk. A chunk is about a page per series, too short for the
// processor's own prefetching; all of it at once would keep the arithmetic waiting.
void fetch_part(const Group& g, int64_t chunk, int part, int parts) {
    if (chunk < 0) return;
    for (const Series* series : {&g.a.u, &g.a.delta, &g.a.z, &g.a.y}) {
        if (series == &g.a.delta && g.a.rank) continue;  // narrow rows
        const Rows rows(*series, g, chunk, g.channel(0));
        for (int t = part * CHUNK / parts; rows.data && t < (part + 1) * CHUNK / parts; t++)
            for (int column = 0; column < g.count * WIDTH; column += 16) __builtin_prefetch(rows.at(t) + column, 0, 2);
    }
}

void backward_group(const ScanArgs& a, const Shape& s, int64_t unit) {
    const int64_t size = CHUNK * s.per_group, all_states = s.per_group * s.states;
    const int64_t all_ranks = s.per_group * s.ranks;
    const int64_t vectors = 11 * size + all_states, sums = all_states + 2 * s.per_group + all_ranks;
    Scratch scratch(Group::bytes(s) + sizeof(Buffers) + vectors * sizeof(V) + sums * sizeof(VD) + 20 * 64);
    const Group g(a, s, unit, scratch);
    const Steps steps(size, scratch);
    const BackSteps back(size, scratch);
    Buffers& keep = *scratch.take<Buffers>(1);
    V* carry = scratch.take<V>(all_states);
    VD *dA = scratch.take<VD>(all_states), *dD = scratch.take<VD>(s.per_group), *dbias = scratch.take<VD>(s.per_group);
    VD* dweight = scratch.take<VD>(all_ranks);
    std::fill((double*)dweight, (double*)(dweight + all_ranks), 0.0);
    std::fill(carry, carry + all_states, V{});
    std::fill((double*)dA, (double*)(dbias + s.per_group), 0.0);
    for (int64_t chunk = s.chunks - 1; chunk >= 0; chunk--) {
        const int n = g.steps(chunk);
        const Rows B = rows_of_states(a.B, g, chunk, g.packed_B), C = rows_of_states(a.C, g, chunk, g.packed_C);
        (g.how != LANES ? before_backward<true> : before_backward<false>)(g, chunk, steps, back);
        for (int k = 0; k < s.states; k += BUFFERED) {
            const int these = std::min(BUFFERED, s.states - k);
            for (int i = 0; i < g.count; i++) {
                const float* first_state = g.saved(chunk) + (i * s.states + k) * WIDTH;
                std::copy(first_state, first_state + these * WIDTH, (float*)keep.states[0]);
                const auto way = a.tied ? way_of<true>(these, i == 0) : way_of<false>(these, i == 0);
                const int at = i * s.states + k;
                fetch_part(g, chunk - 1, k / BUFFERED * g.count + i, int(up(s.states, BUFFERED)) * g.count);
                way(B.from(k), C.from(k), g.A + at, k, n, g.count, steps, back, i, keep, carry + at, dA + at);
            }
            const int64_t part = (g.index * a.batch + g.sample) * a.length + g.row(chunk);
            const int64_t dC = s.groups * a.batch * a.length;
            for (int t = 0; t < n; t++)
                for (int j = 0; j < these; j += 4) {
                    float* to = a.partial + (part + t * g.direction) * s.states + k + j;
                    sum_lanes_of_four((float*)(keep.dB[t] + j), to);
                    sum_lanes_of_four((float*)(keep.dC[t] + j), to + dC * s.states);
                }
        }
        const auto whole = g.how == ROWS ? after_backward<ROWS> : after_backward<PAST>;
        const auto after = g.how == LANES ? after_backward<LANES> : whole;
        after(g, chunk, steps, back, dD, dbias);
        if (a.rank) low_rank_gradients(g, chunk, back.ddt, dweight);
    }
    for (int i = 0; i < g.count; i++)
        for (int lane = 0; lane < g.lanes(i); lane++) {
            const int64_t channel = g.sample * a.channels + g.channel(i) + lane;
            for (int64_t n = 0; n < a.states; n++) a.dA[channel * a.states + n] = dA[i * s.states + n][lane];
            for (int64_t r = 0; r < a.rank; r++) a.dweight[channel * a.rank + r] = dweight[i * s.ranks + r][lane];
            a.dD[channel] = dD[i][lane];
            a.dbias[channel] = dbias[i][lane];
        }
}

}  // namespace
