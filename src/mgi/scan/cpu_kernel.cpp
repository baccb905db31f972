// The selective scan, forward and backward, channel-last, fused with softplus, skip and gate. Called through ctypes.
//
// A vector holds WIDTH channels; N states of each stay in registers while time runs, B_t and C_t are broadcast. Time is
// cut into chunks; forward keeps the state before each chunk, backward walks the chunks from the end and runs each one
// forward again. All channels of a group take their turn within one chunk, so that its rows of B and C stay in cache.
// A group of channels of one sample is the unit of work. Groups depend on the shapes only and every sum is taken
// inside one unit or over units in order: the result is the same, bit for bit, for any number of threads.
#include "cpu_vector.h"

#include "cpu_conv.h"

#include <algorithm>
#if defined(_OPENMP)
#include <omp.h>
#endif
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace {

const int CHUNK = 16;  // steps between two saved states
// States in registers: the processor has 16 registers at WIDTH 8, else 32 (or no hurry); backward needs two per state.
const int TILE = WIDTH == 8 ? 8 : 16;
const int BACK_TILE = WIDTH == 8 ? 4 : 8;
const int BUFFERED = 8;  // states that backward walks back and forth at a time: what it keeps of them fits the L1 cache
const double LN_2 = 0.6931471805599453;

struct Series {  // (batch, time, channel or state); the last stride is 1
    float* data;
    int64_t batch, time;
};

}  // namespace

extern "C" {

struct ScanArgs {
    int64_t batch, length, channels, states, threads, reverse, softplus;
    Series u, delta, z, B, C, y;           // z.data may be null; backward: y is the gradient of y
    Series du, ddelta, dz, dB, dC;         // backward only; dB and dC contiguous, and the part itself with one group
    const float *A, *D, *bias;             // (channels, states), (channels), (channels); D and bias may be null
    float* saved;                          // states before every chunk, saved_floats() of them; null: not wanted
    float* partial;                        // backward: (dB and dC, partial_groups(), batch, length, states up to a multiple of 4)
    double *dA, *dD, *dbias;               // backward: (batch, channels, states), (batch, channels) twice
};

}

namespace {

int64_t up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// The sizes that follow from a call.
struct Shape {
    int64_t chunks, blocks, groups;
    int states, per_group;
    explicit Shape(const ScanArgs& a) {
        chunks = up(a.length, CHUNK);
        blocks = up(a.channels, WIDTH);
        states = int(up(a.states, 4) * 4);
        // Wide groups share the reduction of dB and dC over channels; narrow ones give small batches work for more cores.
        int wide = 64 / WIDTH;
        per_group = int(a.batch * up(blocks, wide) >= 2 ? wide : wide / 2);
        groups = up(blocks, per_group);
    }
};

struct Scratch {
    char *data, *free;
    explicit Scratch(int64_t bytes) {
        void* p = nullptr;
        if (posix_memalign(&p, 64, size_t(bytes))) std::abort();
        data = free = (char*)p;
    }
    ~Scratch() { std::free(data); }
    Scratch(const Scratch&) = delete;
    template <class T>
    T* take(int64_t count) {
        T* taken = (T*)free;
        free += up(count * int64_t(sizeof(T)), 64) * 64;
        return taken;
    }
};

// Fresh memory of many megabytes costs more in page faults than the scan costs in arithmetic, unless pages are large.
void want_large_pages(const void* data, int64_t floats) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    const uintptr_t page = 2 << 20, from = up((uintptr_t)data, page) * page;
    const uintptr_t to = ((uintptr_t)data + uintptr_t(floats) * 4) / page * page;
    if (data && to > from) madvise((void*)from, to - from, MADV_HUGEPAGE);
#endif
}

// The unit of work: `count` blocks of WIDTH channels of one sample. Values per step lie [step][block][lane].
struct Group {
    const ScanArgs& a;
    const Shape& s;
    int64_t sample, index, first;  // first: the first block
    int count, direction;
    bool full;  // no block has lanes to spare
    V *A, *limit, *D, *bias;  // A in powers of two, [block][state]; the others [block]
    float *packed_B, *packed_C;

    Group(const ScanArgs& args, const Shape& shape, int64_t unit, Scratch& scratch)
        : a(args), s(shape), sample(unit / s.groups), index(unit % s.groups), first(index * s.per_group) {
        count = int(std::min<int64_t>(s.per_group, s.blocks - first));
        direction = a.reverse ? -1 : 1;
        full = lanes(count - 1) == WIDTH;
        A = scratch.take<V>(count * s.states);
        limit = scratch.take<V>(count);
        D = scratch.take<V>(count);
        bias = scratch.take<V>(count);
        packed_B = scratch.take<float>(CHUNK * s.states);
        packed_C = scratch.take<float>(CHUNK * s.states);
        for (int i = 0; i < count; i++) {
            D[i] = a.D ? load(a.D + channel(i), lanes(i)) : V{};
            bias[i] = a.bias ? load(a.bias + channel(i), lanes(i)) : V{};
            pack_A(i);
        }
    }
    static int64_t bytes(const Shape& s) {
        return (s.per_group * (s.states + 3) * WIDTH + 2 * CHUNK * s.states) * 4 + 5 * 64;
    }
    int64_t channel(int i) const { return (first + i) * WIDTH; }
    int lanes(int i) const { return int(std::min<int64_t>(WIDTH, a.channels - channel(i))); }
    int64_t row(int64_t chunk) const { return a.reverse ? a.length - 1 - chunk * CHUNK : chunk * CHUNK; }
    int steps(int64_t chunk) const { return int(std::max<int64_t>(0, std::min<int64_t>(CHUNK, a.length - chunk * CHUNK))); }
    float* saved(int64_t chunk) const {
        return a.saved + ((sample * s.chunks + chunk) * s.blocks + first) * s.states * WIDTH;
    }
    void pack_A(int i) {
        float* to = (float*)(A + i * s.states);
        std::fill(to, to + s.states * WIDTH, 0.0f);
        for (int lane = 0; lane < WIDTH; lane++) {
            float most = 1e-20f;
            for (int n = 0; lane < lanes(i) && n < a.states; n++) {
                float value = float(a.A[(channel(i) + lane) * a.states + n] / LN_2);
                to[n * WIDTH + lane] = value;
                most = std::max(most, value < 0 ? -value : value);
            }
            // How large dt may be in its exponents: beyond, exp2's remainder is no longer small, and 2^-1e12 is 0 anyway.
            limit[i][lane] = 1e12f / most;
        }
    }
};

// Rows of one chunk in scan order.
struct Rows {
    float* data;
    int64_t step;
    Rows(const Series& s, const Group& g, int64_t chunk, int64_t column)
        : data(s.data ? s.data + g.sample * s.batch + g.row(chunk) * s.time + column : nullptr), step(g.direction * s.time) {}
    Rows(float* data_, int64_t step_) : data(data_), step(step_) {}
    float* at(int t) const { return data + t * step; }
};

// B or C: where it lies, or a copy whose states are padded with zeros.
Rows rows_of_states(const Series& from, const Group& g, int64_t chunk, float* packed) {
    const Rows rows(from, g, chunk, 0);
    const int n = int(g.a.states), padded = g.s.states;
    if (n == padded) return rows;
    for (int t = 0; t < g.steps(chunk); t++) {
        std::copy(rows.at(t), rows.at(t) + n, packed + t * padded);
        std::fill(packed + t * padded + n, packed + (t + 1) * padded, 0.0f);
    }
    return {packed, padded};
}

// One chunk, [step][block]: dt as the exponents take it, dt u, and y before the gate.
struct Steps {
    V *limited, *drive, *y;
    Steps(int64_t size, Scratch& scratch)
        : limited(scratch.take<V>(size)), drive(scratch.take<V>(size)), y(scratch.take<V>(size)) {}
};

// The steps of one chunk of one block for K states. `at` and `count`: where the block's vectors lie in Steps.
template <int K>
INLINE void forward_tile(Rows B, Rows C, const V* A, int steps, int count, const Steps& s, int at, V* state) {
    V h[K];
    for (int k = 0; k < K; k++) h[k] = state[k];
    for (int t = 0; t < steps; t++, at += count) {
        const V dt = s.limited[at], drive = s.drive[at];
        const float *B_t = B.at(t), *C_t = C.at(t);
        V y[2] = {s.y[at], V{}};
#pragma GCC unroll 16
        for (int k = 0; k < K; k++) {
            h[k] = exp2_product(dt, A[k]) * h[k] + drive * B_t[k];
            y[k & 1] = h[k] * C_t[k] + y[k & 1];
        }
        s.y[at] = y[0] + y[1];
    }
    for (int k = 0; k < K; k++) state[k] = h[k];
}

template <bool FULL>
void before_forward(const Group& g, int64_t chunk, const Steps& s) {
    const Rows u(g.a.u, g, chunk, g.channel(0)), delta(g.a.delta, g, chunk, g.channel(0));
    const bool softplus = g.a.softplus;
    int at = 0;
    for (int t = 0; t < g.steps(chunk); t++)
        for (int i = 0; i < g.count; i++, at++) {
            const int lanes = FULL ? WIDTH : g.lanes(i);
            const V x = load(u.at(t) + i * WIDTH, lanes);
            V dt = load(delta.at(t) + i * WIDTH, lanes) + g.bias[i];
            if (softplus) dt = softplus_of(dt).value;
            s.limited[at] = larger(smaller(dt, g.limit[i]), -g.limit[i]);
            s.drive[at] = dt * x;
            s.y[at] = g.D[i] * x;
        }
}

template <bool FULL>
void after_forward(const Group& g, int64_t chunk, const Steps& s) {
    const Rows z(g.a.z, g, chunk, g.channel(0)), y(g.a.y, g, chunk, g.channel(0));
    int at = 0;
    for (int t = 0; t < g.steps(chunk); t++)
        for (int i = 0; i < g.count; i++, at++) {
            const int lanes = FULL ? WIDTH : g.lanes(i);
            V out = s.y[at];
            if (z.data) {
                const V gate = load(z.at(t) + i * WIDTH, lanes);
                out *= gate * sigmoid_of(gate);
            }
            store(y.at(t) + i * WIDTH, out, lanes);
        }
}

void forward_group(const ScanArgs& a, const Shape& s, int64_t unit) {
    const int64_t size = CHUNK * s.per_group;
    Scratch scratch(Group::bytes(s) + (3 * size + s.per_group * s.states) * sizeof(V) + 5 * 64);
    const Group g(a, s, unit, scratch);
    const Steps steps(size, scratch);
    V* state = scratch.take<V>(g.count * s.states);
    std::fill(state, state + g.count * s.states, V{});
    for (int64_t chunk = 0; chunk < s.chunks; chunk++) {
        const int n = g.steps(chunk);
        const Rows B = rows_of_states(a.B, g, chunk, g.packed_B), C = rows_of_states(a.C, g, chunk, g.packed_C);
        if (a.saved) std::copy((float*)state, (float*)(state + g.count * s.states), g.saved(chunk));
        (g.full ? before_forward<true> : before_forward<false>)(g, chunk, steps);
        for (int i = 0; i < g.count; i++) {
#define FORWARD(K) forward_tile<K>({B.data + k, B.step}, {C.data + k, C.step}, g.A + i * s.states + k, n, g.count, steps, i, state + i * s.states + k)
            int k = 0;
            for (; k + TILE <= s.states; k += TILE) FORWARD(TILE);
            if (TILE > 8 && k + 8 <= s.states) {
                FORWARD(8);
                k += 8;
            }
            if (k < s.states) FORWARD(4);
#undef FORWARD
        }
        (g.full ? after_forward<true> : after_forward<false>)(g, chunk, steps);
    }
}

// What backward keeps of a chunk beside Steps, [step][block] too.
struct BackSteps {
    V *dt, *u;
    V *gradient;         // of y before the gate
    V *dgate, *slope;    // dz / y before the gate; d dt / d delta
    V *ddrive, *ddt;     // gradients of dt u and of dt through the decays
    BackSteps(int64_t size, Scratch& scratch)
        : dt(scratch.take<V>(size)), u(scratch.take<V>(size)), gradient(scratch.take<V>(size)), dgate(scratch.take<V>(size)),
          slope(scratch.take<V>(size)), ddrive(scratch.take<V>(size)), ddt(scratch.take<V>(size)) {}
};

// What it keeps of BUFFERED states of one block, [step][state]; dB and dC add up over the group's blocks.
struct Buffers {
    V decays[CHUNK][BUFFERED], states[CHUNK + 1][BUFFERED], dB[CHUNK][BUFFERED], dC[CHUNK][BUFFERED];
};

// The chunk again from its first state, kept in states[0]: decays, states, y, and dC.
template <int K, bool FIRST>
INLINE void again_tile(Rows B, Rows C, const V* A, int steps, int count, const Steps& s, const BackSteps& b, int at, Buffers& keep) {
    V h[K];
    for (int k = 0; k < K; k++) h[k] = keep.states[0][k];
    for (int t = 0; t < steps; t++, at += count) {
        const V dt = s.limited[at], drive = s.drive[at], gradient = b.gradient[at];
        const float *B_t = B.at(t), *C_t = C.at(t);
        V y[2] = {s.y[at], V{}};
#pragma GCC unroll 16
        for (int k = 0; k < K; k++) {
            const V decay = exp2_product(dt, A[k]);
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
INLINE void back_tile(Rows B, Rows C, const V* A, int from, int steps, int count, const Steps& s, const BackSteps& b, int at,
                      Buffers& keep, V* carry, VD* dA) {
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
template <int K, bool FIRST>
void both_ways(Rows B, Rows C, const V* A, int steps, int count, const Steps& s, const BackSteps& b, int at, Buffers& keep, V* carry,
               VD* dA) {
    again_tile<K, FIRST>(B, C, A, steps, count, s, b, at, keep);
    const int part = K < BACK_TILE ? K : BACK_TILE;
    for (int k = 0; k < K; k += part)
        back_tile<part, FIRST>({B.data + k, B.step}, {C.data + k, C.step}, A + k, k, steps, count, s, b, at, keep, carry + k, dA + k);
}

template <bool FULL>
void before_backward(const Group& g, int64_t chunk, const Steps& s, const BackSteps& b) {
    const Rows u(g.a.u, g, chunk, g.channel(0)), delta(g.a.delta, g, chunk, g.channel(0));
    const Rows z(g.a.z, g, chunk, g.channel(0)), dy(g.a.y, g, chunk, g.channel(0));
    const bool softplus = g.a.softplus;
    int at = 0;
    for (int t = 0; t < g.steps(chunk); t++)
        for (int i = 0; i < g.count; i++, at++) {
            const int lanes = FULL ? WIDTH : g.lanes(i);
            const V x = load(u.at(t) + i * WIDTH, lanes);
            V dt = load(delta.at(t) + i * WIDTH, lanes) + g.bias[i], gradient = load(dy.at(t) + i * WIDTH, lanes);
            if (softplus) {
                const Softplus both = softplus_of(dt);
                dt = both.value;
                b.slope[at] = both.slope;
            }
            b.dt[at] = dt;
            b.u[at] = x;
            s.limited[at] = larger(smaller(dt, g.limit[i]), -g.limit[i]);
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

template <bool FULL>
void after_backward(const Group& g, int64_t chunk, const Steps& s, const BackSteps& b, VD* dD, VD* dbias) {
    const Rows du(g.a.du, g, chunk, g.channel(0)), dz(g.a.dz, g, chunk, g.channel(0));
    const Rows ddelta(g.a.ddelta, g, chunk, g.channel(0));
    const bool softplus = g.a.softplus;
    for (int i = 0; i < g.count; i++) {
        const int lanes = FULL ? WIDTH : g.lanes(i);
        V sum_D = {}, sum_bias = {};
        int at = i;
        for (int t = 0; t < g.steps(chunk); t++, at += g.count) {
            if (dz.data) store(dz.at(t) + i * WIDTH, b.dgate[at] * s.y[at], lanes);
            store(du.at(t) + i * WIDTH, b.gradient[at] * g.D[i] + b.dt[at] * b.ddrive[at], lanes);
            V ddt = b.ddt[at] * float(LN_2) + b.u[at] * b.ddrive[at];
            if (softplus) ddt *= b.slope[at];
            store(ddelta.at(t) + i * WIDTH, ddt, lanes);
            sum_D = b.gradient[at] * b.u[at] + sum_D;
            sum_bias += ddt;
        }
        dD[i] += __builtin_convertvector(sum_D, VD);
        dbias[i] += __builtin_convertvector(sum_bias, VD);
    }
}

void backward_group(const ScanArgs& a, const Shape& s, int64_t unit) {
    const int64_t size = CHUNK * s.per_group, all_states = s.per_group * s.states;
    Scratch scratch(Group::bytes(s) + sizeof(Buffers) + (10 * size + all_states) * sizeof(V) + (all_states + 2 * s.per_group) * sizeof(VD) + 16 * 64);
    const Group g(a, s, unit, scratch);
    const Steps steps(size, scratch);
    const BackSteps back(size, scratch);
    Buffers& keep = *scratch.take<Buffers>(1);
    V* carry = scratch.take<V>(all_states);
    VD *dA = scratch.take<VD>(all_states), *dD = scratch.take<VD>(s.per_group), *dbias = scratch.take<VD>(s.per_group);
    std::fill(carry, carry + all_states, V{});
    std::fill((double*)dA, (double*)(dbias + s.per_group), 0.0);
    for (int64_t chunk = s.chunks - 1; chunk >= 0; chunk--) {
        const int n = g.steps(chunk);
        const Rows B = rows_of_states(a.B, g, chunk, g.packed_B), C = rows_of_states(a.C, g, chunk, g.packed_C);
        (g.full ? before_backward<true> : before_backward<false>)(g, chunk, steps, back);
        for (int k = 0; k < s.states; k += BUFFERED) {
            const int these = std::min(BUFFERED, s.states - k);
            for (int i = 0; i < g.count; i++) {
                const float* first_state = g.saved(chunk) + (i * s.states + k) * WIDTH;
                std::copy(first_state, first_state + these * WIDTH, (float*)keep.states[0]);
                const auto run = these == 4 ? (i ? both_ways<4, false> : both_ways<4, true>) : (i ? both_ways<8, false> : both_ways<8, true>);
                const int at = i * s.states + k;
                run({B.data + k, B.step}, {C.data + k, C.step}, g.A + at, n, g.count, steps, back, i, keep, carry + at, dA + at);
            }
            const int64_t part = (g.index * a.batch + g.sample) * a.length + g.row(chunk), dC = s.groups * a.batch * a.length;
            for (int t = 0; t < n; t++)
                for (int j = 0; j < these; j += 4) {
                    float* to = a.partial + (part + t * g.direction) * s.states + k + j;
                    sum_lanes_of_four((float*)(keep.dB[t] + j), to);
                    sum_lanes_of_four((float*)(keep.dC[t] + j), to + dC * s.states);
                }
        }
        (g.full ? after_backward<true> : after_backward<false>)(g, chunk, steps, back, dD, dbias);
    }
    for (int i = 0; i < g.count; i++)
        for (int lane = 0; lane < g.lanes(i); lane++) {
            const int64_t channel = g.sample * a.channels + g.channel(i) + lane;
            for (int64_t n = 0; n < a.states; n++) a.dA[channel * a.states + n] = dA[i * s.states + n][lane];
            a.dD[channel] = dD[i][lane];
            a.dbias[channel] = dbias[i][lane];
        }
}

// dB and dC: the groups' parts, added in order.
void add_groups(const ScanArgs& a, const Shape& s, int64_t from, int64_t to) {
    const int64_t rows = a.batch * a.length;
    for (int64_t row = from; row < to; row++)
        for (int64_t n = 0; n < a.states; n++) {
            float B = 0, C = 0;
            for (int64_t group = 0; group < s.groups; group++) {
                B += a.partial[(group * rows + row) * s.states + n];
                C += a.partial[((s.groups + group) * rows + row) * s.states + n];
            }
            a.dB.data[row * a.states + n] = B;
            a.dC.data[row * a.states + n] = C;
        }
}

}  // namespace

extern "C" {

int64_t saved_floats(const ScanArgs* a) {
    Shape s(*a);
    return a->batch * s.chunks * s.blocks * s.states * WIDTH;
}

int64_t partial_groups(const ScanArgs* a) { return Shape(*a).groups; }

void scan_forward(const ScanArgs* args) {
    const ScanArgs& a = *args;
    const Shape s(a);
    want_large_pages(a.y.data, a.batch * a.length * a.channels);
    want_large_pages(a.saved, saved_floats(args));
#pragma omp parallel num_threads(int(a.threads))
    {
        NoDenormals mode;
#pragma omp for schedule(dynamic)
        for (int64_t unit = 0; unit < a.batch * s.groups; unit++) forward_group(a, s, unit);
    }
}

void scan_backward(const ScanArgs* args) {
    const ScanArgs& a = *args;
    const Shape s(a);
    for (float* data : {a.du.data, a.ddelta.data, a.dz.data}) want_large_pages(data, a.batch * a.length * a.channels);
    want_large_pages(a.partial, 2 * s.groups * a.batch * a.length * s.states);
#pragma omp parallel num_threads(int(a.threads))
    {
        NoDenormals mode;
#pragma omp for schedule(dynamic)
        for (int64_t unit = 0; unit < a.batch * s.groups; unit++) backward_group(a, s, unit);
        const int64_t span = 1024;
#pragma omp for schedule(dynamic)
        for (int64_t from = 0; from < (s.groups > 1 ? a.batch * a.length : 0); from += span)
            add_groups(a, s, from, std::min(from + span, a.batch * a.length));
    }
}
}
