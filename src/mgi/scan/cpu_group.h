// The call, how it is cut into groups and chunks, and a group's way to its rows; shared by forward and backward.
#pragma once
#include "cpu_vector.h"

#include <algorithm>
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
    int64_t rank;                          // 0: delta is (batch, length, channels)
    int64_t tied;                          // A[:, n] is (n + 1) A[:, 0]
    Series u, delta, z, B, C, y;           // z.data may be null; backward: y is the gradient of y
    Series du, ddelta, dz, dB, dC;         // backward only; dB and dC contiguous, and the part itself with one group
    const float *A, *D, *bias;             // (channels, states), (channels), (channels); D and bias may be null
    const float* weight;                   // (channels, rank), where delta is (batch, length, rank): cpu_low_rank.h
    float* saved;                          // states before every chunk, saved_floats() of them; null: not wanted
    float* partial;                        // backward: (dB and dC, partial_groups(), batch, length, padded states)
    double *dA, *dD, *dbias;               // backward: (batch, channels, states), (batch, channels) twice
    float* partial_low;                    // backward, with a rank: (partial_groups(), batch, length, padded rank)
    double* dweight;                       // the same: (batch, channels, rank)
};

}

namespace {

int64_t up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// The sizes that follow from a call.
struct Shape {
    int64_t chunks, blocks, groups;
    int states, ranks, per_group;
    explicit Shape(const ScanArgs& a) {
        chunks = up(a.length, CHUNK);
        blocks = up(a.channels, WIDTH);
        states = int(up(a.states, 4) * 4);
        ranks = int(up(a.rank, 4) * 4);
        // Wide groups share the sums of dB and dC over channels; narrow ones give small batches work for more cores.
        int wide = 64 / WIDTH;
        per_group = int(a.batch * up(blocks, wide) >= 2 ? wide : wide / 2);
        groups = up(blocks, per_group);
    }
    // Forward sums nothing over channels: its groups may follow the threads, and whole rows are read fastest.
    void widen(const ScanArgs& a) {
        const int64_t apart = up(a.threads, std::max<int64_t>(a.batch, 1));
        per_group = int(std::max<int64_t>(1, std::min<int64_t>(up(blocks, apart), 256 / WIDTH)));
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

enum Write { LANES, ROWS, PAST };  // some lanes of the last block; whole vectors; whole vectors, past the cache

template <Write HOW>
INLINE void put(float* p, V v, int lanes) {
    if (HOW == LANES) return store(p, v, lanes);
#if defined(__SSE2__)
    if (HOW == PAST) return store_past_cache(p, v);
#endif
    store(p, v);
}

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
    Write how;
    V *A, *limit, *D, *bias, *weight;  // A in powers of two, [block][state]; weight [block][rank]; the others [block]
    float *packed_B, *packed_C, *packed_low;

    Group(const ScanArgs& args, const Shape& shape, int64_t unit, Scratch& scratch)
        : a(args), s(shape), sample(unit / s.groups), index(unit % s.groups), first(index * s.per_group) {
        count = int(std::min<int64_t>(s.per_group, s.blocks - first));
        direction = a.reverse ? -1 : 1;
        // Rows that are not read again soon go past the cache: a line is not fetched only to be written over.
        const bool large = a.batch * a.length * a.channels >= 2 << 20;
        const bool whole = aligned(a.y) && aligned(a.du) && (a.rank || aligned(a.ddelta)) && aligned(a.dz);
        how = lanes(count - 1) < WIDTH ? LANES : large && whole ? PAST : ROWS;
        A = scratch.take<V>(count * s.states);
        limit = scratch.take<V>(count);
        D = scratch.take<V>(count);
        bias = scratch.take<V>(count);
        packed_B = scratch.take<float>(CHUNK * s.states);
        packed_C = scratch.take<float>(CHUNK * s.states);
        weight = scratch.take<V>(count * s.ranks);
        packed_low = scratch.take<float>(CHUNK * s.ranks);
        for (int i = 0; i < count; i++) {
            D[i] = a.D ? load(a.D + channel(i), lanes(i)) : V{};
            bias[i] = a.bias ? load(a.bias + channel(i), lanes(i)) : V{};
            pack_A(i);
            pack_weight(i);
        }
    }
    static int64_t bytes(const Shape& s) {
        return (s.per_group * (s.states + s.ranks + 3) * WIDTH + CHUNK * (2 * s.states + s.ranks)) * 4 + 8 * 64;
    }
    static bool aligned(const Series& s) {
        return uintptr_t(s.data) % sizeof(V) == 0 && s.time % WIDTH == 0 && s.batch % WIDTH == 0;
    }
    int64_t channel(int i) const { return (first + i) * WIDTH; }
    int lanes(int i) const { return int(std::min<int64_t>(WIDTH, a.channels - channel(i))); }
    int64_t row(int64_t chunk) const { return a.reverse ? a.length - 1 - chunk * CHUNK : chunk * CHUNK; }
    int steps(int64_t chunk) const { return int(std::min<int64_t>(CHUNK, a.length - chunk * CHUNK)); }
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
            // How large dt may be in exponents: beyond, exp2's remainder is no longer small, and 2^-1e12 is 0 anyway.
            limit[i][lane] = 1e12f / most;
        }
    }
    void pack_weight(int i) {
        float* to = (float*)(weight + i * s.ranks);
        std::fill(to, to + s.ranks * WIDTH, 0.0f);
        for (int lane = 0; lane < lanes(i); lane++)
            for (int r = 0; r < a.rank; r++) to[r * WIDTH + lane] = a.weight[(channel(i) + lane) * a.rank + r];
    }
};

// Rows of one chunk in scan order.
struct Rows {
    float* data;
    int64_t step;
    Rows(const Series& s, const Group& g, int64_t chunk, int64_t column)
        : data(s.data ? s.data + g.sample * s.batch + g.row(chunk) * s.time + column : nullptr),
          step(g.direction * s.time) {}
    Rows(float* data_, int64_t step_) : data(data_), step(step_) {}
    float* at(int t) const { return data + t * step; }
    Rows from(int64_t column) const { return {data + column, step}; }
};

// B, C or a low-rank delta: where it lies, or a copy whose rows of n are padded with zeros.
Rows padded_rows(const Series& from, int n, int padded, const Group& g, int64_t chunk, float* packed) {
    const Rows rows(from, g, chunk, 0);
    if (n == padded) return rows;
    for (int t = 0; t < g.steps(chunk); t++) {
        std::copy(rows.at(t), rows.at(t) + n, packed + t * padded);
        std::fill(packed + t * padded + n, packed + (t + 1) * padded, 0.0f);
    }
    return {packed, padded};
}

Rows rows_of_states(const Series& from, const Group& g, int64_t chunk, float* packed) {
    return padded_rows(from, int(g.a.states), g.s.states, g, chunk, packed);
}

// One chunk, [step][block]: dt as the exponents take it, dt u, y before the gate, and with tied decays the slowest one.
struct Steps {
    V *limited, *drive, *y, *power;
    Steps(int64_t size, Scratch& scratch)
        : limited(scratch.take<V>(size)), drive(scratch.take<V>(size)), y(scratch.take<V>(size)),
          power(scratch.take<V>(size)) {}
};

}  // namespace
