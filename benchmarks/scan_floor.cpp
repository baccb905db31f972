// The floor of the scan on this processor: the arithmetic of one channel-step and nothing else. Series never come from
// memory, results never go there; A, B_t and C_t are one table in the L1 cache, as they are for the kernel. `fresh`
// tells the compiler that a register has a new value and `done` that a result is needed: neither is an instruction.
// They also cut what would only be waiting: a step's decays do not wait for its softplus, nor its gate for its y.
#include "../src/mgi/scan/cpu_vector.h"

#if defined(__AVX512F__)
#define REGISTER "v"
#elif defined(__SSE2__)
#define REGISTER "x"
#else
#define REGISTER "w"
#endif

namespace {

const int TILE = WIDTH == 8 ? 8 : 16;  // states that fit the registers, forward
const int BACK_TILE = WIDTH == 8 ? 4 : 8;

INLINE V& fresh(V& v) {
    asm volatile("" : "+" REGISTER(v));
    return v;
}
INLINE void done(V v) { asm volatile("" : : REGISTER(v)); }

struct Table {
    V A[16];
    float B[16], C[16];
    V delta, dt, u, z, D, dy;
    Table() {
        for (int k = 0; k < 16; k++) {
            A[k] = all(-1.44f * float(k + 1));
            B[k] = 0.3f + 0.01f * float(k);
            C[k] = 0.5f - 0.02f * float(k);
        }
        delta = all(-3.0f);
        dt = all(0.05f);
        u = all(0.7f);
        z = all(0.4f);
        D = all(1.1f);
        dy = all(0.2f);
    }
};

// K states; EXTRAS: softplus, skip and gate too. More states than fit are several runs, one of them with EXTRAS.
template <int K, bool EXTRAS>
void forward(Table c, int64_t steps) {
    V h[K] = {};
    for (int64_t t = 0; t < steps; t++) {
        asm volatile("" : : : "memory");  // the table is read again, as B and C are at every step
        V u = fresh(c.u);
        if (EXTRAS) done(softplus_of(fresh(c.delta) + c.D).value);
        const V dt = fresh(c.dt), drive = dt * u;
        V y[2] = {EXTRAS ? c.D * u : V{}, V{}};
#pragma GCC unroll 16
        for (int k = 0; k < K; k++) {
            h[k] = exp2_product(dt, c.A[k]) * h[k] + drive * c.B[k];
            y[k & 1] = h[k] * c.C[k] + y[k & 1];
        }
        const V out = y[0] + y[1];
        done(out);
        if (EXTRAS) done(fresh(c.u) * fresh(c.z) * sigmoid_of(c.z));
    }
    for (int k = 0; k < K; k++) done(h[k]);
}

// The chunk again: decays and states, y for the gate's gradient, dC.
template <int K, bool EXTRAS>
void again(Table c, int64_t steps) {
    V h[K] = {}, dC = {};
    for (int64_t t = 0; t < steps; t++) {
        asm volatile("" : : : "memory");
        V u = fresh(c.u), gradient = fresh(c.dy);
        if (EXTRAS) {
            const Softplus both = softplus_of(fresh(c.delta) + c.D);
            done(both.value);
            done(both.slope);
            const V z = fresh(c.z), open = sigmoid_of(z);
            done(gradient * open * (z * (1.0f - open) + 1.0f));
            done(gradient * (z * open));
        }
        const V dt = fresh(c.dt), drive = dt * u;
        V y[2] = {EXTRAS ? c.D * u : V{}, V{}};
#pragma GCC unroll 16
        for (int k = 0; k < K; k++) {
            const V decay = exp2_product(dt, c.A[k]);
            done(decay);
            h[k] = decay * h[k] + drive * c.B[k];
            y[k & 1] = h[k] * c.C[k] + y[k & 1];
            done(gradient * h[k] + fresh(dC));
        }
        const V out = y[0] + y[1];
        done(EXTRAS ? gradient * out : out);
    }
    for (int k = 0; k < K; k++) done(h[k]);
}

// The chunk from its end.
template <int K, bool EXTRAS>
void back(Table c, int64_t steps) {
    V g[K] = {}, sum[K] = {}, dB = {}, sum_D = {}, sum_bias = {};
    V decay = all(0.9f), before = all(0.1f), slope = all(0.5f);
    for (int64_t t = 0; t < steps; t++) {
        asm volatile("" : : : "memory");
        V dt = fresh(c.dt), drive = fresh(c.u), gradient = fresh(c.dy), ddrive = {}, ddt = {};
#pragma GCC unroll 16
        for (int k = 0; k < K; k++) {
            const V dh = gradient * c.C[k] + g[k];
            done(dh * drive + fresh(dB));
            ddrive = dh * c.B[k] + ddrive;
            g[k] = dh * fresh(decay);
            const V q = g[k] * fresh(before);
            sum[k] = q * dt + sum[k];
            ddt = q * c.A[k] + ddt;
        }
        if (EXTRAS) {
            done(gradient * c.D + dt * ddrive);
            ddt = (ddt * 0.693f + drive * ddrive) * fresh(slope);
            sum_D = gradient * drive + sum_D;
            sum_bias += ddt;
        } else {
            done(ddrive);
        }
        done(ddt);
    }
    for (int k = 0; k < K; k++) {
        done(g[k]);
        done(sum[k]);
    }
    done(sum_D);
    done(sum_bias);
}

}  // namespace

extern "C" {

int floor_width() { return WIDTH; }

// 16 states, `steps` steps of one vector of floor_width() channels.
void floor_forward(int64_t steps) {
    NoDenormals mode;
    const Table table;
    forward<TILE, true>(table, steps);
    if (TILE < 16) forward<8, false>(table, steps);
}

void floor_backward(int64_t steps) {
    NoDenormals mode;
    const Table table;
    again<TILE, true>(table, steps);
    if (TILE < 16) again<8, false>(table, steps);
    back<BACK_TILE, true>(table, steps);
    for (int k = BACK_TILE; k < 16; k += BACK_TILE) back<BACK_TILE, false>(table, steps);
}
}
