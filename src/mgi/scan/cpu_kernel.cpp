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

const int CHUNK = 16;                      // steps between two saved states
const int TILE = WIDTH == 8 ? 8 : 16;      // states in registers, forward: the processor has 16 registers at WIDTH 8
const int BACK_TILE = WIDTH == 8 ? 4 : 8;  // backward holds two vectors per state
const float LOG2_E = 1.44269502f;
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
    int64_t state_floats() const { return int64_t(states) * WIDTH; }
};

struct Scratch {
    float* data;
    explicit Scratch(int64_t floats) {
        void* p = nullptr;
        if (posix_memalign(&p, 64, size_t(floats) * 4)) std::abort();
        data = (float*)p;
    }
    ~Scratch() { std::free(data); }
    Scratch(const Scratch&) = delete;
};

// Fresh memory of many megabytes costs more in page faults than the scan costs in arithmetic, unless pages are large.
void want_large_pages(const void* data, int64_t floats) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    const uintptr_t page = 2 << 20, from = up((uintptr_t)data, page) * page;
    const uintptr_t to = ((uintptr_t)data + uintptr_t(floats) * 4) / page * page;
    if (data && to > from) madvise((void*)from, to - from, MADV_HUGEPAGE);
#endif
}

// What one block of channels needs, [state][lane]: A in powers of two, and how large dt may be in its exponents.
struct Block {
    int64_t first;
    int lanes;
};

Block block_at(const ScanArgs& a, int64_t index) {
    int64_t first = index * WIDTH;
    return {first, int(std::min<int64_t>(WIDTH, a.channels - first))};
}

void pack_A(const ScanArgs& a, const Shape& s, Block block, float* packed, float* limit) {
    std::fill(packed, packed + s.state_floats(), 0.0f);
    for (int lane = 0; lane < WIDTH; lane++) {
        float most = 1e-20f;
        for (int n = 0; lane < block.lanes && n < a.states; n++) {
            float A = float(a.A[(block.first + lane) * a.states + n] / LN_2);
            packed[n * WIDTH + lane] = A;
            most = std::max(most, A < 0 ? -A : A);
        }
        limit[lane] = 1e12f / most;  // beyond it exp2's remainder is no longer small; 2^-1e12 is 0 all the same
    }
}

void pack_rows(const Series& from, int64_t sample, int64_t row, int64_t step, int steps, int states, int padded, float* to) {
    for (int t = 0; t < steps; t++) {
        const float* source = from.data + sample * from.batch + (row + t * step) * from.time;
        for (int n = 0; n < states; n++) to[t * padded + n] = source[n];
        for (int n = states; n < padded; n++) to[t * padded + n] = 0.0f;
    }
}

// One chunk of one block, [step][lane].
struct Steps {
    V dt[CHUNK];     // as it is
    V limited[CHUNK];  // as the exponents take it
    V drive[CHUNK];  // dt u
    V y[CHUNK];
};

struct Pointer {  // where a block's rows of a series start in this chunk, and how far apart they lie in scan order
    float* data;
    int64_t step;
    Pointer(const Series& s, int64_t sample, int64_t row, int64_t direction, int64_t channel)
        : data(s.data ? s.data + sample * s.batch + row * s.time + channel : nullptr), step(direction * s.time) {}
    float* at(int t) const { return data + t * step; }
};

template <int K>
INLINE void forward_tile(const float* B, const float* C, const float* A, int padded, int steps, Steps& s, float* state) {
    V h[K];
    for (int k = 0; k < K; k++) h[k] = load(state + k * WIDTH);
    for (int t = 0; t < steps; t++, B += padded, C += padded) {
        const V dt = s.limited[t], drive = s.drive[t];
        V y[2] = {s.y[t], V{}};
#pragma GCC unroll 16
        for (int k = 0; k < K; k++) {
            h[k] = exp2_product(dt, load(A + k * WIDTH)) * h[k] + drive * B[k];
            y[k & 1] = h[k] * C[k] + y[k & 1];
        }
        s.y[t] = y[0] + y[1];
    }
    for (int k = 0; k < K; k++) store(state + k * WIDTH, h[k]);
}

void forward_group(const ScanArgs& a, const Shape& s, int64_t sample, int64_t group) {
    const int64_t first = group * s.per_group, count = std::min<int64_t>(s.per_group, s.blocks - first);
    const int64_t floats = s.state_floats();
    Scratch scratch(count * (2 * floats + WIDTH) + 2 * CHUNK * s.states);
    float *A = scratch.data, *state = A + count * floats, *limit = state + count * floats;
    float *B = limit + count * WIDTH, *C = B + CHUNK * s.states;
    for (int64_t i = 0; i < count; i++)
        pack_A(a, s, block_at(a, first + i), A + i * floats, limit + i * WIDTH);
    std::fill(state, state + count * floats, 0.0f);
    const int64_t direction = a.reverse ? -1 : 1;
    Steps steps;
    for (int64_t chunk = 0; chunk < s.chunks; chunk++) {
        const int n = int(std::min<int64_t>(CHUNK, a.length - chunk * CHUNK));
        const int64_t row = a.reverse ? a.length - 1 - chunk * CHUNK : chunk * CHUNK;
        pack_rows(a.B, sample, row, direction, n, int(a.states), s.states, B);
        pack_rows(a.C, sample, row, direction, n, int(a.states), s.states, C);
        for (int64_t i = 0; i < count; i++) {
            const Block block = block_at(a, first + i);
            const int lanes = block.lanes;
            float* h = state + i * floats;
            if (a.saved) std::copy(h, h + floats, a.saved + ((sample * s.chunks + chunk) * s.blocks + first + i) * floats);
            const Pointer u(a.u, sample, row, direction, block.first), delta(a.delta, sample, row, direction, block.first);
            const Pointer z(a.z, sample, row, direction, block.first), y(a.y, sample, row, direction, block.first);
            const V bias = a.bias ? load(a.bias + block.first, lanes) : V{};
            const V D = a.D ? load(a.D + block.first, lanes) : V{};
            const V most = load(limit + i * WIDTH);
            for (int t = 0; t < n; t++) {
                V dt = load(delta.at(t), lanes) + bias, x = load(u.at(t), lanes);
                if (a.softplus) dt = softplus_of(dt).value;
                steps.limited[t] = larger(smaller(dt, most), -most);
                steps.drive[t] = dt * x;
                steps.y[t] = D * x;
            }
            const float* A_ = A + i * floats;
            int k = 0;
            for (; k + TILE <= s.states; k += TILE)
                forward_tile<TILE>(B + k, C + k, A_ + k * WIDTH, s.states, n, steps, h + k * WIDTH);
            if (TILE > 8 && k + 8 <= s.states) {
                forward_tile<8>(B + k, C + k, A_ + k * WIDTH, s.states, n, steps, h + k * WIDTH);
                k += 8;
            }
            if (k < s.states) forward_tile<4>(B + k, C + k, A_ + k * WIDTH, s.states, n, steps, h + k * WIDTH);
            for (int t = 0; t < n; t++) {
                V out = steps.y[t];
                if (z.data) {
                    V gate = load(z.at(t), lanes);
                    out *= gate * sigmoid_of(gate);
                }
                store(y.at(t), out, lanes);
            }
        }
    }
}

// What backward keeps of one chunk of one block beside Steps.
struct BackSteps {
    V gradient[CHUNK];  // of y before the gate
    V dgate[CHUNK];     // dz = dgate * y before the gate
    V u[CHUNK], slope[CHUNK];
    V ddrive[CHUNK], ddt[CHUNK];
};

// The chunk again from its first state: decays, states (the first one at h[-1 row]), y, and dC.
template <int K, bool FIRST>
INLINE void again_tile(const float* B, const float* C, const float* A, int padded, int steps, Steps& s, const BackSteps& b,
                       float* decays, float* states, float* dC) {
    V h[K];
    for (int k = 0; k < K; k++) h[k] = load(states + k * WIDTH);
    const int row = padded * WIDTH;
    for (int t = 0; t < steps; t++, B += padded, C += padded, dC += row) {
        const V dt = s.limited[t], drive = s.drive[t], gradient = b.gradient[t];
        V y[2] = {s.y[t], V{}};
        states += row;
#pragma GCC unroll 16
        for (int k = 0; k < K; k++) {
            V decay = exp2_product(dt, load(A + k * WIDTH));
            store(decays + t * row + k * WIDTH, decay);
            h[k] = decay * h[k] + drive * B[k];
            store(states + k * WIDTH, h[k]);
            y[k & 1] = h[k] * C[k] + y[k & 1];
            store(dC + k * WIDTH, FIRST ? gradient * h[k] : gradient * h[k] + load(dC + k * WIDTH));
        }
        s.y[t] = y[0] + y[1];
    }
}

// The chunk from its end. `carry`: the gradient that reaches each state from later steps.
template <int K, bool FIRST>
INLINE void back_tile(const float* B, const float* C, const float* A, int padded, int steps, const Steps& s, BackSteps& b,
                      const float* decays, const float* states, float* dB, float* carry, double* dA) {
    V g[K], sum[K];
    for (int k = 0; k < K; k++) {
        g[k] = load(carry + k * WIDTH);
        sum[k] = V{};
    }
    const int row = padded * WIDTH;
    for (int t = steps - 1; t >= 0; t--) {
        const V dt = s.limited[t], drive = s.drive[t], gradient = b.gradient[t];
        V ddrive = b.ddrive[t], ddt = b.ddt[t];
        const float *B_t = B + t * padded, *C_t = C + t * padded, *decay = decays + t * row, *before = states + t * row;
        float* dB_t = dB + t * row;
#pragma GCC unroll 16
        for (int k = 0; k < K; k++) {
            V dh = gradient * C_t[k] + g[k];
            store(dB_t + k * WIDTH, FIRST ? dh * drive : dh * drive + load(dB_t + k * WIDTH));
            ddrive = dh * B_t[k] + ddrive;
            g[k] = dh * load(decay + k * WIDTH);
            V q = g[k] * load(before + k * WIDTH);  // the gradient of dt A
            sum[k] = q * dt + sum[k];
            ddt = q * load(A + k * WIDTH) + ddt;
        }
        b.ddrive[t] = ddrive;
        b.ddt[t] = ddt;
    }
    for (int k = 0; k < K; k++) {
        store(carry + k * WIDTH, g[k]);
        for (int lane = 0; lane < WIDTH; lane++) dA[k * WIDTH + lane] += double(sum[k][lane]);
    }
}

template <bool FIRST>
void back_states(const float* B, const float* C, const float* A, int padded, int n, Steps& s, BackSteps& b, float* decays,
                 float* states, float* dB, float* dC, float* carry, double* dA) {
    int k = 0;
#define AGAIN(K) again_tile<K, FIRST>(B + k, C + k, A + k * WIDTH, padded, n, s, b, decays + k * WIDTH, states + k * WIDTH, dC + k * WIDTH)
#define BACK(K) back_tile<K, FIRST>(B + k, C + k, A + k * WIDTH, padded, n, s, b, decays + k * WIDTH, states + k * WIDTH, dB + k * WIDTH, carry + k * WIDTH, dA + k * WIDTH)
    for (; k + TILE <= padded; k += TILE) AGAIN(TILE);
    if (TILE > 8 && k + 8 <= padded) {
        AGAIN(8);
        k += 8;
    }
    if (k < padded) AGAIN(4);
    k = 0;
    for (; k + BACK_TILE <= padded; k += BACK_TILE) BACK(BACK_TILE);
    if (BACK_TILE > 4 && k < padded) BACK(4);
#undef AGAIN
#undef BACK
}

void backward_group(const ScanArgs& a, const Shape& s, int64_t sample, int64_t group) {
    const int64_t first = group * s.per_group, count = std::min<int64_t>(s.per_group, s.blocks - first);
    const int64_t floats = s.state_floats();
    Scratch scratch(count * (2 * floats + WIDTH) + 2 * CHUNK * s.states + (4 * CHUNK + 1) * floats);
    float *A = scratch.data, *carry = A + count * floats, *limit = carry + count * floats;
    float *decays = limit + count * WIDTH, *states = decays + CHUNK * floats;
    float *dB = states + (CHUNK + 1) * floats, *dC = dB + CHUNK * floats;
    float *B = dC + CHUNK * floats, *C = B + CHUNK * s.states;
    Scratch sums(2 * count * (floats + 2 * WIDTH));
    double *dA = (double*)sums.data, *dD = dA + count * floats, *dbias = dD + count * WIDTH;
    std::fill(dA, dbias + count * WIDTH, 0.0);
    for (int64_t i = 0; i < count; i++)
        pack_A(a, s, block_at(a, first + i), A + i * floats, limit + i * WIDTH);
    std::fill(carry, carry + count * floats, 0.0f);
    const int64_t direction = a.reverse ? -1 : 1;
    Steps steps;
    BackSteps back;
    for (int64_t chunk = s.chunks - 1; chunk >= 0; chunk--) {
        const int n = int(std::min<int64_t>(CHUNK, a.length - chunk * CHUNK));
        const int64_t row = a.reverse ? a.length - 1 - chunk * CHUNK : chunk * CHUNK;
        pack_rows(a.B, sample, row, direction, n, int(a.states), s.states, B);
        pack_rows(a.C, sample, row, direction, n, int(a.states), s.states, C);
        for (int64_t i = 0; i < count; i++) {
            const Block block = block_at(a, first + i);
            const int lanes = block.lanes;
            const float* h = a.saved + ((sample * s.chunks + chunk) * s.blocks + first + i) * floats;
            std::copy(h, h + floats, states);
            const Pointer u(a.u, sample, row, direction, block.first), delta(a.delta, sample, row, direction, block.first);
            const Pointer z(a.z, sample, row, direction, block.first), dy(a.y, sample, row, direction, block.first);
            const Pointer du(a.du, sample, row, direction, block.first), dz(a.dz, sample, row, direction, block.first);
            const Pointer ddelta(a.ddelta, sample, row, direction, block.first);
            const V bias = a.bias ? load(a.bias + block.first, lanes) : V{};
            const V D = a.D ? load(a.D + block.first, lanes) : V{};
            const V most = load(limit + i * WIDTH);
            for (int t = 0; t < n; t++) {
                V dt = load(delta.at(t), lanes) + bias, x = load(u.at(t), lanes), gradient = load(dy.at(t), lanes);
                if (a.softplus) {
                    Softplus both = softplus_of(dt);
                    dt = both.value;
                    back.slope[t] = both.slope;
                }
                steps.dt[t] = dt;
                steps.limited[t] = larger(smaller(dt, most), -most);
                steps.drive[t] = dt * x;
                steps.y[t] = D * x;
                back.u[t] = x;
                if (z.data) {
                    V gate = load(z.at(t), lanes), open = sigmoid_of(gate);
                    back.dgate[t] = gradient * open * (gate * (1.0f - open) + 1.0f);
                    gradient *= gate * open;
                }
                back.gradient[t] = gradient;
                back.ddrive[t] = back.ddt[t] = V{};
            }
            (i ? back_states<false> : back_states<true>)(B, C, A + i * floats, s.states, n, steps, back, decays, states, dB, dC,
                                                         carry + i * floats, dA + i * floats);
            V sum_D = {}, sum_bias = {};
            for (int t = 0; t < n; t++) {
                if (z.data) store(dz.at(t), back.dgate[t] * steps.y[t], lanes);
                store(du.at(t), back.gradient[t] * D + steps.dt[t] * back.ddrive[t], lanes);
                V ddt = back.ddt[t] * float(LN_2) + back.u[t] * back.ddrive[t];
                if (a.softplus) ddt *= back.slope[t];
                store(ddelta.at(t), ddt, lanes);
                sum_D += back.gradient[t] * back.u[t];
                sum_bias += ddt;
            }
            for (int lane = 0; lane < WIDTH; lane++) {
                dD[i * WIDTH + lane] += double(sum_D[lane]);
                dbias[i * WIDTH + lane] += double(sum_bias[lane]);
            }
        }
        for (int t = 0; t < n; t++) {
            const int64_t offset = ((group * a.batch + sample) * a.length + row + t * direction) * s.states;
            float *to_B = a.partial + offset, *to_C = to_B + s.groups * a.batch * a.length * s.states;
            for (int k = 0; k < s.states; k += 4) {
                sum_lanes_of_four(dB + t * floats + k * WIDTH, to_B + k);
                sum_lanes_of_four(dC + t * floats + k * WIDTH, to_C + k);
            }
        }
    }
    for (int64_t i = 0; i < count; i++) {
        const Block block = block_at(a, first + i);
        for (int lane = 0; lane < block.lanes; lane++) {
            const int64_t channel = sample * a.channels + block.first + lane;
            for (int64_t n = 0; n < a.states; n++) a.dA[channel * a.states + n] = dA[i * floats + n * WIDTH + lane];
            a.dD[channel] = dD[i * WIDTH + lane];
            a.dbias[channel] = dbias[i * WIDTH + lane];
        }
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
    return a->batch * s.chunks * s.blocks * s.state_floats();
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
        for (int64_t unit = 0; unit < a.batch * s.groups; unit++) forward_group(a, s, unit / s.groups, unit % s.groups);
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
        for (int64_t unit = 0; unit < a.batch * s.groups; unit++) backward_group(a, s, unit / s.groups, unit % s.groups);
        const int64_t span = 1024;
#pragma omp for schedule(dynamic)
        for (int64_t from = 0; from < (s.groups > 1 ? a.batch * a.length : 0); from += span)
            add_groups(a, s, from, std::min(from + span, a.batch * a.length));
    }
}
}
